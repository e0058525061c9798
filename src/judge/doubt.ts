import { isUpperLimit, type Objective, type Subject } from "../plan/objective.ts";
import type { Finding, Outcome } from "../result.ts";
import type { LevelSummary } from "../summarize/summary.ts";
import { betterWay } from "./regression.ts";

/** Something that may have changed figures, and with them verdicts: only those it could turn are invalid. */
export interface Doubt {
  readonly finding: Omit<Finding, "level" | "at">;
  /** The level with latencies as low as they can have been, had that not happened. */
  readonly atBest?: LevelSummary;
  /** The same with latencies as high as they can have been. */
  readonly atWorst?: LevelSummary;
  /** Where the true figure may lie from the one that was read, as far as nothing bounds it. */
  readonly truth?: (figure: Figure, objective: Objective) => Direction | undefined;
  /** Too little to speak of where no verdict hangs on it. */
  readonly onlyIfTurned?: boolean;
  /** Makes a run invalid though no verdict hangs on it. */
  readonly always?: boolean;
}

export type Figure = Exclude<Subject, { kind: "regression" }>;
export type Direction = "higher" | "lower" | "either";

/** A verdict, and how to find it again from other readings of the level. */
export interface Judged {
  readonly objective: Objective;
  readonly outcome: Outcome;
  /** Absent where nothing was measured, so that nothing can have moved it. */
  readonly observed?: number;
  readonly again: (readings: { readonly head?: LevelSummary; readonly base?: LevelSummary }) => Outcome;
}

/** Whether the verdict could be another had that not happened, on this side of a comparison. */
export function couldTurn(
  { atBest, atWorst, truth }: Pick<Doubt, "atBest" | "atWorst" | "truth">,
  side: "head" | "base",
  judged: Judged,
): boolean {
  const { objective, outcome, observed, again } = judged;
  const { subject } = objective;
  // The baseline is in what is compared with it, and in nothing else.
  if (observed === undefined || (side === "base" && subject.kind !== "regression")) return false;
  const figure = subject.kind === "regression" ? subject.of : subject;
  const readsOtherwise = (level: LevelSummary | undefined, latencies: "lower" | "higher") =>
    level !== undefined &&
    turns(withLatencies(figure, latencies), side, judged) &&
    again({ [side]: level }) !== outcome;
  return (
    readsOtherwise(atBest, "lower") ||
    readsOtherwise(atWorst, "higher") ||
    turns(truth?.(figure, objective), side, judged)
  );
}

/** Where a figure goes when latencies go there. */
function withLatencies(figure: Figure, direction: "lower" | "higher"): Direction {
  if (figure.kind !== "goodput_ratio") return direction;
  if (!figure.criteria.every(({ op }) => isUpperLimit(op))) return "either";
  return opposite(direction)!;
}

/** Whether a figure that went there could read the other way. */
function turns(
  direction: Direction | undefined,
  side: "head" | "base",
  { objective, outcome }: Judged,
): boolean {
  const { subject, op } = objective;
  let towards = direction;
  if (subject.kind === "regression") {
    if (betterWay(subject.of) === "higher") towards = opposite(towards);
    if (side === "base") towards = opposite(towards);
  }
  if (towards === undefined) return false;
  // More requests would decide what is inconclusive, but of a figure that is not the true one.
  if (towards === "either" || outcome === "inconclusive") return true;
  return outcome === ((towards === "higher") === isUpperLimit(op) ? "met" : "violated");
}

function opposite(direction: Direction | undefined): Direction | undefined {
  if (direction === "higher") return "lower";
  return direction === "lower" ? "higher" : direction;
}
