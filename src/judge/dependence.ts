/**
 * How much less requests that depend on each other tell than as many independent ones: those that wait in one
 * queue, share a machine or come in bursts are slow together. A sum over such a series varies `f` times as much as
 * over independent values (the variance inflation), so that n of them are worth n / f.
 *
 * No single estimate of f holds for every service: one from correlations between neighbours (Geyer's initial
 * monotone sequence, Statistical Science 7, 1992) misses a machine that drifts slowly beneath much noise, one from
 * the lowest frequencies of the spectrum (Heidelberger and Welch, CACM 24, 1981) has few degrees of freedom. The
 * largest of several is taken, each raised by the square of Student's t over the normal for the degrees it has.
 * What was tried, and how often bounds made this way hold: docs/statistics.md.
 */
import { fewestForQuantile, normalQuantile, studentQuantile } from "./intervals.ts";

/** What a series in order of arrival shows of its dependence. All inflations are 1 for independent values. */
export interface Dependence {
  /** How many values. */
  readonly n: number;
  /** Geyer's initial monotone sequence, corrected for the mean that was subtracted. */
  readonly neighbours: number;
  /** The same over the sums of 64 groups, in which slow changes stand out from noise. */
  readonly groups: number;
  /** Mean of the spectrum's first `ordinates` frequencies: 2, 4, 8, 16 or 32, with twice as many degrees of freedom. */
  readonly spectrum: (ordinates: number) => number;
  /** Of two neighbours, in standard deviations of what chance alone would show. */
  readonly neighbourScore: number;
  /** Skewness of the sum: above 0 where now and then many large values come together, below 0 where small ones do. */
  readonly skewness: number;
}

/** How many independent values a series is worth for each bound; below 1 it gives none. */
export interface Worth {
  readonly lower: number;
  readonly upper: number;
  /** The same without regard to a bound, also where there is none. */
  readonly effective: number;
}

/** Longer series are added up in groups first: what holds for them is the same, and costs no more. */
const MOST_VALUES = 4096;
const GROUPS = 64;
const ORDINATES = 32;

/** Values, or which of them something is true of (1, else 0), in order of arrival. */
export type Series = Float64Array | Uint8Array;

export function dependenceOf(series: Series): Dependence {
  const n = series.length;
  const values = n > MOST_VALUES ? sums(series, MOST_VALUES) : Float64Array.from(series);
  const { mean, variance } = momentsOf(values);
  // What is left of equal values is rounding.
  if (variance <= 1e-20 * mean * mean) return INDEPENDENT(n);
  const scale =
    n > MOST_VALUES ? variance / ((n / MOST_VALUES) * varianceOf(series, (mean * values.length) / n)) : 1;
  const centred = values.map((value) => value - mean);
  const { inflation, lags, lag1 } = initialMonotone(centred, variance);
  const groups = sums(centred, Math.min(GROUPS, Math.floor(values.length / 2)));
  const grouped = momentsOf(groups).variance;
  const spectrum = lowFrequencies(centred, variance);
  return {
    n,
    neighbours: scale * withoutMeanBias(inflation, lags, values.length),
    groups:
      grouped === 0
        ? 0
        : (scale * initialMonotone(groups, grouped).inflation * grouped) /
          ((values.length / groups.length) * variance),
    spectrum: (ordinates) => (scale * sumOf(spectrum.subarray(0, ordinates))) / ordinates,
    neighbourScore: lag1 * Math.sqrt(values.length),
    skewness: furthest([16, 32].map((count) => skewnessOfSum(centred, count))),
  };
}

/** Equal values show nothing either way. */
const INDEPENDENT = (n: number): Dependence => ({
  n,
  neighbours: 1,
  groups: 0,
  spectrum: () => 0,
  neighbourScore: 0,
  skewness: 0,
});

/**
 * Where requests depend on each other, fewer independent ones than this say too little about how much all of them vary.
 * A high quantile has no bound at so few anyway, and needs less caution than a mean or a share.
 */
export const FEWEST_WORTH = { quantile: 25, mean: 50 };
/** From here on a bound is there that the plain estimate allows, and caution moves it no further than to the extreme. */
const ENOUGH_FOR_EXTREME = 60;
/** Of the inflation of the ranks, what is assumed of every share at least. */
const SHARE_OF_RANKS = 0.6;
/** What the textbook's correction for skewness (Johnson, JASA 73, 1978) is multiplied by: it is estimated, and low. */
const SKEWNESS_WEIGHT = 1.5;

/**
 * @param figure what the figure is made from: which requests are above the quantile, which failed, or the values.
 * @param ranks of the latency itself. They show dependence where few requests are above a high quantile.
 * @param fewest values without which there is no bound at all.
 */
export function worthOf(
  figure: Dependence,
  ranks: Dependence,
  confidence: number,
  { fewest = 0, fewestWorth = FEWEST_WORTH.mean } = {},
): Worth {
  const { n } = figure;
  const allowance = (ordinates: number) =>
    (studentQuantile(confidence, 2 * ordinates) / normalQuantile(confidence)) ** 2;
  const slow = ({ spectrum }: Dependence, ordinates: number) => spectrum(ordinates) * allowance(ordinates);
  const plain = Math.max(1, figure.neighbours, figure.spectrum(8));
  if (!isDependent(ranks)) {
    const worth = n / plain;
    // Chance makes independent requests look a little dependent, and that alone never takes a bound away.
    return { lower: worth, upper: n >= fewest ? Math.max(worth, fewest) : worth, effective: worth };
  }
  const ofRanks = Math.max(1, ranks.neighbours, ranks.groups, slow(ranks, 8));
  const careful = Math.max(
    1,
    figure.neighbours,
    figure.groups,
    ...[2, 4, 8, 16].map((ordinates) => slow(figure, ordinates)),
    SHARE_OF_RANKS * Math.max(ofRanks, slow(ranks, 4)),
  );
  const inflation = Math.max(careful, ofRanks);
  if (n / inflation < fewestWorth) {
    return { lower: fewest > 0 ? n / inflation : 0, upper: 0, effective: n / inflation };
  }
  const z = normalQuantile(confidence);
  const lengthened = (skewness: number) =>
    1 + (SKEWNESS_WEIGHT * Math.max(0, skewness) * (2 * z * z + 1)) / (6 * z);
  const lower = n / (careful * lengthened(-figure.skewness) ** 2);
  const upper = n / (careful * lengthened(figure.skewness) ** 2);
  const plainBound = n / ofRanks >= ENOUGH_FOR_EXTREME && n / plain >= fewest;
  return { lower, upper: plainBound ? Math.max(upper, fewest) : upper, effective: n / careful };
}

/** Of the `q`-quantile. */
export function worthForQuantile(above: Dependence, ranks: Dependence, q: number, confidence: number): Worth {
  const fewest = fewestForQuantile(q, confidence);
  return worthOf(above, ranks, confidence, { fewest, fewestWorth: FEWEST_WORTH.quantile });
}

/** Each is passed by one in forty independent series: of them a bound is wider than it need be, and not absent. */
const LIKELY = { neighbours: 1.96, 4: 2.19, 8: 1.8, 16: 1.55, 32: 1.375 } as const;

function isDependent({ neighbourScore, spectrum }: Dependence): boolean {
  return (
    neighbourScore > LIKELY.neighbours ||
    ([4, 8, 16, 32] as const).some((ordinates) => spectrum(ordinates) > LIKELY[ordinates])
  );
}

/**
 * Adds up autocovariances in pairs of lags for as long as these are positive, none above the one before: of a
 * reversible chain they are, and what comes after is noise.
 */
function initialMonotone(
  centred: Float64Array,
  variance: number,
): { readonly inflation: number; readonly lags: number; readonly lag1: number } {
  const n = centred.length;
  const covariance = (lag: number) => {
    let sum = 0;
    for (let i = lag; i < n; i++) sum += centred[i]! * centred[i - lag]!;
    return sum / n;
  };
  let total = 0;
  let before = Number.POSITIVE_INFINITY;
  let lag = 0;
  let lag1 = 0;
  for (; lag + 1 < n / 2 - 1; lag += 2) {
    const odd = covariance(lag + 1);
    if (lag === 0) lag1 = odd / variance;
    const pair = (lag === 0 ? variance : covariance(lag)) + odd;
    if (pair <= 0) break;
    before = Math.min(before, pair);
    total += before;
  }
  return { inflation: lag === 0 ? 0 : (2 * total - variance) / variance, lags: lag, lag1 };
}

/** Subtracting the mean of the series itself takes away about two in n of what each lag adds. */
function withoutMeanBias(inflation: number, lags: number, n: number): number {
  return inflation / Math.max(0.2, 1 - (2 * lags) / n);
}

/** The periodogram at the lowest frequencies (all but 0), over the variance. */
function lowFrequencies(centred: Float64Array, variance: number): Float64Array {
  const n = centred.length;
  return Float64Array.from({ length: ORDINATES }, (_, k) => {
    const step = (2 * Math.PI * (k + 1)) / n;
    const [stepCos, stepSin] = [Math.cos(step), Math.sin(step)];
    let cos = 1;
    let sin = 0;
    let even = 0;
    let odd = 0;
    for (let i = 0; i < n; i++) {
      even += centred[i]! * cos;
      odd += centred[i]! * sin;
      const next = cos * stepCos - sin * stepSin;
      sin = sin * stepCos + cos * stepSin;
      cos = next;
    }
    return (even * even + odd * odd) / (n * variance);
  });
}

function skewnessOfSum(centred: Float64Array, count: number): number {
  const groups = sums(centred, count);
  const { mean, variance } = momentsOf(groups);
  if (variance === 0) return 0;
  const third = groups.reduce((sum, value) => sum + (value - mean) ** 3, 0) / count;
  return third / variance ** 1.5 / Math.sqrt(count);
}

/** Sums of `count` groups of neighbours. */
function sums(series: Series, count: number): Float64Array {
  const groups = new Float64Array(count);
  const perGroup = series.length / count;
  for (let group = 0, i = 0; group < count; group++) {
    const next = group + 1 < count ? Math.ceil((group + 1) * perGroup) : series.length;
    let sum = 0;
    for (; i < next; i++) sum += series[i]!;
    groups[group] = sum;
  }
  return groups;
}

function momentsOf(series: Float64Array): { readonly mean: number; readonly variance: number } {
  const mean = sumOf(series) / series.length;
  return { mean, variance: varianceOf(series, mean) };
}

function varianceOf(series: Series, mean: number): number {
  if (series instanceof Uint8Array) return mean * (1 - mean);
  let squares = 0;
  for (const value of series) squares += (value - mean) ** 2;
  return squares / series.length;
}

function furthest(values: readonly number[]): number {
  return values.reduce((far, value) => (Math.abs(value) > Math.abs(far) ? value : far), 0);
}

function sumOf(series: Float64Array): number {
  let sum = 0;
  for (const value of series) sum += value;
  return sum;
}
