import type { ComparableFigure } from "../plan/objective.ts";
import { type Random, random } from "../random.ts";
import { bucketMidpoint, type Histogram } from "../summarize/histogram.ts";
import {
  FEWEST_BLOCKS,
  type Interval,
  newcombeInterval,
  normalQuantile,
  quantileRanks,
  samplesToEstablish,
} from "./intervals.ts";
import type { LevelFigures, ThroughputFigure } from "./level-figures.ts";

/** How one figure went from base to head; in nanoseconds, ratios or per second. */
export interface FigureChange {
  readonly base: number;
  readonly head: number;
  /** head / base, for `error_rate` head − base; absent where the base is 0 and there is no ratio. */
  readonly change?: number;
  /** Of `change`, each bound by itself at the confidence given. */
  readonly intervalAt: (confidence: number) => Interval;
  /** Samples of the side that has fewer. */
  readonly samples: number;
  /** Requests of each side below which no bound is possible at all. */
  readonly fewestAt: (confidence: number) => number;
}

export const RESAMPLES = 5000;

/** Undefined when either side lacks the figure. Figures that are compared together share their draws. */
export function changeOf(
  figure: ComparableFigure,
  base: LevelFigures,
  head: LevelFigures,
  draws: Draws,
): FigureChange | undefined {
  if (figure.kind === "latency") {
    const histograms = [base.latencies[figure.metric], head.latencies[figure.metric]] as const;
    const [a, b] = histograms;
    if (a === undefined || b === undefined) return undefined;
    const sides: Sides<Sampled> = [
      { histogram: a, independent: independentOf(figure.metric, a, base) },
      { histogram: b, independent: independentOf(figure.metric, b, head) },
    ];
    return figure.statistic.kind === "mean"
      ? meanChange(sides, draws, draws.chance(figure.metric, "mean"))
      : quantileChange(sides, figure.statistic.q, draws);
  }
  if (figure.metric === "error_rate") return errorRateChange(base, head);
  const a = base.throughputs[figure.metric];
  const b = head.throughputs[figure.metric];
  if (a === undefined || b === undefined) return undefined;
  const samples = Math.min(base.completed, head.completed);
  return throughputChange([a, b], samples, draws, draws.chance(figure.metric));
}

type Sides<T> = readonly [base: T, head: T];

interface Sampled {
  readonly histogram: Histogram;
  readonly independent: number;
}

/** Gaps within a request are not independent: they count as one sample per request. */
function independentOf(metric: string, { count }: Histogram, { completed }: LevelFigures): number {
  return metric === "itl" ? Math.min(count, completed) : count;
}

/** The chance that a comparison has: how often to draw again, and streams of its own for what is drawn. */
export interface Draws {
  readonly resamples: number;
  readonly chance: (...stream: readonly (string | number)[]) => Random;
  /** Where, from 0 to 1, the q-quantile of n samples comes to lie among them when they are drawn again. */
  readonly ranks: (n: number, q: number, side: "base" | "head") => Float64Array;
}

/**
 * The bootstrap of an order statistic has a closed form: drawing n samples again with replacement and
 * taking the k-th is reading the sorted samples at a rank drawn from Beta(k, n + 1 − k) (Efron 1979).
 * The ranks depend on nothing else, so that all latencies with as many samples can use the same ones.
 */
export function drawsOf(seed: number, resamples = RESAMPLES): Draws {
  const drawn = new Map<string, Float64Array>();
  const chance: Draws["chance"] = (...stream) => random(seed, "compare", ...stream);
  const ranks: Draws["ranks"] = (n, q, side) => {
    const name = `${side} ${n} ${q}`;
    const known = drawn.get(name);
    if (known !== undefined) return known;
    const draw = chance("ranks", name);
    const k = rankOf(n, q);
    const fresh = Float64Array.from({ length: resamples }, () => {
      const below = k * draw.gamma(k);
      const above = (n + 1 - k) * draw.gamma(n + 1 - k);
      return below / (below + above);
    });
    drawn.set(name, fresh);
    return fresh;
  };
  return { resamples, chance, ranks };
}

function rankOf(n: number, q: number): number {
  return Math.max(1, Math.ceil(q * n - 1e-9));
}

function quantileChange(sides: Sides<Sampled>, q: number, { ranks, resamples }: Draws): FigureChange {
  const [base, head] = sides.map(({ histogram }) => histogram.quantile(q)!) as [number, number];
  const ratioAt = ratioInterval(
    [
      quantileDraw(sides[0].histogram, ranks(sides[0].independent, q, "base")),
      quantileDraw(sides[1].histogram, ranks(sides[1].independent, q, "head")),
    ],
    resamples,
  );
  return {
    ...ratioOf(base, head),
    intervalAt: (confidence) => {
      // Resampling never leaves the samples: where these cannot bound the quantile itself, they cannot bound a ratio.
      const [[baseLow, baseHigh], [headLow, headHigh]] = sides.map(({ independent }) =>
        quantileRanks(independent, q, confidence),
      ) as [Interval, Interval];
      const [lower, upper] = ratioAt(confidence);
      return [
        headLow === undefined || baseHigh === undefined ? undefined : lower,
        headHigh === undefined || baseLow === undefined ? undefined : upper,
      ];
    },
    samples: fewer(sides),
    fewestAt: (confidence) => samplesToEstablish(Math.max(q, 1 - q), 0, confidence),
  };
}

function quantileDraw(histogram: Histogram, ranks: Float64Array): (i: number) => number {
  const values: number[] = [];
  const upTo: number[] = [];
  let seen = 0;
  for (const [index, count] of histogram.buckets()) {
    seen += count;
    values.push(Math.min(histogram.max, Math.max(histogram.min, bucketMidpoint(index))));
    upTo.push(seen);
  }
  return (i) => values[firstAtLeast(upTo, ranks[i]! * seen)]!;
}

function firstAtLeast(ascending: readonly number[], value: number): number {
  let low = 0;
  let high = ascending.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ascending[middle]! >= value) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Fewer samples than this say too little about how a mean varies. */
const FEWEST_FOR_MEAN = 30;

/** A mean of many samples is normal with its standard error (the central limit theorem). */
function meanChange(sides: Sides<Sampled>, { resamples }: Draws, chance: Random): FigureChange {
  const [base, head] = sides.map(({ histogram }) => histogram.mean!) as [number, number];
  const draws = sides.map(({ histogram, independent }) => {
    const error = histogram.std! / Math.sqrt(independent);
    // Half a step off keeps the draw from 0, whose quantile is infinite.
    return () => histogram.mean! + error * normalQuantile(chance.uniform() + 2 ** -33);
  }) as [() => number, () => number];
  const enough = sides.every(({ independent }) => independent >= FEWEST_FOR_MEAN);
  return {
    ...ratioOf(base, head),
    intervalAt: enough ? ratioInterval(draws, resamples) : unbounded,
    samples: fewer(sides),
    fewestAt: () => FEWEST_FOR_MEAN,
  };
}

/** Stretches of time are drawn again on each side, as for a throughput alone. */
function throughputChange(
  sides: Sides<ThroughputFigure>,
  samples: number,
  { resamples }: Draws,
  chance: Random,
): FigureChange {
  const [baseDraw, headDraw] = sides.map((side) => throughputDraw(side, chance));
  return {
    ...ratioOf(sides[0].perSecond, sides[1].perSecond),
    intervalAt:
      baseDraw === undefined || headDraw === undefined
        ? unbounded
        : ratioInterval([baseDraw, headDraw], resamples),
    samples,
    fewestAt: () => 0,
  };
}

function throughputDraw({ perSecond, blocks }: ThroughputFigure, chance: Random): (() => number) | undefined {
  const used = blocks.filter(({ weight }) => weight > 0);
  const totals = Float64Array.from(used, ({ total }) => total);
  const weights = Float64Array.from(used, ({ weight }) => weight);
  const count = used.length;
  const rateOf = (pick: (i: number) => number) => {
    let total = 0;
    let weight = 0;
    for (let i = 0; i < count; i++) {
      const at = pick(i);
      total += totals[at]!;
      weight += weights[at]!;
    }
    return total / weight;
  };
  const whole = rateOf((i) => i);
  if (count < FEWEST_BLOCKS || whole === 0) return undefined;
  // A stored timeline counts requests where they ended, so its sum is a little off the figure itself.
  return () => (perSecond * rateOf(() => chance.integer(count))) / whole;
}

function errorRateChange(base: LevelFigures, head: LevelFigures): FigureChange | undefined {
  const [n, m] = [base.completed + base.failed, head.completed + head.failed];
  if (n === 0 || m === 0) return undefined;
  return {
    base: base.failed / n,
    head: head.failed / m,
    change: head.failed / m - base.failed / n,
    intervalAt: (confidence) => newcombeInterval(head.failed, m, base.failed, n, confidence),
    samples: Math.min(n, m),
    fewestAt: () => 0,
  };
}

/** Percentile bootstrap of head / base, drawn once; a draw whose base is 0 bounds nothing from above. */
function ratioInterval(
  [base, head]: Sides<(i: number) => number>,
  resamples: number,
): (confidence: number) => Interval {
  const ratios = Float64Array.from({ length: resamples }, (_, i) => {
    const below = base(i);
    return below > 0 ? head(i) / below : Number.POSITIVE_INFINITY;
  }).sort();
  const at = (share: number) => {
    const ratio = ratios[Math.min(resamples - 1, Math.floor(share * resamples))]!;
    return Number.isFinite(ratio) ? ratio : undefined;
  };
  // A bound that less than one draw lies beyond is not known from them.
  return (confidence) =>
    (1 - confidence) * resamples < 1 ? [undefined, undefined] : [at(1 - confidence), at(confidence)];
}

const unbounded = (): Interval => [undefined, undefined];

function ratioOf(base: number, head: number): Pick<FigureChange, "base" | "head" | "change"> {
  return { base, head, ...(base > 0 && { change: head / base }) };
}

function fewer(sides: Sides<Sampled>): number {
  return Math.min(...sides.map(({ histogram }) => histogram.count));
}
