import { Histogram } from "./histogram.ts";

/**
 * Where a series settles: how many of its first values belong to a start that is unlike the rest.
 *
 * MSER-5 (White 1997, White, Cobb and Spratt 2000) says where to cut: means of five values each, and the cut after
 * which the mean of what is left is known best. By itself it cuts chance too.
 * So a cut must be borne out: the mean of the first values' logarithms lies outside of what as many values at a time
 * do in the rest (Student's prediction interval). Parts of the rest depend on each other as the first ones do, so that a
 * queue's own ups and downs are no start.
 *
 * MSER looks at normal scores of the ranks (van der Waerden 1952), so that no single slow request moves a cut. Where
 * the start is one step, it is found as such first, in the logarithms; small changes later on do not move it.
 */
export type Transient =
  /** 0: there is no start to leave out. */
  | { readonly kind: "settled"; readonly length: number }
  /** It goes on changing to its end, so that no part of it is like the rest. */
  | { readonly kind: "unsettled" };

const BATCH = 5;
/** Less is no latency, and 0 has no logarithm. */
const LEAST_NS = 1000;
/** Batches: of fewer any are alike by chance. */
const LEAST_LEFT = 8;
/** Of what is left, to see whether it ever settles. */
const EIGHTHS = 8;
/** Fewer values show no start that could be told from chance, and are missed when they are gone. */
const FEWEST = 200;
/** The rest in at least this many parts, or there is nothing to hold the start against. */
const FEWEST_PARTS = 12;
const MOST_PARTS = 32;
/** Standard deviations of a normal: so many because MSER looks for the place where the start is most unlike the rest. */
const BEYOND_CHANCE = 4.5;
/** Of the mean logarithm of all: a start that moves it by less, for it is short or hardly slower, spoils nothing. */
const NOTICEABLE = 0.03;

export function transientOf(values: Float64Array): Transient {
  if (values.length < FEWEST) return { kind: "settled", length: 0 };
  const all = seriesOf(values);
  const step = startOf(all, stepAfter(all));
  // Of what is left then, or small changes later on would move the cut of a start that is many times slower.
  const rest = step === 0 ? all : seriesOf(values.subarray(step));
  const start = startOf(rest, settlesAfter(rest));
  const unsettled = keepsGoing(rest, start) && drift(rest, start) > stepSize(all, step) / 4;
  return unsettled ? { kind: "unsettled" } : { kind: "settled", length: step + start };
}

interface Series {
  readonly length: number;
  readonly logarithm: MeanOf;
  readonly score: MeanOf;
}

function seriesOf(values: Float64Array): Series {
  let score: MeanOf | undefined;
  return {
    length: values.length,
    logarithm: meansOf(values.map((value) => Math.log(Math.max(LEAST_NS, value)))),
    get score() {
      score ??= meansOf(normalScores(values));
      return score;
    },
  };
}

/** As many of the first values as are proposed, where these are unlike the rest; else 0. */
function startOf(series: Series, length: number): number {
  return length > 0 && length <= series.length / 2 && isUnlikeRest(series, length) ? length : 0;
}

type MeanOf = (from: number, to: number) => number;

/** Of any stretch of values, at once. */
function meansOf(values: ArrayLike<number>): MeanOf {
  const sums = new Float64Array(values.length + 1);
  for (let i = 0; i < values.length; i++) sums[i + 1] = sums[i]! + values[i]!;
  return (from, to) => (sums[to]! - sums[from]!) / (to - from);
}

/** Where a step is likeliest: the logarithms before it and those after differ least from the mean of either. */
function stepAfter({ length: total, logarithm: mean }: Series): number {
  let best = 0;
  let most = 0;
  for (let length = 1; length <= total / 2; length++) {
    const between = length * (total - length) * (mean(0, length) - mean(length, total)) ** 2;
    if (between > most) [most, best] = [between, length];
  }
  return best;
}

/** MSER-5: after how many values the squared standard error of the mean of the others is least. */
function settlesAfter({ length: total, score: mean }: Series): number {
  const count = Math.floor(total / BATCH);
  const batch = (index: number) => mean(index * BATCH, (index + 1) * BATCH);
  let sum = 0;
  let squares = 0;
  let best = 0;
  let least = Number.POSITIVE_INFINITY;
  for (let from = count - 1; from >= 0; from--) {
    sum += batch(from);
    squares += batch(from) ** 2;
    const left = count - from;
    const error = (squares - sum ** 2 / left) / left ** 2;
    if (left >= LEAST_LEFT && error <= least) {
      least = error;
      best = from;
    }
  }
  return BATCH * best;
}

/** The first `length` values, or the first of them, against equally long parts of the rest. */
function isUnlikeRest({ length: total, logarithm: mean }: Series, length: number): boolean {
  const part = Math.min(length, Math.floor((total - length) / FEWEST_PARTS));
  const count = Math.min(MOST_PARTS, Math.floor((total - length) / part));
  const means = Array.from({ length: count }, (_, i) => {
    const from = length + Math.floor((i * (total - length - part)) / (count - 1));
    return mean(from, from + part);
  });
  const middle = means.reduce((sum, one) => sum + one, 0) / count;
  const variance = means.reduce((sum, one) => sum + (one - middle) ** 2, 0) / (count - 1);
  const start = mean(0, part) - middle;
  const apart = Math.abs(start);
  const moves = (apart * length) / total;
  // What began well and went wrong later is no start, and is not to be hidden.
  const first = mean(0, Math.max(BATCH, Math.ceil(length / 16))) - middle;
  const fromTheFirst = first * Math.sign(start) > apart / 2;
  return (
    fromTheFirst &&
    moves > NOTICEABLE &&
    apart > studentQuantile(count - 1) * Math.sqrt(variance * (1 + 1 / count))
  );
}

/** How far the logarithms go from the first eighth of what is left to the last. */
function drift({ length: total, logarithm: mean }: Series, first: number): number {
  const eighth = Math.floor((total - first) / EIGHTHS);
  return Math.abs(mean(total - eighth, total) - mean(first, first + eighth));
}

/** How much a step changes; a small drift after it does not make it one that never ends. */
function stepSize({ length: total, logarithm: mean }: Series, step: number): number {
  return step === 0 ? 0 : Math.abs(mean(0, step) - mean(step, total));
}

/** Its parts' means rise one after the other, or fall, all but one of 28 pairs: by chance one series in 2,500 does. */
function keepsGoing({ length: total, score: mean }: Series, first: number): boolean {
  const edge = (part: number) => first + Math.floor((part * (total - first)) / EIGHTHS);
  const means = Array.from({ length: EIGHTHS }, (_, part) => mean(edge(part), edge(part + 1)));
  const pairs = means.flatMap((one, i) => means.slice(i + 1).map((later) => Math.sign(later - one)));
  return Math.abs(pairs.reduce((sum, sign) => sum + sign, 0)) >= pairs.length - 2;
}

/** Cornish and Fisher's expansion of Student's quantile about the normal's. */
function studentQuantile(freedom: number): number {
  const z = BEYOND_CHANCE;
  return z + (z ** 3 + z) / (4 * freedom) + (5 * z ** 5 + 16 * z ** 3 + 3 * z) / (96 * freedom ** 2);
}

const STRATA = 1 << 12;
/** The normal's quantiles at the middle of equal strata: Tukey's lambda stands for them, to 0.01. */
const SCORES = Float64Array.from({ length: STRATA }, (_, i) => {
  const p = (i + 0.5) / STRATA;
  return (p ** 0.135 - (1 - p) ** 0.135) / 0.1975;
});

/** Of the values' ranks; equal values have their ranks' middle. */
function normalScores(values: Float64Array): Float64Array {
  const histogram = new Histogram();
  for (const value of values) histogram.record(value);
  return histogram
    .midranks(values)
    .map((rank) => SCORES[Math.floor((STRATA * (rank - 0.5)) / values.length)]!);
}
