import { scaleLinear } from "d3-scale";
import { line } from "d3-shape";
import type { LatencyStats, LevelResult } from "../../result.ts";
import { formatLimit, formatRate, formatValue } from "../format.ts";
import { chart, colorClass, marker, PLOT, px, spread, title } from "./chart.ts";

/** Throughput against latency, a dot per level in the order of the plan; nothing where there is one level. */
export function loadPlots(levels: readonly LevelResult[]): string {
  const plots = [
    plot(levels, "Time to first token", "p95 in ms", ({ metrics }) => metrics.ttft?.p95),
    plot(levels, "Time per output token", "p50 in ms", ({ metrics }) => metrics.tpot?.p50),
    plot(levels, "End to end", "p95 in ms", ({ metrics }) => metrics.e2e?.p95),
  ].filter((drawn) => drawn !== "");
  return plots.length === 0 ? "" : `<div class="plots">${plots.join("\n")}</div>`;
}

interface Dot {
  readonly level: number;
  readonly name: string;
  readonly x: number;
  readonly y: number;
}

function plot(
  levels: readonly LevelResult[],
  name: string,
  what: string,
  latency: (level: LevelResult) => LatencyStats["p95"] | undefined,
): string {
  const tokens = levels.some(({ metrics }) => (metrics.output_throughput ?? 0) > 0);
  const dots = levels.flatMap((level, i): readonly Dot[] => {
    const x = tokens ? level.metrics.output_throughput : level.metrics.request_throughput;
    const y = latency(level);
    return x === undefined || y === undefined ? [] : [{ level: i, name: level.name, x, y }];
  });
  if (dots.length < 2) return "";
  const unit = tokens ? "tok/s" : "1/s";
  const x = scaleLinear([0, Math.max(...dots.map((dot) => dot.x)) * 1.05 || 1], [PLOT.left, PLOT.right]).nice(
    4,
  );
  const y = scaleLinear([0, Math.max(...dots.map((dot) => dot.y)) * 1.12 || 1], [PLOT.bottom, PLOT.top]).nice(
    4,
  );
  const path = line<Dot>()
    .x((dot) => px(x(dot.x)))
    .y((dot) => px(y(dot.y)));
  return chart({
    title: name,
    unit: `${what} against output in ${tokens ? "tok/s" : "requests/s"}`,
    x: { scale: x, ticks: x.ticks(4).map((at) => ({ at, label: bare(at) })) },
    y: { scale: y, ticks: y.ticks(4).map((at) => ({ at, label: bare(at) })) },
    marks: [
      `<path class="path" d="${path(dots)}"/>`,
      ...dots.map(
        (dot) =>
          `<g class="${colorClass(dot.level)}">${title(`${dot.name}: ${formatRate(dot.x)} ${unit === "1/s" ? "requests/s" : unit}, ${formatValue(dot.y, "ms")}`)}${marker(dot.level, x(dot.x), y(dot.y), 90)}</g>`,
      ),
      labels(
        levels,
        dots,
        (dot) => x(dot.x),
        (dot) => y(dot.y),
      ),
    ].join("\n"),
  });
}

/** Short names beside the dots: what differs between levels is the load itself. */
function labels(
  levels: readonly LevelResult[],
  dots: readonly Dot[],
  x: (dot: Dot) => number,
  y: (dot: Dot) => number,
): string {
  const heights = spread(dots.map((dot) => y(dot) - 9));
  return dots
    .map((dot, i) => {
      const { load } = levels[dot.level]!;
      const text = load.kind === "closed" ? bare(load.concurrency) : `${bare(load.rate)}/s`;
      const right = x(dot) > PLOT.right - 30;
      return `<text class="strong" x="${px(x(dot) + (right ? -8 : 8))}" y="${px(heights[i]! + 4)}" text-anchor="${right ? "end" : "start"}">${text}</text>`;
    })
    .join("");
}

function bare(value: number): string {
  return formatLimit(value, "requests").split(" ")[0]!;
}
