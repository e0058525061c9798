import { scaleLinear } from "d3-scale";
import type { LatencyName } from "../../result.ts";
import { bucketMidpoint } from "../../summarize/histogram.ts";
import { formatLimit, formatShare, formatValue } from "../format.ts";
import { chart, colorClass, dash, PLOT, px, type Scale, title } from "./chart.ts";
import type { ChosenLevel } from "./chosen-levels.ts";
import { logScale, logTicks } from "./log-axis.ts";

const MOST_BARS = 36;
/** More outlines than this are drawn without their areas, which would mix to grey. */
const MOST_AREAS = 3;

/** How often a latency was so long, a stepped outline per level; bars of equal width on a logarithmic axis. */
export function histogram(chosen: readonly ChosenLevel[], latency: LatencyName, words: string): string {
  const shapes = chosen.flatMap(({ level, index }): readonly Shape[] => {
    const values = valuesOf(level.histograms[latency] ?? []);
    return values.length === 0 ? [] : [{ index, name: level.name, values }];
  });
  return shapes.length === 0 ? "" : plot(words, shapes);
}

type Value = readonly [ms: number, count: number];

interface Shape {
  readonly index: number;
  readonly name: string;
  readonly values: readonly Value[];
}

function plot(words: string, shapes: readonly Shape[]): string {
  const all = shapes.flatMap(({ values }) => values.map(([ms]) => ms));
  const [low, high] = all.reduce(
    ([least, most], ms) => [Math.min(least, ms), Math.max(most, ms)],
    [Number.POSITIVE_INFINITY, 0],
  );
  const x = logScale(low, high);
  // The fewest samples say how fine bars may be: about the square root of them, as one does by hand.
  const fewest = Math.min(...shapes.map(({ values }) => values.reduce((sum, [, count]) => sum + count, 0)));
  const bars = Math.max(6, Math.min(MOST_BARS, Math.ceil(2 * Math.sqrt(fewest))));
  const binned = shapes.map((shape) => ({ ...shape, shares: sharesOf(shape.values, x, bars) }));
  const top = Math.max(...binned.flatMap(({ shares }) => shares));
  const y = scaleLinear([0, top * 1.05], [PLOT.bottom, PLOT.top]).nice(4);
  return chart({
    title: words,
    unit: "share of samples by latency (log)",
    x: { scale: x, ticks: logTicks(x) },
    y: { scale: y, ticks: y.ticks(4).map((at) => ({ at, label: formatLimit(at, "ratio") })) },
    marks: binned
      .map(({ index, name, shares }) => drawn(index, name, shares, x, y, shapes.length))
      .join("\n"),
  });
}

function drawn(
  index: number,
  name: string,
  shares: readonly number[],
  x: Scale,
  y: Scale,
  drawnTogether: number,
): string {
  const width = (PLOT.right - PLOT.left) / shares.length;
  const left = (bar: number) => PLOT.left + bar * width;
  if (drawnTogether === 1) {
    const bars = shares.map((share, bar) => {
      if (share === 0) return "";
      const words = `${formatValue(x.invert(left(bar)), "ms")} to ${formatValue(x.invert(left(bar + 1)), "ms")}: ${formatShare(share)}`;
      return `<rect class="column" x="${px(left(bar) + 0.5)}" y="${px(y(share))}" width="${px(width - 1)}" height="${px(PLOT.bottom - y(share))}">${title(words)}</rect>`;
    });
    return `<g class="${colorClass(index)}">${bars.join("")}</g>`;
  }
  // Along the axis outlines would only lie on each other.
  const from = shares.findIndex((share) => share > 0);
  const to = shares.findLastIndex((share) => share > 0);
  const steps = shares
    .slice(from, to + 1)
    .map((share, i) => `L${px(left(from + i))} ${px(y(share))}H${px(left(from + i + 1))}`);
  const outline = `M${px(left(from))} ${PLOT.bottom}${steps.join("")}V${PLOT.bottom}`;
  return `<g class="${colorClass(index)}">${drawnTogether > MOST_AREAS ? "" : `<path class="area" d="${outline}Z"/>`}<path class="outline" stroke-dasharray="${dash(index)}" d="${outline}">${title(name)}</path></g>`;
}

/** Share of the samples whose place on the axis lies in each of the equally wide bars. */
function sharesOf(values: readonly Value[], x: Scale, bars: number): readonly number[] {
  const counts = new Array<number>(bars).fill(0);
  let total = 0;
  for (const [ms, count] of values) {
    const at = (x(ms) - PLOT.left) / (PLOT.right - PLOT.left);
    counts[Math.min(bars - 1, Math.max(0, Math.floor(at * bars)))]! += count;
    total += count;
  }
  return counts.map((count) => count / total);
}

function valuesOf(buckets: readonly (readonly [number, number])[]): readonly Value[] {
  return buckets.flatMap(([index, count]): readonly Value[] => {
    const ms = bucketMidpoint(index) / 1e6;
    return count > 0 && ms > 0 && Number.isFinite(ms) ? [[ms, count]] : [];
  });
}
