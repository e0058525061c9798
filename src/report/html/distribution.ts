import { scaleLinear, scaleLog } from "d3-scale";
import { line } from "d3-shape";
import type { LatencyName, LevelResult } from "../../result.ts";
import { bucketMidpoint } from "../../summarize/histogram.ts";
import { formatLimit, formatShare, formatValue } from "../format.ts";
import { chart, colorClass, dash, legend, marker, PLOT, px, type Scale, type Tick, title } from "./chart.ts";

/** The share of requests (or gaps) that were at least this fast, one curve per level. */
export function distributionPlots(levels: readonly LevelResult[]): string {
  const plots = PLOTTED.flatMap(([name, words]) => cdf(levels, name, words));
  if (plots.length === 0) return "";
  return `${legend(levels.map((level) => level.name))}<div class="plots">${plots.join("\n")}</div>`;
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

function cdf(levels: readonly LevelResult[], latency: LatencyName, words: string): readonly string[] {
  const curves = levels.flatMap((level, i): readonly Curve[] => {
    const points = cumulated(level.histograms[latency] ?? []);
    return points.length === 0 ? [] : [{ level: i, name: level.name, points }];
  });
  if (curves.length === 0) return [];
  const all = curves.flatMap(({ points }) => points.map(([ms]) => ms));
  const [low, high] = [Math.min(...all), Math.max(...all)];
  // A logarithm needs room on both sides even when every value is the same.
  const x = scaleLog([low / 1.08, high * 1.08], [PLOT.left, PLOT.right]);
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

/** 1, 2 and 5 of each decade; only the decades where that would be too many, even steps where too few. */
function logTicks(x: Scale): readonly Tick[] {
  const [low, high] = x.domain() as [number, number];
  const decades = Array.from(
    { length: Math.ceil(Math.log10(high)) - Math.floor(Math.log10(low)) + 1 },
    (_, i) => 10 ** (Math.floor(Math.log10(low)) + i),
  );
  const within = (at: number) => at >= low && at <= high;
  const fine = decades.flatMap((decade) => [decade, 2 * decade, 5 * decade]).filter(within);
  const coarse = decades.filter(within);
  const chosen =
    fine.length < 3 ? scaleLinear([low, high], [0, 1]).ticks(4) : fine.length > 7 ? coarse : fine;
  return chosen.map((at) => ({ at, label: formatLimit(at, "ms") }));
}
