import type { ComparableFigure } from "../plan/objective.ts";
import type { LatencyName } from "../result.ts";
import { bucketMidpoint, Histogram } from "../summarize/histogram.ts";
import type { WindowRates } from "../summarize/summary.ts";
import { type Interval, studentQuantile } from "./intervals.ts";

/** What one side measured in one go. */
export interface BlockFigures {
  readonly latencies: Readonly<Partial<Record<LatencyName, Histogram>>>;
  readonly completed: number;
  readonly failed: number;
  readonly seconds: number;
  readonly rates: WindowRates;
}

/** Fewer pairs of blocks than this say too little about how they vary. */
export const FEWEST_BLOCKS = 4;

type Sides<T> = readonly [base: T, head: T];

/**
 * The change of a figure between base and head that took turns in pairs of blocks, which sent the same requests at
 * the same moments: what a pair has in common (its requests, the machine of that minute, how its requests wait for
 * each other) is in both sides and takes no part in the interval. It asks of the blocks that they do not depend on
 * each other, and of the requests within one nothing at all. Student's t, with as many degrees of freedom as pairs
 * less one.
 *
 * @returns undefined where the blocks do not make pairs, or one of them has no such figure.
 */
export function pairedInterval(
  figure: ComparableFigure,
  sides: Sides<readonly BlockFigures[]>,
): ((confidence: number) => Interval) | undefined {
  const pairs = sides[0].length;
  if (pairs < FEWEST_BLOCKS || sides[1].length !== pairs) return undefined;
  if (figure.kind === "latency" && figure.statistic.kind === "quantile") {
    const { metric, statistic } = figure;
    const histograms = sides.map((blocks) =>
      blocks.map(({ latencies }) => latencies[metric] ?? new Histogram()),
    );
    return quantileRatio(histograms.map(sortedOf) as unknown as Sides<SortedBlocks>, statistic.q, pairs);
  }
  return jackknife(figure, sides, pairs);
}

/** Of all blocks of a side: the values that occur, ascending, and for each block how many are not above each. */
interface SortedBlocks {
  readonly blocks: readonly { readonly values: Float64Array; readonly upTo: Float64Array }[];
  readonly count: number;
  readonly max: number;
}

function sortedOf(histograms: readonly Histogram[]): SortedBlocks {
  const blocks = histograms.map((histogram) => {
    const buckets = [...histogram.buckets()];
    let seen = 0;
    return {
      values: Float64Array.from(buckets, ([index]) => bucketMidpoint(index)),
      upTo: Float64Array.from(buckets, ([, count]) => (seen += count)),
    };
  });
  return {
    blocks,
    count: histograms.reduce((sum, { count }) => sum + count, 0),
    max: Math.max(...histograms.map(({ max }) => max)),
  };
}

const FURTHEST = Math.log(1000);
const STEPS = 30;
/** Counts that are few vary more than they show: as though one more pair of requests had differed by chance. */
const UNSEEN = 2;

/**
 * All ratios that the pairs do not contradict: with the head divided by the right one, both sides have as many
 * requests beyond the quantile of both together, but for chance, which is how these numbers differ from pair to pair
 * at the ratio that fits best. Values are only counted, so that it holds for any distribution; where too few are
 * beyond, there is no bound.
 */
function quantileRatio(
  [base, head]: Sides<SortedBlocks>,
  q: number,
  pairs: number,
): ((confidence: number) => Interval) | undefined {
  if (base.count === 0 || head.count === 0) return undefined;
  /** How many more of each block of the head, divided by e to the `log`, lie beyond. */
  const more = (log: number) => {
    const ratio = Math.exp(log);
    const limit = quantileOfBoth(base, head, ratio, q);
    return base.blocks.map((block, i) => {
      const other = head.blocks[i]!;
      const [n, m] = [total(block), total(other)];
      if (n === 0 || m === 0) return 0;
      // As shares of the block: the side that has fewer requests is no better for it.
      return ((m - notAbove(other, limit * ratio)) / m - (n - notAbove(block, limit)) / n) * ((n + m) / 2);
    });
  };
  const mean = (log: number) => more(log).reduce((sum, value) => sum + value, 0) / pairs;
  const best = edge((log) => mean(log) > 0);
  const squares = more(best).reduce((sum, value) => sum + value * value, 0);
  const error = Math.sqrt((squares + UNSEEN) / (pairs - 1) / pairs);
  const ratio = Math.exp(best);
  const limit = quantileOfBoth(base, head, ratio, q);
  const degrees = degreesOf(
    base.blocks.map((block, i) => {
      const other = head.blocks[i]!;
      return total(block) - notAbove(block, limit) + total(other) - notAbove(other, limit * ratio);
    }),
  );
  return (confidence) => {
    if (degrees <= 0) return [undefined, undefined];
    const allowed = studentQuantile(confidence, degrees) * error;
    return [
      mean(-FURTHEST) > allowed ? Math.exp(edge((log) => mean(log) > allowed)) : undefined,
      mean(FURTHEST) < -allowed ? Math.exp(edge((log) => mean(log) >= -allowed)) : undefined,
    ];
  };
}

/**
 * Where a few pairs have most of what is counted, only these tell how it varies: the effective number of clusters
 * (Carter, Schnepel and Steigerwald, Review of Economics and Statistics 99, 2017), less one.
 */
function degreesOf(contributions: readonly number[]): number {
  const sum = contributions.reduce((total, value) => total + value, 0);
  const squares = contributions.reduce((total, value) => total + value * value, 0);
  return squares === 0 ? 0 : (sum * sum) / squares - 1;
}

/** The furthest logarithm up to which it holds, by halving. */
function edge(holds: (log: number) => boolean): number {
  let low = -FURTHEST;
  let high = FURTHEST;
  for (let i = 0; i < STEPS; i++) {
    const middle = (low + high) / 2;
    if (holds(middle)) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

function quantileOfBoth(base: SortedBlocks, head: SortedBlocks, ratio: number, q: number): number {
  const wanted = q * (base.count + head.count);
  const seen = (limit: number) =>
    base.blocks.reduce((sum, block) => sum + notAbove(block, limit), 0) +
    head.blocks.reduce((sum, block) => sum + notAbove(block, limit * ratio), 0);
  let low = 0;
  let high = Math.max(base.max, head.max / ratio);
  for (let i = 0; i < STEPS && high - low > high * 1e-4; i++) {
    const middle = (low + high) / 2;
    if (seen(middle) >= wanted) high = middle;
    else low = middle;
  }
  return high;
}

function total({ upTo }: SortedBlocks["blocks"][number]): number {
  return upTo.at(-1) ?? 0;
}

function notAbove({ values, upTo }: SortedBlocks["blocks"][number], limit: number): number {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle]! <= limit) low = middle + 1;
    else high = middle;
  }
  return low === 0 ? 0 : upTo[low - 1]!;
}

/** Each pair is left out once (Tukey 1958, by groups): for figures that every request moves a little. */
function jackknife(
  figure: ComparableFigure,
  [base, head]: Sides<readonly BlockFigures[]>,
  pairs: number,
): ((confidence: number) => Interval) | undefined {
  const [before, after] = [leaveOneOut(figure, base), leaveOneOut(figure, head)];
  const difference = figure.metric === "error_rate";
  const change = (i: number) => {
    const [a, b] = [before(i), after(i)];
    if (a === undefined || b === undefined) return undefined;
    if (difference) return b - a;
    return a > 0 && b > 0 ? Math.log(b / a) : undefined;
  };
  const whole = change(-1);
  const without = Array.from({ length: pairs }, (_, i) => change(i));
  if (whole === undefined || !without.every((value) => value !== undefined)) return undefined;
  const mean = without.reduce((sum, value) => sum + value, 0) / pairs;
  const squares = without.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const error = Math.sqrt(((pairs - 1) / pairs) * squares);
  const degrees = degreesOf(
    base.map((block, i) => contributionOf(figure, block) + contributionOf(figure, head[i]!)),
  );
  return (confidence) => {
    if (degrees <= 0) return [undefined, undefined];
    const reach = studentQuantile(confidence, degrees) * error;
    const bounds = [whole - reach, whole + reach] as const;
    return difference ? bounds : [Math.exp(bounds[0]), Math.exp(bounds[1])];
  };
}

/** How much of the figure is this block's. */
function contributionOf(figure: ComparableFigure, { latencies, failed, seconds }: BlockFigures): number {
  if (figure.kind === "rate") return figure.metric === "error_rate" ? failed : seconds;
  const histogram = latencies[figure.metric];
  return (histogram?.count ?? 0) * (histogram?.mean ?? 0);
}

/** The figure of all blocks but the `i`-th; of all for −1. */
function leaveOneOut(
  figure: ComparableFigure,
  blocks: readonly BlockFigures[],
): (i: number) => number | undefined {
  if (figure.kind === "latency") {
    const sums = blocks.map(({ latencies }) => latencies[figure.metric] ?? new Histogram());
    const all = (of: (histogram: Histogram) => number, i: number) =>
      sums.reduce((sum, histogram, k) => sum + (k === i ? 0 : of(histogram)), 0);
    return (i) => {
      const count = all(({ count }) => count, i);
      return count === 0 ? undefined : all(({ count, mean }) => count * (mean ?? 0), i) / count;
    };
  }
  const sum = (of: (block: BlockFigures) => number) => {
    const all = blocks.reduce((total, block) => total + of(block), 0);
    return (i: number) => all - (i < 0 ? 0 : of(blocks[i]!));
  };
  const ratio = (above: (i: number) => number, below: (i: number) => number) => (i: number) =>
    below(i) > 0 ? above(i) / below(i) : undefined;
  const seconds = sum((block) => block.seconds);
  switch (figure.metric) {
    case "error_rate":
      return ratio(
        sum(({ failed }) => failed),
        sum(({ failed, completed }) => failed + completed),
      );
    case "request_throughput":
      return ratio(
        sum((block) => block.rates.requestThroughput * block.seconds),
        seconds,
      );
    case "output_throughput":
      return ratio(
        sum((block) => block.rates.outputThroughput * block.seconds),
        seconds,
      );
  }
}
