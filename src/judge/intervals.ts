/**
 * Confidence intervals. Each bound holds by itself with the given confidence (so a pair at 95 % is what
 * others call a 90 % interval): an objective asks about one side only, and "met" is then wrong at most
 * once in twenty. `undefined` is a bound that these samples cannot give.
 */
export type Interval = readonly [lower: number | undefined, upper: number | undefined];

/**
 * Ranks, counted from 1, of the order statistics that bound the `q`-quantile of whatever distribution the
 * `n` samples came from: the number of samples below it is binomial (Conover, Practical Nonparametric
 * Statistics, section 3.2). With 58 samples a p95 has no upper bound at 95 %; with 59 it is the largest.
 */
export function quantileRanks(n: number, q: number, confidence: number): Interval {
  // Upper: the smallest k with P(Bin(n, q) ≤ k − 1) ≥ confidence. Lower: the largest with P(… ≤ k − 1) ≤ 1 − confidence.
  let lower = 0;
  let low = 1;
  let high = n + 1;
  while (low < high) {
    const k = Math.floor((low + high) / 2);
    if (binomialCdf(k - 1, n, q) >= confidence) high = k;
    else low = k + 1;
  }
  const upper = low;
  low = 0;
  high = n;
  while (low < high) {
    const k = Math.ceil((low + high) / 2);
    if (binomialCdf(k - 1, n, q) <= 1 - confidence) low = k;
    else high = k - 1;
  }
  lower = low;
  return [lower >= 1 ? lower : undefined, upper <= n ? upper : undefined];
}

/**
 * The smallest number of samples with which "the q-quantile is within its limit" is established when
 * `over` of them are beyond it.
 */
export function samplesToEstablish(q: number, over: number, confidence: number): number {
  // With `over` of n beyond the limit, rank n − over is within it, and must be at or above the upper rank.
  let low = over + 1;
  let high = low;
  const enough = (n: number) => 1 - binomialCdf(over, n, 1 - q) >= confidence;
  while (!enough(high)) high *= 2;
  while (low < high) {
    const n = Math.floor((low + high) / 2);
    if (enough(n)) high = n;
    else low = n + 1;
  }
  return low;
}

/** Samples below which the `q`-quantile has no upper bound (q ≥ ½), or no lower one. */
export function fewestForQuantile(q: number, confidence: number): number {
  return Math.ceil(Math.log(1 - confidence) / Math.log(Math.max(q, 1 - q)) - 1e-9);
}

/** Wilson's score interval of a share (Wilson 1927), which stays sensible at 0 and at 1. */
export function wilsonInterval(successes: number, n: number, confidence: number): Interval {
  if (n === 0) return [undefined, undefined];
  const z = normalQuantile(confidence);
  const share = successes / n;
  const middle = share + (z * z) / (2 * n);
  const spread = z * Math.sqrt((share * (1 - share)) / n + (z * z) / (4 * n * n));
  const scale = 1 + (z * z) / n;
  // At the ends the formula gives exactly 0 and 1, but for rounding.
  return [successes === 0 ? 0 : (middle - spread) / scale, successes === n ? 1 : (middle + spread) / scale];
}

/** A figure with the bounds it has. */
export interface Bounded {
  readonly value: number;
  readonly interval: Interval;
}

/**
 * The interval of a difference of two figures that were measured apart, made of the interval of each: on either side
 * the two distances add up as squares do (MOVER: Zou and Donner, Statistics in Medicine 27, 2008). Of two shares
 * with Wilson's intervals it is Newcombe's (1998, method 10).
 */
export function differenceInterval(head: Bounded, base: Bounded): Interval {
  const [low, high] = head.interval;
  const [baseLow, baseHigh] = base.interval;
  const difference = head.value - base.value;
  return [
    low === undefined || baseHigh === undefined
      ? undefined
      : difference - Math.hypot(head.value - low, baseHigh - base.value),
    high === undefined || baseLow === undefined
      ? undefined
      : difference + Math.hypot(high - head.value, base.value - baseLow),
  ];
}

/** Of head / base, both above 0: the same on a logarithmic scale. A bound of the base at 0 gives none. */
export function ratioInterval(head: Bounded, base: Bounded): Interval {
  const log = ({ value, interval }: Bounded): Bounded => ({
    value: Math.log(value),
    interval: interval.map((bound) =>
      bound === undefined || bound <= 0 ? undefined : Math.log(bound),
    ) as unknown as Interval,
  });
  return differenceInterval(log(head), log(base)).map((bound) =>
    bound === undefined ? undefined : Math.exp(bound),
  ) as unknown as Interval;
}

/** P(X ≤ k) for X binomial: the regularised incomplete beta function I₁₋ₚ(n − k, k + 1) (DLMF 8.17.5). */
export function binomialCdf(k: number, n: number, p: number): number {
  if (k < 0) return 0;
  if (k >= n) return 1;
  return incompleteBeta(n - k, k + 1, 1 - p);
}

/** Quantile of Student's t, by halving: `p` from 0.5 to 1, `degrees` of freedom above 0 (DLMF 8.17 for its distribution). */
export function studentQuantile(p: number, degrees: number): number {
  const beyond = (t: number) => incompleteBeta(degrees / 2, 0.5, degrees / (degrees + t * t)) / 2;
  const key = `${p} ${degrees}`;
  const known = STUDENT.get(key);
  if (known !== undefined) return known;
  let low = 0;
  let high = 1;
  while (beyond(high) > 1 - p) high *= 2;
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (beyond(middle) > 1 - p) low = middle;
    else high = middle;
  }
  STUDENT.set(key, high);
  return high;
}

/** A judgement asks for few of them, many times. */
const STUDENT = new Map<string, number>();

/** Continued fraction of DLMF 8.17.22, by Lentz's method. */
function incompleteBeta(a: number, b: number, x: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  if (x > (a + 1) / (a + b + 2)) return 1 - incompleteBeta(b, a, 1 - x);
  const front =
    Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x)) / a;
  const tiny = 1e-300;
  const apart = (value: number) => (Math.abs(value) < tiny ? tiny : value);
  let c = 1;
  let d = 1 / apart(1 - ((a + b) * x) / (a + 1));
  let fraction = d;
  for (let m = 1; m <= 10_000; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / apart(1 + even * d);
    c = apart(1 + even / c);
    fraction *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / apart(1 + odd * d);
    c = apart(1 + odd / c);
    fraction *= d * c;
    if (Math.abs(d * c - 1) < 1e-14) break;
  }
  return front * fraction;
}

/** Lanczos' approximation, g = 7, n = 9: fifteen digits for positive arguments. */
function logGamma(x: number): number {
  const z = x - 1;
  const t = z + 7.5;
  const sum = LANCZOS.reduce(
    (total, coefficient, i) => (i === 0 ? coefficient : total + coefficient / (z + i)),
    0,
  );
  return 0.5 * Math.log(2 * Math.PI) + (z + 0.5) * Math.log(t) - t + Math.log(sum);
}

const LANCZOS = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
  12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
];

/** Acklam's rational approximation of the normal quantile, relative error below 1.2e-9. */
export function normalQuantile(p: number): number {
  const a = [
    -39.69683028665376, 220.9460984245205, -275.9285104469687, 138.357751867269, -30.66479806614716,
    2.506628277459239,
  ];
  const b = [
    -54.47609879822406, 161.5858368580409, -155.6989798598866, 66.80131188771972, -13.28068155288572,
  ];
  const c = [
    -0.007784894002430293, -0.3223964580411365, -2.400758277161838, -2.549732539343734, 4.374664141464968,
    2.938163982698783,
  ];
  const d = [0.007784695709041462, 0.3224671290700398, 2.445134137142996, 3.754408661907416];
  const poly = (coefficients: readonly number[], x: number) =>
    coefficients.reduce((sum, k) => sum * x + k, 0);
  if (p < 0.02425) {
    const t = Math.sqrt(-2 * Math.log(p));
    return poly(c, t) / poly([...d, 1], t);
  }
  if (p > 1 - 0.02425) return -normalQuantile(1 - p);
  const t = p - 0.5;
  const r = t * t;
  return (t * poly(a, r)) / poly([...b, 1], r);
}
