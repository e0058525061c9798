import type { ServerLatency } from "../result.ts";
import { NS_PER_MS, NS_PER_S } from "../units.ts";

/** What a cumulative metric grew by: a counter's value, or a histogram's parts. Seconds. */
export interface Growth {
  readonly value?: number;
  readonly sum?: number;
  readonly count?: number;
  /** Observations at or below each bound, by bound, the infinite one too. */
  readonly buckets: ReadonlyMap<number, number>;
}

/**
 * Adds series up. Buckets are cumulative, so those of unlike bounds meet exactly where they have a bound
 * in common, and nowhere else.
 */
export function addGrowths(growths: readonly Growth[]): Growth | undefined {
  if (growths.length <= 1) return growths[0];
  const add = (part: "value" | "sum" | "count") => {
    const values = growths.flatMap((growth) => growth[part] ?? []);
    return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0);
  };
  const [value, sum, count] = [add("value"), add("sum"), add("count")];
  const buckets = new Map<number, number>();
  for (const bound of growths[0]!.buckets.keys()) {
    if (!growths.every((growth) => growth.buckets.has(bound))) continue;
    buckets.set(
      bound,
      growths.reduce((total, growth) => total + growth.buckets.get(bound)!, 0),
    );
  }
  return {
    ...(value !== undefined && { value }),
    ...(sum !== undefined && { sum }),
    ...(count !== undefined && { count }),
    buckets,
  };
}

const QUANTILES = { p50: 0.5, p95: 0.95, p99: 0.99 } as const;
type QuantileName = keyof typeof QUANTILES;

/** Undefined when nothing was observed, or no sum says how long it took. */
export function latencyOf({ sum, count, buckets }: Growth): ServerLatency | undefined {
  const observed = count ?? buckets.get(Number.POSITIVE_INFINITY);
  if (sum === undefined || observed === undefined || observed <= 0) return undefined;
  const found: Partial<Record<QuantileName, number>> = {};
  const above: QuantileName[] = [];
  for (const name of Object.keys(QUANTILES) as QuantileName[]) {
    const quantile = quantileOf(buckets, QUANTILES[name]);
    if (quantile === undefined) continue;
    // A coarse bucket says less than the mean does: at most a share 1 − q lies above mean / (1 − q) (Markov).
    const most = sum / observed / (1 - QUANTILES[name]);
    found[name] = milliseconds(quantile.above ? quantile.value : Math.min(quantile.value, most));
    if (quantile.above) above.push(name);
  }
  return {
    count: observed,
    mean: milliseconds(sum / observed),
    ...found,
    ...(above.length > 0 && { above }),
  };
}

/**
 * As Prometheus' histogram_quantile has it: observations lie evenly within their bucket, the first bucket
 * begins at 0, and what lies beyond the last finite bound is given as that bound, here with `above`.
 */
export function quantileOf(
  buckets: ReadonlyMap<number, number>,
  quantile: number,
): { readonly value: number; readonly above: boolean } | undefined {
  const sorted = [...buckets].toSorted(([a], [b]) => a - b);
  const total = sorted.at(-1);
  if (sorted.length < 2 || total?.[0] !== Number.POSITIVE_INFINITY || !(total[1] > 0)) return undefined;
  const rank = quantile * total[1];
  let lower = 0;
  let below = 0;
  for (const [upper, atOrBelow] of sorted) {
    if (atOrBelow >= rank && atOrBelow > below) {
      if (upper === Number.POSITIVE_INFINITY) return { value: lower, above: true };
      if (upper <= 0) return { value: upper, above: false };
      return { value: lower + ((upper - lower) * (rank - below)) / (atOrBelow - below), above: false };
    }
    lower = upper;
    // Parts of one page are not read at one moment by every engine: a count may lag behind the one before it.
    below = Math.max(below, atOrBelow);
  }
  return undefined;
}

/** To the nanosecond, beyond which there is only the noise of binary fractions. */
function milliseconds(seconds: number): number {
  return Math.round(seconds * NS_PER_S) / NS_PER_MS;
}
