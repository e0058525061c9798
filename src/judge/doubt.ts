import { isUpperLimit, type Objective, type Subject } from "../plan/objective.ts";
import type { Finding, Outcome } from "../result.ts";
import type { LevelSummary } from "../summarize/summary.ts";
import { betterWay } from "./regression.ts";

/** Something that may have changed figures, and with them verdicts: only those it could turn are invalid. */
export interface Doubt {
  readonly finding: Omit<Finding, "level" | "at">;
  /** The level as it would read at best had it not happened. */
  readonly without?: LevelSummary;
  /** Where the true figure may lie from the one that was read, as far as nothing bounds it. */
  readonly truth?: (figure: Figure, objective: Objective) => Direction | undefined;
  /** Too little to speak of where no verdict hangs on it. */
  readonly onlyIfTurned?: boolean;
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
  { without, truth }: Pick<Doubt, "without" | "truth">,
  side: "head" | "base",
  judged: Judged,
): boolean {
  const { objective, outcome, observed, again } = judged;
  const { subject, op } = objective;
  // The baseline is in what is compared with it, and in nothing else.
  if (side === "base" && subject.kind !== "regression") return false;
  if (without !== undefined && again({ [side]: without }) !== outcome) return true;
  const figure = subject.kind === "regression" ? subject.of : subject;
  let direction = truth?.(figure, objective);
  if (subject.kind === "regression") {
    if (betterWay(subject.of) === "higher") direction = opposite(direction);
    if (side === "base") direction = opposite(direction);
  }
  if (direction === undefined || observed === undefined) return false;
  // More requests would decide what is inconclusive, but of a figure that is not the true one.
  if (direction === "either" || outcome === "inconclusive") return true;
  return outcome === ((direction === "higher") === isUpperLimit(op) ? "met" : "violated");
}

function opposite(direction: Direction | undefined): Direction | undefined {
  if (direction === "higher") return "lower";
  return direction === "lower" ? "higher" : direction;
}
