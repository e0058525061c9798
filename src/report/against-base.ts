import type { ComparedLevel, Comparison, MetricChange, Result } from "../result.ts";
import { changeText, intervalText } from "./change-text.ts";
import { ABSENT, formatMoment, formatValue, listed, plural } from "./format.ts";

/** What a comparison with a baseline says, as every form of report tells it. Text of others is raw here. */
export interface BaseRow {
  readonly level: string;
  readonly metric: string;
  readonly base: string;
  readonly head: string;
  /** "+12.3 %"; "0 % → 1.5 %" where the baseline is 0. */
  readonly change: string;
  /** Of the change: "+8.1 … +16.7 %". */
  readonly interval: string;
  readonly outcome: MetricChange["change"];
  readonly source: MetricChange;
}

export const BASE_HEADS = ["Load", "Metric", "Base", "Head", "Change", "Interval", "Outcome"] as const;

/** The arrow is the number's direction, the word whether that is good: "▲ worse" of a latency, "▲ better" of a rate. */
export function changeWords({ outcome, source: { base, head } }: BaseRow): string {
  const arrow = outcome === "unclear" ? "≈" : head > base ? "▲" : "▼";
  return `${arrow} ${outcome}`;
}

/** Said once under each table: what makes a figure worse or better, and why the others are neither. */
export function legendWords(comparison: Comparison): string {
  const changes = comparison.levels.flatMap((level) => level.changes);
  if (comparison.imported !== undefined) {
    return "Figure against figure: without the distributions behind them nothing is shown to be worse or better.";
  }
  if (changes.every(({ interval }) => interval === undefined)) {
    return "Without intervals nothing is shown to be worse or better.";
  }
  const together = changes.length === 1 ? "" : `, all ${changes.length} figures taken together`;
  return `Each bound of an interval holds by itself with the run's confidence. Unclear: neither better nor worse is shown${together}.`;
}

/** Footnotes of a table: what must be known to read the figures of two tools side by side. */
export function importedNotes({ imported }: Comparison): readonly string[] {
  return imported?.notes ?? [];
}

/** Whether anything could be compared. */
export function isComparable(comparison: Comparison | undefined): comparison is Comparison {
  return comparison !== undefined && comparison.incomparable === undefined && comparison.levels.length > 0;
}

/** What stands in place of figures where there is a baseline that cannot be used; never "0 %". */
export function incomparableWords({ incomparable, levels }: Comparison): string | undefined {
  if (incomparable !== undefined) return `No comparable baseline (${incomparable.replace(/\.$/, "")}).`;
  return levels.length === 0 ? "No comparable baseline (no load level is in both results)." : undefined;
}

/** Which baseline, and how it was measured. */
export function baselineWords({ kind, baseline, imported }: Comparison): string {
  const { model, url } = baseline;
  const how =
    kind === "same_run"
      ? "both measured in this run, in alternating blocks"
      : `stored, measured ${formatMoment(baseline.started_at)} ${imported?.base === undefined ? `in run ${baseline.run_id}` : `by ${imported.base}`}`;
  const head = imported?.head === undefined ? "" : `; the head was measured by ${imported.head}`;
  return `${url === NOT_SAID ? model : `${model} at ${url}`}, ${how}${head}`;
}

/** What stands in a result for what another tool's file does not say. */
const NOT_SAID = "unknown";

/** "Of 24 figures: 3 worse, 1 better and 20 unclear." */
export function changeCounts({ levels }: Comparison): string {
  const changes = levels.flatMap((level) => level.changes);
  if (changes.length === 0) return "No figure is in both results.";
  const parts = (["worse", "better", "unclear"] as const).flatMap((outcome) => {
    const count = changes.filter(({ change }) => change === outcome).length;
    return count === 0 ? [] : [`${count} ${outcome}`];
  });
  return `Of ${plural(changes.length, "figure")}: ${listed(parts)}.`;
}

export function baseRows({ levels }: Comparison): readonly BaseRow[] {
  return levels.flatMap((level) => level.changes.map((change) => row(level.name, change)));
}

/** The cell of an objective's row: "▲ +12.3 % worse"; undefined where the comparison lacks its metric. */
export function againstBase(result: Result, level: string, metric: string): BaseRow | undefined {
  if (!isComparable(result.comparison)) return undefined;
  // "ttft_p95 regression" judges the change of ttft_p95.
  const name = metric.replace(/ regression$/, "");
  const change = result.comparison.levels
    .find((compared) => compared.name === level)
    ?.changes.find((one) => one.metric === name);
  return change === undefined ? undefined : row(level, change);
}

/** The column is there as soon as one objective has something to put into it. */
export function hasBaseColumn(result: Result): boolean {
  return result.levels.some(({ name, objectives }) =>
    objectives.some(({ metric }) => againstBase(result, name, metric) !== undefined),
  );
}

export function changeCell(row: BaseRow | undefined): string {
  if (row === undefined) return ABSENT;
  const { base, head, ratio } = row.source;
  return ratio === undefined && base === head
    ? `≈ ${row.change}`
    : changeWords(row).replace(" ", ` ${row.change} `);
}

/** Metrics that only one side has, per level: nothing vanishes without a word. */
export function onlyOneSide({ levels }: Comparison): readonly (readonly [level: string, words: string])[] {
  return levels.flatMap((level) => {
    const parts = [
      ...(level.added.length > 0 ? [`only in the head: ${level.added.join(", ")}`] : []),
      ...(level.removed.length > 0 ? [`only in the base: ${level.removed.join(", ")}`] : []),
    ];
    return parts.length === 0 ? [] : [[level.name, parts.join("; ")] as const];
  });
}

function row(level: ComparedLevel["name"], source: MetricChange): BaseRow {
  const { metric, unit, base, head, ratio, change } = source;
  return {
    level,
    metric,
    // Digits until the two differ, where they do.
    base: formatValue(base, unit, base === head ? [] : [head]),
    head: formatValue(head, unit, base === head ? [] : [base]),
    change: ratio === undefined ? withoutRatio(source) : changeText(source),
    interval: intervalText(source),
    outcome: change,
    source,
  };
}

/** Nothing is so many per cent of nothing. */
function withoutRatio({ base, head, unit }: MetricChange): string {
  return base === head
    ? `${formatValue(base, unit)} in both`
    : `${formatValue(base, unit)} → ${formatValue(head, unit)}`;
}
