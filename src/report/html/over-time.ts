import { scaleLinear } from "d3-scale";
import { area, curveStep, line } from "d3-shape";
import type { LevelResult, TimelinePoint } from "../../result.ts";
import { formatCount, formatLimit, formatRate, formatValue } from "../format.ts";
import { chart, colorClass, emptyChart, PLOT, px, type Scale, spread, type Tick, title } from "./chart.ts";

/** Three plots of one level over its window: time to first token, tokens out, requests in flight. */
export function timePlots(level: LevelResult, index: number): string {
  return `<div class="plots ${colorClass(index)}">${[ttft(level), throughput(level), inFlight(level)].join("\n")}</div>`;
}

type Dot = readonly [t: number, value: number];

function ttft(level: LevelResult): string {
  const name = "Time to first token";
  const unit = "ms; p95 dashed, p50 solid";
  const p50 = dots(level, ({ ttft_p50 }) => ttft_p50);
  const p95 = dots(level, ({ ttft_p95 }) => ttft_p95);
  const values = [...p50, ...p95].flat().map(([, value]) => value);
  if (values.length === 0) return emptyChart(name, "ms over time");
  const limit = level.objectives.find(({ metric, unit }) => metric === "ttft_p95" && unit === "ms")?.limit;
  const highest = Math.max(...values);
  // A limit far above the data would press the data flat; then it is left to the objectives' table.
  const limitShown = limit !== undefined && limit <= highest * 2.2 ? limit : undefined;
  const x = timeScale(level);
  const y = upwards(Math.max(highest, limitShown ?? 0) * 1.05);
  const between = area<readonly [number, number, number]>()
    .x(([t]) => px(x(t)))
    .y0(([, low]) => px(y(low)))
    .y1(([, , high]) => px(y(high)));
  const bands = runs(level, ({ ttft_p50, ttft_p95 }) =>
    ttft_p50 === undefined || ttft_p95 === undefined ? undefined : ([ttft_p50, ttft_p95] as const),
  );
  return chart({
    title: name,
    unit,
    x: { scale: x, ticks: timeTicks(x) },
    y: { scale: y, ticks: figureTicks(y) },
    marks: [
      ...bands.map(
        (run) => `<path class="area" d="${between(run.map(([t, [low, high]]) => [t, low, high]))}"/>`,
      ),
      limitShown === undefined
        ? ""
        : `<line class="limit" x1="${PLOT.left}" x2="${PLOT.right}" y1="${px(y(limitShown))}" y2="${px(y(limitShown))}"/>`,
      strokes(p50, x, y, "line"),
      strokes(p95, x, y, "line dashed"),
      endLabels(
        [
          ["p50", p50.at(-1)?.at(-1)],
          ["p95", p95.at(-1)?.at(-1)],
        ],
        y,
      ),
      // Over the lines, or they would strike it out.
      limitShown === undefined
        ? ""
        : `<text class="strong" x="${PLOT.left + 4}" y="${px(y(limitShown) - 4)}">p95 limit ${formatLimit(limitShown, "ms")}</text>`,
      failureTicks(level, x),
      hovers(p50, x, y, (value) => `TTFT p50 ${formatValue(value, "ms")}`),
      hovers(p95, x, y, (value) => `TTFT p95 ${formatValue(value, "ms")}`),
    ].join("\n"),
  });
}

function throughput(level: LevelResult): string {
  const name = "Output throughput";
  const series = dots(level, ({ output_throughput }) => output_throughput);
  if (series.length === 0) return emptyChart(name, "tokens per second");
  const x = timeScale(level);
  const y = upwards(highestOf(series) * 1.05);
  const under = area<Dot>()
    .x(([t]) => px(x(t)))
    .y0(PLOT.bottom)
    .y1(([, value]) => px(y(value)));
  return chart({
    title: name,
    unit: "tokens per second",
    x: { scale: x, ticks: timeTicks(x) },
    y: { scale: y, ticks: figureTicks(y) },
    marks: [
      ...series.map((run) => `<path class="area" d="${under([...run])}"/>`),
      strokes(series, x, y, "line"),
      hovers(series, x, y, (value) => `${formatRate(value)} tok/s`),
    ].join("\n"),
  });
}

function inFlight(level: LevelResult): string {
  const name = "Requests in flight";
  const series = dots(level, ({ concurrency }) => concurrency);
  if (series.length === 0) return emptyChart(name, "mean of each moment");
  const x = timeScale(level);
  const y = upwards(highestOf(series) * 1.1);
  return chart({
    title: name,
    unit: "mean of each slice of time",
    x: { scale: x, ticks: timeTicks(x) },
    y: { scale: y, ticks: figureTicks(y) },
    marks: [
      ...series.map((run) => {
        const path = line<Dot>()
          .curve(curveStep)
          .x(([t]) => px(x(t)))
          .y(([, value]) => px(y(value)));
        return `<path class="line" d="${path([...run])}"/>`;
      }),
      hovers(series, x, y, (value) => `${formatRate(value)} in flight`),
    ].join("\n"),
  });
}

/** Unbroken runs of a series; a slice without a figure breaks the line rather than being bridged. */
function runs<T>(
  level: LevelResult,
  pick: (point: TimelinePoint) => T | undefined,
): readonly (readonly (readonly [number, T])[])[] {
  const found: (readonly [number, T])[][] = [];
  let open = false;
  for (const point of level.timeline) {
    const value = pick(point);
    if (value === undefined) {
      open = false;
      continue;
    }
    if (!open) found.push([]);
    found.at(-1)!.push([point.t, value]);
    open = true;
  }
  return found;
}

function dots(
  level: LevelResult,
  pick: (point: TimelinePoint) => number | undefined,
): readonly (readonly Dot[])[] {
  return runs(level, (point) => {
    const value = pick(point);
    return value !== undefined && Number.isFinite(value) ? value : undefined;
  });
}

function strokes(series: readonly (readonly Dot[])[], x: Scale, y: Scale, className: string): string {
  const path = line<Dot>()
    .x(([t]) => px(x(t)))
    .y(([, value]) => px(y(value)));
  return series
    .map((run) =>
      run.length === 1
        ? `<circle class="mark" cx="${px(x(run[0]![0]))}" cy="${px(y(run[0]![1]))}" r="2.5"/>`
        : `<path class="${className}" d="${path([...run])}"/>`,
    )
    .join("");
}

/** Invisible until the pointer is there; each carries its figures as a title. */
function hovers(
  series: readonly (readonly Dot[])[],
  x: Scale,
  y: Scale,
  words: (value: number) => string,
): string {
  return series
    .flat()
    .map(
      ([t, value]) =>
        `<circle class="hover" cx="${px(x(t))}" cy="${px(y(value))}" r="5">${title(`${formatValue(t * 1000, "ms")}: ${words(value)}`)}</circle>`,
    )
    .join("");
}

function endLabels(labels: readonly (readonly [string, Dot | undefined])[], y: Scale): string {
  const present = labels.flatMap(([name, dot]) => (dot === undefined ? [] : [[name, y(dot[1])] as const]));
  const heights = spread(present.map(([, height]) => height));
  return present
    .map(
      ([name], i) => `<text class="strong" x="${PLOT.right + 5}" y="${px(heights[i]! + 4)}">${name}</text>`,
    )
    .join("");
}

/** Failed requests stand as crosses on the axis: they have no latency to be drawn at. */
function failureTicks({ timeline }: LevelResult, x: Scale): string {
  return timeline
    .filter(({ failed }) => failed > 0)
    .map(({ t, failed }) => {
      const at = px(x(t));
      const y = PLOT.bottom - 6;
      return `<path class="failed" d="M${px(at - 3)} ${y - 3}l6 6m0 -6l-6 6">${title(`${formatCount(failed)} failed`)}</path>`;
    })
    .join("");
}

function timeScale({ timeline, window }: LevelResult): Scale {
  const last = timeline.at(-1)?.t ?? 0;
  return scaleLinear([0, Math.max(window.seconds, last) || 1], [PLOT.left, PLOT.right]);
}

function timeTicks(x: Scale): readonly Tick[] {
  return x.ticks(5).map((at) => ({ at, label: `${formatLimit(at, "requests").split(" ")[0]} s` }));
}

function upwards(top: number): Scale {
  return scaleLinear([0, top || 1], [PLOT.bottom, PLOT.top]).nice(4);
}

function figureTicks(y: Scale): readonly Tick[] {
  return y.ticks(4).map((at) => ({ at, label: formatLimit(at, "requests").split(" ")[0]! }));
}

function highestOf(series: readonly (readonly Dot[])[]): number {
  return Math.max(...series.flat().map(([, value]) => value));
}
