import type { ComparableFigure } from "../plan/objective.ts";
import type { FigureChange } from "./change.ts";
import type { Interval } from "./intervals.ts";

/** Which way is good for a figure. */
export function betterWay(figure: ComparableFigure): "lower" | "higher" {
  return figure.kind === "rate" && figure.metric !== "error_rate" ? "higher" : "lower";
}

/** A change and its bounds: of head / base, for `error_rate` of head − base. */
export interface BoundedChange {
  readonly change?: number;
  readonly interval: Interval;
}

/**
 * How much worse the head is: 0.1 is a tenth more latency or a tenth less throughput than the baseline,
 * and for `error_rate` ten percentage points more failures. Below 0 it became better.
 */
export function worsening(
  figure: ComparableFigure,
  { change, interval: [lower, upper] }: BoundedChange,
): { readonly observed?: number; readonly interval: Interval } {
  const same = neutral(figure);
  const higherIsBetter = betterWay(figure) === "higher";
  const of = (value: number | undefined) =>
    value === undefined ? undefined : higherIsBetter ? same - value : value - same;
  const observed = of(change);
  return {
    ...(observed !== undefined && { observed }),
    interval: higherIsBetter ? [of(upper), of(lower)] : [of(lower), of(upper)],
  };
}

/** Worse and better need the whole interval on one side of "as before". */
export function directionOf(figure: ComparableFigure, change: BoundedChange): "better" | "worse" | "unclear" {
  const [lower, upper] = worsening(figure, change).interval;
  if (lower !== undefined && lower > 0) return "worse";
  if (upper !== undefined && upper < 0) return "better";
  return "unclear";
}

/**
 * Requests on each side that would take the limit out of the interval, were the change to stay as observed:
 * intervals shrink with the square root of the samples. Undefined when there is no telling.
 */
export function requestsForRegression(
  figure: ComparableFigure,
  change: FigureChange,
  limit: number,
  confidence: number,
): number | undefined {
  const interval = change.intervalAt(confidence);
  const worse = worsening(figure, { ...change, interval });
  if (worse.observed === undefined) return undefined;
  const towardsLimit = worse.interval[worse.observed < limit ? 1 : 0];
  if (towardsLimit === undefined) {
    const fewest = change.fewestAt(confidence);
    return fewest > change.samples ? fewest : undefined;
  }
  const reach = Math.abs(towardsLimit - worse.observed);
  const distance = Math.abs(limit - worse.observed);
  return distance === 0 ? Number.POSITIVE_INFINITY : Math.ceil(change.samples * (reach / distance) ** 2) + 1;
}

/** What a change is when nothing changed: a ratio of 1, a difference of 0. */
function neutral(figure: ComparableFigure): number {
  return figure.kind === "rate" && figure.metric === "error_rate" ? 0 : 1;
}
