import type { LevelResult, TimelinePoint } from "../../result.ts";
import { sparkline } from "../sparkline.ts";

const BARS = 10;
/** Fewer slices than this show chance, not a course. */
const FEWEST_POINTS = 8;
/** How far from its middle a neighbourhood must lie for a picture to say more than the figure. */
const TELLING = 1.5;

type Series = readonly (number | undefined)[];

/** What an objective's metric did over the window; absent where no slice holds it. */
export function seriesOf({ timeline }: Pick<LevelResult, "timeline">, metric: string): Series | undefined {
  const read = readerOf(metric.replace(/ regression$/, ""));
  return read && timeline.map(read);
}

/** "▁▁▂▇█" from 0 to its highest, where the course says something: a steady one is told by its figure. */
export function tellingBars(series: Series | undefined): string | undefined {
  return series !== undefined && isTelling(series) ? sparkline(series, BARS) : undefined;
}

/** A peak or a drift that is more than the scatter of single slices. */
export function isTelling(series: Series): boolean {
  const present = series.filter((value) => value !== undefined);
  if (present.length < FEWEST_POINTS) return false;
  const means = meansOf(present, BARS);
  const middle = means.toSorted((a, b) => a - b)[Math.floor(means.length / 2)]!;
  const [first, , last] = meansOf(present, 3) as [number, number, number];
  return Math.max(...means) > middle * TELLING || Math.max(first, last) > Math.min(first, last) * TELLING;
}

function readerOf(metric: string): ((point: TimelinePoint) => number | undefined) | undefined {
  if (/^ttft(_sent)?_(p50|mean)$/.test(metric)) return ({ ttft_p50 }) => ttft_p50;
  if (/^ttft(_sent)?_/.test(metric)) return ({ ttft_p95 }) => ttft_p95;
  if (metric.startsWith("e2e_")) return ({ e2e_p50 }) => e2e_p50;
  if (metric === "output_throughput") return ({ output_throughput }) => output_throughput;
  if (metric === "error_rate") {
    return ({ completed, failed }) => (completed + failed === 0 ? undefined : failed / (completed + failed));
  }
  return undefined;
}

function meansOf(values: readonly number[], most: number): readonly number[] {
  const groups = Math.min(most, values.length);
  return Array.from({ length: groups }, (_, i) => {
    const of = values.slice(
      Math.floor((i * values.length) / groups),
      Math.floor(((i + 1) * values.length) / groups),
    );
    return of.reduce((sum, value) => sum + value, 0) / of.length;
  });
}
