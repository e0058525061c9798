import { scaleLinear } from "d3-scale";
import { line } from "d3-shape";
import type { LatencyName, LevelResult } from "../../result.ts";
import { bucketMidpoint } from "../../summarize/histogram.ts";
import { formatLimit, formatShare, formatValue } from "../format.ts";
import { chart, colorClass, dash, legend, marker, PLOT, px, type Scale, title } from "./chart.ts";
import { type ChosenLevel, chosenLevels, chosenNote } from "./chosen-levels.ts";
import { histogram } from "./histogram.ts";
import { logScale, logTicks } from "./log-axis.ts";

/** How each latency is spread: histograms, and below them the share of samples that were at most so long. */
export function distributionPlots(levels: readonly LevelResult[]): string {
  const chosen = chosenLevels(levels);
  const plots = [
    ...PLOTTED.map(([name, words]) => histogram(chosen, name, words)),
    ...PLOTTED.flatMap(([name, words]) => cdf(chosen, name, words)),
  ].filter((drawn) => drawn !== "");
  if (plots.length === 0) return "";
  const key = legend(chosen.map(({ level, index }) => ({ name: level.name, index })));
  return `${key}<div class="plots">${plots.join("\n")}</div>${chosenNote(levels, chosen)}`;
}

const PLOTTED: readonly (readonly [LatencyName, string])[] = [
  ["ttft", "Time to first token"],
  ["itl", "Inter-token latency"],
  ["e2e", "End to end"],
];

type Point = readonly [ms: number, share: number];

interface Curve {
  readonly level: number;
  readonly name: string;
  readonly points: readonly Point[];
}

function cdf(levels: readonly ChosenLevel[], latency: LatencyName, words: string): readonly string[] {
  const curves = levels.flatMap(({ level, index }): readonly Curve[] => {
    const points = cumulated(level.histograms[latency] ?? []);
    return points.length === 0 ? [] : [{ level: index, name: level.name, points }];
  });
  if (curves.length === 0) return [];
  const all = curves.flatMap(({ points }) => points.map(([ms]) => ms));
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const x = logScale(low, high);
  const y = scaleLinear([0, 1], [PLOT.bottom, PLOT.top]);
  return [
    chart({
      title: words,
      unit: "share of samples at most this long (log)",
      x: { scale: x, ticks: logTicks(x) },
      y: {
        scale: y,
        ticks: [0, 0.25, 0.5, 0.75, 0.95].map((at) => ({ at, label: formatLimit(at, "ratio") })),
      },
      marks: curves.map((curve) => drawn(curve, x, y)).join("\n"),
    }),
  ];
}

function drawn({ level, name, points }: Curve, x: Scale, y: Scale): string {
  const path = line<Point>()
    .x(([ms]) => px(x(ms)))
    .y(([, share]) => px(y(share)));
  // It begins on the axis below its smallest value.
  const thin = thinned([[points[0]![0], 0], ...points], x, y);
  const quantiles = [0.5, 0.95, 0.99].map((q) => {
    const ms = points.find(([, share]) => share >= q)?.[0] ?? points.at(-1)![0];
    return `<g>${title(`${name}: ${formatLimit(q, "ratio")} within ${formatValue(ms, "ms")}`)}${marker(level, x(ms), y(q), 40)}</g>`;
  });
  return `<g class="${colorClass(level)}"><path class="line" stroke-dasharray="${dash(level)}" d="${path([...thin])}">${title(`${name}, to ${formatValue(points.at(-1)![0], "ms")} at ${formatShare(1)}`)}</path>${quantiles.join("")}</g>`;
}

/** Sparse buckets, in any order, as cumulated shares; values are nanoseconds in the histogram. */
function cumulated(buckets: readonly (readonly [number, number])[]): readonly Point[] {
  const ordered = buckets.filter(([, count]) => count > 0).toSorted(([a], [b]) => a - b);
  const total = ordered.reduce((sum, [, count]) => sum + count, 0);
  let seen = 0;
  return ordered.flatMap(([index, count]): readonly Point[] => {
    seen += count;
    const ms = bucketMidpoint(index) / 1e6;
    return ms > 0 && Number.isFinite(ms) ? [[ms, seen / total]] : [];
  });
}

/** Only points that lie at least a pixel from the one before: a histogram has far more than a screen. */
function thinned(points: readonly Point[], x: Scale, y: Scale): readonly Point[] {
  const kept: Point[] = [];
  for (const [i, point] of points.entries()) {
    const last = kept.at(-1);
    const far =
      last === undefined ||
      Math.abs(x(point[0]) - x(last[0])) >= 1 ||
      Math.abs(y(point[1]) - y(last[1])) >= 1;
    if (far || i === points.length - 1) kept.push(point);
  }
  return kept;
}
