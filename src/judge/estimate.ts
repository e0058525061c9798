import type { Histogram } from "../summarize/histogram.ts";
import { type Dependence, dependenceOf, type Worth, worthForQuantile, worthOf } from "./dependence.ts";
import {
  fewestForQuantile,
  type Interval,
  quantileRanks,
  studentQuantile,
  wilsonInterval,
} from "./intervals.ts";

/** A figure of one side with what bounds it; in nanoseconds, ratios or per second. */
export interface Estimate {
  readonly value: number;
  /** Requests or gaps behind it. */
  readonly samples: number;
  /** How many independent ones these are worth. */
  readonly worthAt: (confidence: number) => Worth;
  /** Each bound holds by itself with the confidence given. */
  readonly intervalAt: (confidence: number) => Interval;
  /** Independent samples below which no bound is possible at all. */
  readonly fewestAt: (confidence: number) => number;
  /** Of what was measured of single requests, where there are enough of them; rates and shares have none. */
  readonly rangeAt?: (confidence: number) => Range | undefined;
}

const UNBOUNDED: Interval = [undefined, undefined];

/** Fewer samples than this say too little about how a mean varies, or how far all of them reach. */
export const FEWEST_FOR_MEAN = 30;
/** Fewer stretches of time than this say too little about how a rate varies. */
const FEWEST_SLICES = 8;

/**
 * By order statistics, exact and binomial, at as many samples as are worth (Conover, Practical Nonparametric
 * Statistics, 3.2). Undefined without samples.
 * @param worthAt of the requests; of gaps, a request counts as one sample.
 * @param requests behind the samples.
 */
export function quantileEstimate(
  histogram: Histogram,
  q: number,
  worthAt: (confidence: number) => Worth,
  requests = histogram.count,
): Estimate | undefined {
  const value = histogram.quantile(q);
  if (value === undefined) return undefined;
  const { count } = histogram;
  const enoughAt = (confidence: number) => requests >= fewestForQuantile(q, confidence);
  return {
    value,
    samples: count,
    worthAt,
    intervalAt: (confidence) => {
      const { lower, upper, effective } = worthAt(confidence);
      const bound = (side: 0 | 1, samples: number) => {
        const whole = Math.floor(samples + 1e-9);
        const rank = whole < 1 ? undefined : quantileRanks(whole, q, confidence)[side];
        if (rank === undefined) return undefined;
        const group = count / whole;
        // Of a large group that one sample stands for an upper bound is its end, a lower one its middle.
        const place =
          side === 1
            ? Math.ceil(rank * group)
            : group > 4
              ? Math.round((rank - 0.5) * group)
              : Math.floor(rank * group);
        return histogram.valueAtRank(Math.max(1, place));
      };
      const [furthestLower, furthestUpper] = enoughAt(confidence)
        ? farBeyond(rangeOf(histogram), effective)
        : UNBOUNDED;
      return [
        highest(bound(0, lower) ?? furthestLower, seenTooOften(histogram, q, confidence)),
        bound(1, upper) ?? furthestUpper,
      ];
    },
    fewestAt: (confidence) => fewestForQuantile(q, confidence),
    rangeAt: (confidence) =>
      requests >= FEWEST_FOR_MEAN && enoughAt(confidence) ? rangeOf(histogram) : undefined,
  };
}

/** Requests that are worth fewer independent ones have hardly seen the service in more than one state. */
const SEVERAL_STATES = 5;

/**
 * Bounds where requests depend on each other too much to say how the figure varies: as far beyond the extreme as that is
 * from the middle, on a logarithmic scale, and twice as far where they hardly saw two states of the service.
 * What is far below its limit is met all the same.
 */
export function farBeyond({ min, middle, max }: Range, effective: number): Interval {
  return [min / timesBeyond(min, middle, effective), max * timesBeyond(middle, max, effective)];
}

/** How many times beyond the extreme a figure may lie. */
export function timesBeyond(lower: number, higher: number, effective = SEVERAL_STATES): number {
  const [power, most] = effective < SEVERAL_STATES ? [2, 100] : [1, 10];
  return lower > 0 ? Math.min(most, (higher / lower) ** power) : most;
}

export interface Range {
  readonly min: number;
  readonly middle: number;
  readonly max: number;
}

/** Undefined bounds without samples. */
function rangeOf(histogram: Histogram): Range {
  return { min: histogram.min, middle: histogram.quantile(0.5) ?? 0, max: histogram.max };
}

/** Of Markov's bound, which only a service would reach that is either as bad as in this run or perfect. */
const MARKOV_SLACK = 1.4;

/**
 * However requests depend on each other, a share is seen 20 times as large as it is in one run of 20 at most (Markov's
 * inequality): a fifth of requests above a value are too many for it to be the p99.
 */
function seenTooOften(histogram: Histogram, q: number, confidence: number): number | undefined {
  const level = 1 - (1 - q) / (MARKOV_SLACK * (1 - confidence));
  return level > 0 ? histogram.quantile(level) : undefined;
}

function highest(...bounds: readonly (number | undefined)[]): number | undefined {
  const known = bounds.filter((bound) => bound !== undefined);
  return known.length === 0 ? undefined : Math.max(...known);
}

/** What the requests of one latency, in order of arrival, are worth for its quantiles. */
export function quantileWorth(
  values: Float64Array,
  histogram: Histogram,
): (q: number) => Estimate["worthAt"] {
  let ranks: Dependence | undefined;
  return (q) => {
    let above: Dependence | undefined;
    return (confidence) => {
      const limit = histogram.quantile(q)!;
      ranks ??= dependenceOf(histogram.midranks(values));
      above ??= dependenceOf(exceeding(values, limit));
      return worthForQuantile(above, ranks, q, confidence);
    };
  };
}

function exceeding(values: Float64Array, limit: number): Uint8Array {
  const above = new Uint8Array(values.length);
  for (let i = 0; i < values.length; i++) if (values[i]! > limit) above[i] = 1;
  return above;
}

export interface Moments {
  readonly count: number;
  readonly mean: number;
  readonly std: number;
}

/** A mean of many samples is nearly normal; Student's t and Johnson's correction (1978) for skewness do the rest. */
export function meanEstimate(
  { count, mean, std }: Moments,
  range: Range,
  skewness: () => number,
  worthAt: (confidence: number) => Worth,
): Estimate {
  return {
    value: mean,
    samples: count,
    worthAt,
    intervalAt: (confidence) => {
      const { lower, upper, effective } = worthAt(confidence);
      const reach = (worth: number, skewed = 0) => {
        const t = studentQuantile(confidence, worth - 1);
        return ((t + (skewed * (2 * t * t + 1)) / (6 * Math.sqrt(worth))) * std) / Math.sqrt(worth);
      };
      const [furthestLower, furthestUpper] =
        count < FEWEST_FOR_MEAN ? UNBOUNDED : farBeyond(range, effective);
      return [
        lower < FEWEST_FOR_MEAN ? furthestLower : mean - reach(lower),
        upper < FEWEST_FOR_MEAN ? furthestUpper : mean + reach(upper, skewness()),
      ];
    },
    fewestAt: () => FEWEST_FOR_MEAN,
    rangeAt: () => (count >= FEWEST_FOR_MEAN ? range : undefined),
  };
}

/** Of values in order of arrival. Undefined without any. */
export function meanOfSeries(values: Float64Array, histogram: Histogram): Estimate | undefined {
  const { count, mean, std } = histogram;
  if (mean === undefined || std === undefined) return undefined;
  let series: Dependence | undefined;
  let ranks: Dependence | undefined;
  return meanEstimate(
    { count, mean, std },
    rangeOf(histogram),
    () => skewnessOf(values),
    (confidence) => {
      series ??= dependenceOf(values);
      ranks ??= dependenceOf(histogram.midranks(values));
      return worthOf(series, ranks, confidence);
    },
  );
}

/**
 * Wilson's interval, at as many requests as are worth. Undefined without any.
 * @param hits 1 where it happened, in order of arrival.
 * @param ranks of a latency that the hits follow from, where there is one.
 */
export function shareEstimate(hits: Uint8Array, ranks?: () => Dependence): Estimate | undefined {
  const n = hits.length;
  if (n === 0) return undefined;
  let own: Dependence | undefined;
  return shareOf(
    hits.reduce((sum, hit) => sum + hit, 0),
    n,
    (confidence) => {
      own ??= dependenceOf(hits);
      return worthOf(own, ranks?.() ?? own, confidence);
    },
  );
}

export function shareOf(hits: number, n: number, worthAt: (confidence: number) => Worth): Estimate {
  const share = hits / n;
  return {
    value: share,
    samples: n,
    worthAt,
    intervalAt: (confidence) => {
      const { lower, upper } = worthAt(confidence);
      // Markov again, see above.
      const surely = MARKOV_SLACK * (1 - confidence);
      return [
        Math.max(wilsonInterval(share * lower, lower, confidence)[0] ?? 0, share * surely),
        Math.min(wilsonInterval(share * upper, upper, confidence)[1] ?? 1, 1 - (1 - share) * surely),
      ];
    },
    fewestAt: () => 1,
  };
}

/** Of a rate over time: its mean over equal slices of the window. */
export function rateEstimate(value: number, samples: number, slices: Float64Array): Estimate {
  const n = slices.length;
  const mean = slices.reduce((sum, slice) => sum + slice, 0) / n;
  const std = Math.sqrt(slices.reduce((sum, slice) => sum + (slice - mean) ** 2, 0) / (n - 1));
  // In the figure's own unit.
  const sorted = slices.map((slice) => (mean === 0 ? 0 : (slice * value) / mean)).sort();
  let series: Dependence | undefined;
  const worthAt = (confidence: number) => {
    series ??= dependenceOf(slices);
    return worthOf(series, series, confidence, { fewestWorth: FEWEST_SLICES });
  };
  return {
    value,
    samples,
    worthAt,
    intervalAt: (confidence) => {
      const { lower, upper, effective } = worthAt(confidence);
      const reach = (worth: number) =>
        (studentQuantile(confidence, worth - 1) * std * (mean === 0 ? 0 : value / mean)) / Math.sqrt(worth);
      const [furthestLower, furthestUpper] =
        n < FEWEST_SLICES
          ? UNBOUNDED
          : farBeyond({ min: sorted[0]!, middle: sorted[n >> 1]!, max: sorted[n - 1]! }, effective);
      return [
        lower < FEWEST_SLICES ? furthestLower : Math.max(0, value - reach(lower)),
        upper < FEWEST_SLICES ? furthestUpper : value + reach(upper),
      ];
    },
    fewestAt: () => 0,
  };
}

function skewnessOf(values: Float64Array): number {
  const n = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  let second = 0;
  let third = 0;
  for (const value of values) {
    second += (value - mean) ** 2;
    third += (value - mean) ** 3;
  }
  return second === 0 ? 0 : Math.max(0, third / n / (second / n) ** 1.5);
}
