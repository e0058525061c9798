import { type ComparableFigure, figureName } from "../plan/objective.ts";
import { levelName } from "../plan/plan.ts";
import {
  type ComparedLevel,
  type Comparison,
  type LatencyName,
  type MetricChange,
  RESULT_SCHEMA,
  type Result,
} from "../result.ts";
import type { LevelSummary } from "../summarize/summary.ts";
import { NS_PER_MS } from "../units.ts";
import { changeOf, type FigureChange } from "./change.ts";
import { compareFigures, figuresOnly, importedSides } from "./imported.ts";
import { figuresOfResult, figuresOfSummary, type LevelFigures } from "./level-figures.ts";
import { whyCachesDiffer } from "./prompt-cache.ts";
import { betterWay, directionOf, worsening } from "./regression.ts";

const QUANTILES = [0.5, 0.95, 0.99];

/** What a comparison shows, in this order. */
export const COMPARED: readonly ComparableFigure[] = [
  ...(["ttft", "itl", "tpot", "e2e"] as const).flatMap((metric): ComparableFigure[] => [
    ...QUANTILES.map(
      (q): ComparableFigure => ({ kind: "latency", metric, statistic: { kind: "quantile", q } }),
    ),
    { kind: "latency", metric, statistic: { kind: "mean" } },
  ]),
  { kind: "rate", metric: "request_throughput" },
  { kind: "rate", metric: "output_throughput" },
  { kind: "rate", metric: "error_rate" },
];

/**
 * Each bound is shown so that those of all `figures` that are looked at together hold with the confidence given
 * (Bonferroni): else one comparison in five of a service with itself would call something worse. What is called worse
 * or better has its whole interval, the one that is shown, on one side. With "none" there are no intervals, and
 * nothing is called worse or better.
 */
export function compareLevels(
  base: LevelFigures,
  head: LevelFigures,
  confidence: number | "none",
  figures = comparable(base, head),
): MetricChange[] {
  return COMPARED.flatMap((figure) => {
    const change = changeOf(figure, base, head);
    return change === undefined ? [] : [metricChange(figure, change, confidence, figures)];
  });
}

/** Both sides measured in this run. */
export function compareSummaries(
  baseLevels: readonly LevelSummary[],
  headLevels: readonly LevelSummary[],
  confidence: number | "none",
): Comparison["levels"] {
  const keyOf = ({ level }: LevelSummary) => `${level.index} ${levelName(level)}`;
  const bases = new Map(baseLevels.map((base) => [keyOf(base), base]));
  const both = headLevels.flatMap((head) => {
    const base = bases.get(keyOf(head));
    return base === undefined ? [] : [[figuresOfSummary(base), figuresOfSummary(head)] as const];
  });
  return comparedLevels(both, confidence);
}

/** Against a stored result. What cannot be compared says why, and is never "no change". */
export function compareResults(base: Result, head: Result): Comparison {
  const reason = whyIncomparable(base, head);
  const stored = {
    kind: "stored",
    baseline: {
      run_id: base.run_id,
      started_at: base.started_at,
      url: base.target.url,
      model: base.target.model,
    },
  } as const;
  if (reason !== undefined) return { ...stored, incomparable: reason, levels: [] };
  if (figuresOnly(base, head)) {
    const levels = pairs(base, head).map(([before, after]) => compareFigures(before, after));
    return { ...stored, imported: importedSides(base, head), levels };
  }
  const both = pairs(base, head).map(
    ([before, after]) => [figuresOfResult(before), figuresOfResult(after)] as const,
  );
  const levels = comparedLevels(both, head.plan.confidence);
  return { ...stored, levels };
}

/** One sentence; undefined when the two results can be compared. */
export function whyIncomparable(base: Result, head: Result): string | undefined {
  const imported = figuresOnly(base, head);
  const reason =
    (imported ? whyUnfinished("baseline", base) : whyNoBaseline(base, head.plan.hash)) ??
    whyUnfinished("head", head);
  if (reason !== undefined) return reason;
  const both = pairs(base, head);
  for (const [before, after] of both) {
    const ratios = [before, after].map(({ metrics }) => metrics.prompt_cache_unshared_ratio);
    const why = whyCachesDiffer(ratios[0], ratios[1]);
    if (why !== undefined) return `${after.name}: ${why}`;
  }
  if (both.length > 0) return undefined;
  // Loads of the same plan are the same; those of two tools have to be made alike by hand.
  return imported
    ? `They have no load level in common: ${levelNames(base)} in the base, ${levelNames(head)} in the head.`
    : "They have no load level in common.";
}

/** Why nothing of a plan with this hash can be held against the result; known before that plan has run. */
export function whyNoBaseline(base: Result, planHash: string): string | undefined {
  if (base.schema !== RESULT_SCHEMA) {
    return `The baseline has the schema ${base.schema}, and this program reads ${RESULT_SCHEMA}.`;
  }
  // Another tool has no plan of ours; what can be compared of it needs none.
  if (base.imported === undefined && base.plan.hash !== planHash) {
    return "They measured different plans: load, workload, model, objectives, seed and timeout must be the same.";
  }
  return whyUnfinished("baseline", base);
}

function whyUnfinished(side: "baseline" | "head", { state, valid }: Result): string | undefined {
  if (state === "cancelled") return `The ${side} was interrupted before its plan was done.`;
  return valid ? undefined : `The ${side} may not be believed: a validity finding says it is invalid.`;
}

/** How much worse, from what a comparison says: see `worsening`. Null bounds are absent. */
export function worseningOf(change: MetricChange): {
  readonly observed?: number;
  readonly interval: readonly [number | undefined, number | undefined];
} {
  const figure = COMPARED.find((one) => figureName(one) === change.metric);
  const observed = isDifference(change) ? change.head - change.base : change.ratio;
  const [lower, upper] = change.interval ?? [null, null];
  if (figure === undefined) return { interval: [undefined, undefined] };
  return worsening(figure, {
    ...(observed !== undefined && { change: observed }),
    interval: [lower ?? undefined, upper ?? undefined],
  });
}

/** Shares change by percentage points: the interval is that of head − base, and 0 is no change. */
export function isDifference({ unit }: Pick<MetricChange, "unit">): boolean {
  return unit === "ratio";
}

function comparedLevels(
  both: readonly (readonly [base: LevelFigures, head: LevelFigures])[],
  confidence: number | "none",
): ComparedLevel[] {
  const figures = both.reduce((sum, [base, head]) => sum + comparable(base, head), 0);
  const names = (side: LevelFigures) => side.names.filter((name) => !NOT_COMPARED.includes(name));
  return both.map(([base, head]) => {
    const [before, after] = [names(base), names(head)];
    return {
      name: head.name,
      changes: compareLevels(base, head, confidence, figures),
      added: after.filter((name) => !before.includes(name)),
      removed: before.filter((name) => !after.includes(name)),
    };
  });
}

/** How many figures both have. */
function comparable(base: LevelFigures, head: LevelFigures): number {
  return COMPARED.filter(
    ({ metric }) => metric === "error_rate" || [base, head].every(({ names }) => names.includes(metric)),
  ).length;
}

/** Latencies that are shown beside others, and say nothing of the server alone. */
const NOT_COMPARED: readonly string[] = ["ttft_sent", "issue_delay", "held"] satisfies readonly LatencyName[];

function metricChange(
  figure: ComparableFigure,
  change: FigureChange,
  confidence: number | "none",
  figures: number,
): MetricChange {
  const latency = figure.kind === "latency";
  const inUnit = (value: number) => (latency ? Math.round(value) / NS_PER_MS : value);
  const isShare = figure.kind === "rate" && figure.metric === "error_rate";
  const unit = latency ? "ms" : isShare ? "ratio" : figure.metric === "request_throughput" ? "1/s" : "tok/s";
  const values = {
    metric: figureName(figure),
    unit,
    base: inUnit(change.base),
    head: inUnit(change.head),
    ...(change.base > 0 && { ratio: change.head / change.base }),
    better: betterWay(figure),
  } as const;
  if (confidence === "none" || change.change === undefined) return { ...values, change: "unclear" };
  const interval = change.intervalAt(1 - (1 - confidence) / Math.max(1, figures));
  return {
    ...values,
    interval: [interval[0] ?? null, interval[1] ?? null],
    change: directionOf(figure, { change: change.change, interval }),
  };
}

const MOST_NAMED = 4;

function levelNames({ levels }: Result): string {
  const more = levels.length > MOST_NAMED ? ` and ${levels.length - MOST_NAMED} more` : "";
  return `${levels
    .slice(0, MOST_NAMED)
    .map(({ name }) => name)
    .join(", ")}${more}`;
}

/** Levels of the same name, the first with the first. */
function pairs(
  base: Result,
  head: Result,
): (readonly [Result["levels"][number], Result["levels"][number]])[] {
  const left = [...base.levels];
  return head.levels.flatMap((after) => {
    const i = left.findIndex(({ name }) => name === after.name);
    return i === -1 ? [] : [[left.splice(i, 1)[0]!, after] as const];
  });
}
