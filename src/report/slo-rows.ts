import type { ObjectiveResult, Outcome, Result } from "../result.ts";
import { againstBase, type BaseRow } from "./against-base.ts";
import { formatCount, formatInterval, formatLimit, formatValue, listed, plural } from "./format.ts";

/** One objective at one load, as every form of report tells it. Names are raw: each form escapes its own. */
export interface SloRow {
  readonly level: string;
  readonly objective: string;
  readonly observed: string;
  readonly interval: string;
  readonly limit: string;
  readonly samples: string;
  readonly outcome: Outcome;
  /** Codes of the findings for which the outcome may not be believed. */
  readonly invalid: readonly string[];
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
  const untold = untoldInvalid(result);
  return result.levels.flatMap((level) =>
    level.objectives.map((objective) => row(result, level.name, objective, untold)),
  );
}

function row(result: Result, level: string, source: ObjectiveResult, untold: readonly string[]): SloRow {
  const { unit, limit } = source;
  const beside = unit === "ratio" ? [limit, 0, 1] : [limit];
  const invalid = source.invalid ?? untold;
  const explanation = explain(source, invalid);
  const base = againstBase(result, level, source.metric);
  return {
    level,
    objective: source.objective,
    observed: formatValue(source.observed, unit, beside),
    interval: formatInterval(source.interval, unit, beside),
    limit: formatLimit(limit, unit),
    samples: samplesOf(source),
    outcome: source.outcome,
    invalid,
    ...(base !== undefined && { againstBase: base }),
    ...(explanation === undefined ? {} : { explanation }),
    source,
  };
}

/** "83 of 1,000" where so many independent ones are what they are worth. */
function samplesOf({ samples, effective_samples: effective }: ObjectiveResult): string {
  const much = effective === undefined || effective * 2 >= samples;
  return much ? formatCount(samples) : `${formatCount(effective)} of ${formatCount(samples)}`;
}

/** "met", or "invalid (met)" where that may not be believed. */
export function outcomeWords({ outcome, invalid }: Pick<SloRow, "outcome" | "invalid">): string {
  return invalid.length > 0 ? `invalid (${outcome})` : outcome;
}

/** What the row is painted, drawn and marked as. */
export function outcomeKind({ outcome, invalid }: Pick<SloRow, "outcome" | "invalid">): Outcome | "invalid" {
  return invalid.length > 0 ? "invalid" : outcome;
}

/** A result of an earlier version says of the run alone that it is invalid: then no objective is to be believed. */
function untoldInvalid({ valid, levels, findings }: Result): readonly string[] {
  if (valid || levels.some(({ objectives }) => objectives.some(({ invalid }) => invalid !== undefined))) {
    return [];
  }
  return [...new Set(findings.filter(({ level }) => level === "invalid").map(({ code }) => code))];
}

/** " (9 min at this load)"; nothing for less than ten seconds. */
function durationWords(seconds: number | undefined): string {
  if (seconds === undefined || seconds < 10) return "";
  return seconds < 90
    ? ` (${Math.round(seconds)} s at this load)`
    : ` (${formatCount(Math.round(seconds / 60))} min at this load)`;
}

/** All of them stand among the findings. */
const MOST_CODES = 3;

function explain(
  {
    outcome,
    reason,
    requests_needed,
    seconds_needed,
    samples,
    effective_samples: effective = samples,
  }: ObjectiveResult,
  invalid: readonly string[],
): string | undefined {
  const needed =
    requests_needed === undefined || outcome !== "inconclusive" || invalid.length > 0
      ? undefined
      : `${effective < samples / 2 ? "Some" : "About"} ${plural(requests_needed, "request")}${durationWords(seconds_needed)}${effective < samples / 2 ? " or more" : ""} would decide it.`;
  const codes = invalid.slice(0, MOST_CODES).map((code) => code.slice(0, 60).toWellFormed());
  const doubted =
    codes.length === 0 ? undefined : `It may not be believed: ${listed(codes)} could have turned it.`;
  const sentences = [reason, needed, doubted].filter((sentence) => sentence !== undefined);
  return sentences.length === 0 ? undefined : sentences.join(" ");
}
