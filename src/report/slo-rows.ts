import type { ObjectiveResult, Outcome, Result } from "../result.ts";
import { againstBase, type BaseRow } from "./against-base.ts";
import { formatCount, formatInterval, formatLimit, formatValue, plural } from "./format.ts";

/** One objective at one load, as every form of report tells it. Names are raw: each form escapes its own. */
export interface SloRow {
  readonly level: string;
  readonly objective: string;
  readonly observed: string;
  readonly interval: string;
  readonly limit: string;
  readonly samples: string;
  readonly outcome: Outcome;
  /** "▲ +12.3 % worse"; absent where nothing was compared. */
  readonly againstBase?: BaseRow;
  /** Why the outcome is what it is, and how many requests would decide it. */
  readonly explanation?: string;
  /** The figures behind the words, for drawing. */
  readonly source: ObjectiveResult;
}

export const SLO_HEADS = ["Load", "Objective", "Observed", "Interval", "Samples", "Verdict"] as const;
/** Stands before the verdict where the result is compared with a baseline. */
export const BASE_HEAD = "Against base";

export function sloRows(result: Result): readonly SloRow[] {
  return result.levels.flatMap((level) =>
    level.objectives.map((objective) => row(result, level.name, objective)),
  );
}

function row(result: Result, level: string, source: ObjectiveResult): SloRow {
  const { unit, limit } = source;
  const beside = unit === "ratio" ? [limit, 0, 1] : [limit];
  const explanation = explain(source);
  const base = againstBase(result, level, source.metric);
  return {
    level,
    objective: source.objective,
    observed: formatValue(source.observed, unit, beside),
    interval: formatInterval(source.interval, unit, beside),
    limit: formatLimit(limit, unit),
    samples: formatCount(source.samples),
    outcome: source.outcome,
    ...(base !== undefined && { againstBase: base }),
    ...(explanation === undefined ? {} : { explanation }),
    source,
  };
}

function explain({ outcome, reason, requests_needed }: ObjectiveResult): string | undefined {
  const needed =
    requests_needed === undefined || outcome !== "inconclusive"
      ? undefined
      : `About ${plural(requests_needed, "request")} would decide it.`;
  const sentences = [reason, needed].filter((sentence) => sentence !== undefined);
  return sentences.length === 0 ? undefined : sentences.join(" ");
}
