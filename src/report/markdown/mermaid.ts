import type { LatencyName, LevelResult, ObjectiveResult, Result } from "../../result.ts";
import { LATENCY_NAMES, quantileName } from "../level-figures.ts";
import { lightestFirst, loadLabel, oneKind, shortLoad } from "../load-label.ts";
import { isTelling, seriesOf } from "./over-time-bars.ts";

/**
 * Mermaid charts as GitHub draws them: `xychart-beta` with finite values, at most 20 points and labels of
 * plain ASCII that this file writes itself, so that no text of the target reaches Mermaid's parser.
 * @param which all, or of the courses over time only those that say more than their figure.
 */
export function mermaidCharts(result: Result, which: "auto" | "mermaid"): string {
  const { levels } = result;
  const drawn = which === "auto" ? levels.filter(isDrifting) : levels;
  const charts = [
    ...(levels.length > 1 ? [byLevel(result)] : []),
    ...spread(drawn, MOST_LEVELS).map(overTime),
  ];
  return charts
    .filter((chart) => chart !== undefined)
    .map((chart) => ["```mermaid", COLORS, ...chart, "```"].join("\n"))
    .join("\n\n");
}

/** Mermaid's own first colour is as good as invisible on white; these two stand out on light and dark. */
const COLORS = '%%{init: {"themeVariables": {"xyChart": {"plotColorPalette": "#4184e4, #e5534b"}}}}%%';

const MOST_POINTS = 20;
const MOST_LEVELS = 4;
const MOST_LONG_LABELS = 4;

type Lines = readonly string[];
type Dot = readonly [label: string, value: number];

interface Subject {
  readonly latency: LatencyName;
  readonly quantile: (typeof QUANTILES)[number];
  /** Where the objective's limit lies, for a line across. */
  readonly limitMs?: number;
}

const LATENCY_METRIC = /^(ttft|itl|tpot|e2e)_(mean|p50|p90|p95|p99)$/;
const QUANTILES = ["mean", "p50", "p90", "p95", "p99"] as const;

/** The latency that the verdict rests on: of an objective that is violated, else of the first. */
function subjectOf({ levels }: Result): Subject {
  const objectives = levels
    .flatMap((level) => level.objectives)
    .filter(({ metric, unit, op }) => unit === "ms" && op.startsWith("<") && LATENCY_METRIC.test(metric));
  const found = objectives.find(({ outcome }) => outcome === "violated") ?? objectives[0];
  return found === undefined ? { latency: "ttft", quantile: "p95" } : subjectFrom(found);
}

function subjectFrom({ metric, limit }: ObjectiveResult): Subject {
  const [, latency, quantile] = LATENCY_METRIC.exec(metric)!;
  return {
    latency: latency as LatencyName,
    quantile: quantile as Subject["quantile"],
    ...(isFigure(limit) && { limitMs: limit }),
  };
}

function byLevel(result: Result): Lines | undefined {
  const { levels } = result;
  const { latency, quantile, limitMs } = subjectOf(result);
  // Long labels lie over each other.
  const label = levels.length > MOST_LONG_LABELS ? shortLoad : loadLabel;
  const dots = spread(lightestFirst(levels), MOST_POINTS).flatMap((i): readonly Dot[] => {
    const { load, metrics } = levels[i]!;
    const value = metrics[latency]?.[quantile];
    return isFigure(value) ? [[label(load), value]] : [];
  });
  const by = oneKind(levels) && levels[0]!.load.kind === "closed" ? "by requests in flight" : "by load";
  const line = limitMs === undefined ? "" : `; line: limit ${figure(limitMs)} ms`;
  return chart(
    `${LATENCY_NAMES[latency]} ${quantileName(quantile)} ${by}${line}`,
    dots,
    "bar",
    limitMs === undefined ? [] : [limitMs],
  );
}

function isDrifting(level: LevelResult): boolean {
  return isTelling(seriesOf(level, "ttft_p95") ?? []);
}

function overTime(level: LevelResult): Lines | undefined {
  const points = level.timeline.flatMap(({ t, ttft_p95 }): readonly Dot[] =>
    isFigure(ttft_p95) && isFigure(t) ? [[t >= 10 ? t.toFixed(0) : t.toFixed(1), ttft_p95]] : [],
  );
  return chart(`TTFT p95 over time in s, ${loadLabel(level.load)}`, thinned(points), "line");
}

function chart(
  title: string,
  dots: readonly Dot[],
  kind: "bar" | "line",
  limits: readonly number[] = [],
): Lines | undefined {
  // A single point makes no line, and Mermaid refuses an empty series.
  if (dots.length < 2) return undefined;
  const top = Math.max(...dots.map(([, value]) => value), ...limits);
  return [
    "xychart-beta",
    `  title "${title}"`,
    `  x-axis [${dots.map(([label]) => `"${label}"`).join(", ")}]`,
    `  y-axis "ms" 0 --> ${figure(top * 1.1 || 1)}`,
    `  ${kind} [${dots.map(([, value]) => figure(value)).join(", ")}]`,
    ...limits.map((limit) => `  line [${dots.map(() => figure(limit)).join(", ")}]`),
  ];
}

/** The highest of each neighbourhood, at the moment it has. */
function thinned(points: readonly Dot[]): readonly Dot[] {
  if (points.length <= MOST_POINTS) return points;
  return Array.from({ length: MOST_POINTS }, (_, i) => {
    const from = Math.floor((i * points.length) / MOST_POINTS);
    const to = Math.floor(((i + 1) * points.length) / MOST_POINTS);
    return points.slice(from, to).reduce((highest, point) => (point[1] > highest[1] ? point : highest));
  });
}

/** The first, the last, and some between. */
function spread<T>(values: readonly T[], most: number): readonly T[] {
  if (values.length <= most) return values;
  return Array.from({ length: most }, (_, i) => values[Math.round((i * (values.length - 1)) / (most - 1))]!);
}

/** What Mermaid can draw: a figure of a file from elsewhere may be anything. */
function isFigure(value: number | undefined): value is number {
  return value !== undefined && Number.isFinite(value) && value >= 0 && value < 1e15;
}

/** Never in exponent form, which Mermaid does not read. */
function figure(value: number): string {
  return String(Number(value.toFixed(value >= 100 ? 0 : 3)));
}
