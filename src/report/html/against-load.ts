import { scaleLinear } from "d3-scale";
import { line } from "d3-shape";
import type { LatencyStats, LevelResult } from "../../result.ts";
import { formatLimit, formatRate, formatValue } from "../format.ts";
import { lightestFirst, oneKind, shortLoad } from "../load-label.ts";
import { chart, colorClass, marker, PLOT, px, title } from "./chart.ts";
import { placedLabels } from "./labels.ts";

/** Throughput against latency, a dot per level from the lightest load on; nothing where there is one level. */
export function loadPlots(levels: readonly LevelResult[]): string {
  const plots = [
    plot(levels, "Time to first token", "p95 in ms", ({ metrics }) => metrics.ttft?.p95),
    plot(levels, "Time per output token", "p50 in ms", ({ metrics }) => metrics.tpot?.p50),
    plot(levels, "End to end", "p95 in ms", ({ metrics }) => metrics.e2e?.p95),
  ].filter((drawn) => drawn !== "");
  return plots.length === 0 ? "" : `<div class="plots">${plots.join("\n")}</div>`;
}

const MOST_COLOURED = 6;

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
  const dots = lightestFirst(levels).flatMap((i): readonly Dot[] => {
    const level = levels[i]!;
    const x = tokens ? level.metrics.output_throughput : level.metrics.request_throughput;
    const y = latency(level);
    return x === undefined || y === undefined ? [] : [{ level: i, name: level.name, x, y }];
  });
  if (dots.length < 2) return "";
  // The labels tell more levels than colours can apart, and small marks leave them room.
  const crowded = dots.length > MOST_COLOURED;
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
      // Loads of several kinds have no order to be joined in.
      oneKind(levels) ? `<path class="path" d="${path(dots)}"/>` : "",
      ...dots.map(
        (dot) =>
          `<g class="${colorClass(crowded ? 0 : dot.level)}">${title(`${dot.name}: ${formatRate(dot.x)} ${unit === "1/s" ? "requests/s" : unit}, ${formatValue(dot.y, "ms")}`)}${crowded ? marker(0, x(dot.x), y(dot.y), 45) : marker(dot.level, x(dot.x), y(dot.y), 90)}</g>`,
      ),
      placedLabels(
        dots.map((dot) => ({ x: x(dot.x), y: y(dot.y), text: shortLoad(levels[dot.level]!.load) })),
      ),
    ].join("\n"),
  });
}

function bare(value: number): string {
  return formatLimit(value, "requests").split(" ")[0]!;
}
