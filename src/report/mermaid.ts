import type { LevelResult, Result } from "../result.ts";
import { lightestFirst, loadLabel, shortLoad } from "./load-label.ts";

/**
 * Mermaid charts as GitHub draws them: `xychart-beta` with finite values, at most 20 points and labels of
 * plain ASCII that this file writes itself, so that no text of the target reaches Mermaid's parser.
 */
export function mermaidCharts(result: Result): string {
  const charts = [
    ...(result.levels.length > 1 ? [byLevel(result.levels)] : []),
    ...result.levels.slice(0, MOST_LEVELS).map(overTime),
  ];
  return charts
    .filter((chart) => chart !== undefined)
    .map((chart) => ["```mermaid", ...chart, "```"].join("\n"))
    .join("\n\n");
}

const MOST_POINTS = 20;
const MOST_LEVELS = 6;
const MOST_LONG_LABELS = 6;

type Lines = readonly string[];
type Dot = readonly [label: string, value: number];

function byLevel(levels: readonly LevelResult[]): Lines | undefined {
  // Long labels lie over each other from about seven bars on.
  const label = levels.length > MOST_LONG_LABELS ? shortLoad : loadLabel;
  const dots = lightestFirst(levels).flatMap((i): readonly Dot[] => {
    const { load, metrics } = levels[i]!;
    const value = metrics.ttft?.p95;
    return isFigure(value) ? [[label(load), value]] : [];
  });
  return chart("TTFT p95 by load level", dots.slice(0, MOST_POINTS), "bar");
}

function overTime(level: LevelResult): Lines | undefined {
  const points = level.timeline.flatMap(({ t, ttft_p95 }): readonly Dot[] =>
    isFigure(ttft_p95) && isFigure(t) ? [[t >= 10 ? t.toFixed(0) : t.toFixed(1), ttft_p95]] : [],
  );
  return chart(`TTFT p95 over time in s, ${loadLabel(level.load)}`, thinned(points), "line");
}

function chart(title: string, dots: readonly Dot[], kind: "bar" | "line"): Lines | undefined {
  // A single point makes no line, and Mermaid refuses an empty series.
  if (dots.length < 2) return undefined;
  const top = Math.max(...dots.map(([, value]) => value));
  return [
    "xychart-beta",
    `  title "${title}"`,
    `  x-axis [${dots.map(([label]) => `"${label}"`).join(", ")}]`,
    `  y-axis "ms" 0 --> ${figure(top * 1.1 || 1)}`,
    `  ${kind} [${dots.map(([, value]) => figure(value)).join(", ")}]`,
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

function isFigure(value: number | undefined): value is number {
  return value !== undefined && Number.isFinite(value) && value >= 0;
}

/** Never in exponent form, which Mermaid does not read. */
function figure(value: number): string {
  return String(Number(value.toFixed(value >= 100 ? 0 : 3)));
}
