/**
 * A mergeable histogram of non-negative numbers with a bounded relative error.
 *
 * Log-linear on the bits of the IEEE 754 double itself: a bucket's index is the value's exponent and the
 * first ten bits of its mantissa, so every power of two is cut into 1,024 equal buckets. A quantile is
 * answered with its bucket's middle, at most 1/2048 (0.05 %) off, and merging two histograms is adding
 * their counts: exact, in any order. Count, sum, extremes and the second moment are kept beside it.
 */

const BUCKETS_PER_OCTAVE = 1024;
const INDEX_SHIFT = 10;

const float = new Float64Array(1);
const words = new Uint32Array(float.buffer);
/** Which 32-bit word holds the exponent: the second on little-endian machines. */
const HIGH = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1 ? 1 : 0;

export function bucketIndex(value: number): number {
  float[0] = value;
  return words[HIGH]! >>> INDEX_SHIFT;
}

export function bucketLowerBound(index: number): number {
  words[HIGH] = index << INDEX_SHIFT;
  words[1 - HIGH] = 0;
  return float[0]!;
}

export function bucketMidpoint(index: number): number {
  return index === 0 ? 0 : (bucketLowerBound(index) + bucketLowerBound(index + 1)) / 2;
}

export type Bucket = readonly [index: number, count: number];

export class Histogram {
  count = 0;
  min = Number.POSITIVE_INFINITY;
  max = Number.NEGATIVE_INFINITY;
  /** Mean and sum of squared deviations, updated by Welford's method so that no precision is lost. */
  #mean = 0;
  #squares = 0;
  /** One dense block per power of two that has been seen; latencies span about a dozen. */
  readonly #octaves = new Map<number, Uint32Array>();

  /** One that was written down: its buckets, and what is kept exactly beside them. */
  static fromBuckets(
    buckets: Iterable<Bucket>,
    exact: { readonly min: number; readonly max: number; readonly mean: number; readonly std: number },
  ): Histogram {
    const histogram = new Histogram();
    for (const [index, count] of buckets) {
      histogram.#add(index, count);
      histogram.count += count;
    }
    if (histogram.count === 0) return histogram;
    histogram.min = exact.min;
    histogram.max = exact.max;
    histogram.#mean = exact.mean;
    histogram.#squares = exact.std * exact.std * (histogram.count - 1);
    return histogram;
  }

  record(value: number): void {
    if (!(value >= 0)) throw new RangeError(`A histogram takes numbers from 0 on, not ${value}.`);
    this.#add(bucketIndex(value), 1);
    this.count++;
    if (value < this.min) this.min = value;
    if (value > this.max) this.max = value;
    const delta = value - this.#mean;
    this.#mean += delta / this.count;
    this.#squares += delta * (value - this.#mean);
  }

  merge(other: Histogram): void {
    if (other.count === 0) return;
    for (const [index, count] of other.buckets()) this.#add(index, count);
    const total = this.count + other.count;
    const delta = other.#mean - this.#mean;
    this.#squares += other.#squares + (delta * delta * this.count * other.count) / total;
    this.#mean += (delta * other.count) / total;
    this.count = total;
    this.min = Math.min(this.min, other.min);
    this.max = Math.max(this.max, other.max);
  }

  get mean(): number | undefined {
    return this.count === 0 ? undefined : this.#mean;
  }

  /** Of the sample (n − 1); 0 for a single value. */
  get std(): number | undefined {
    if (this.count === 0) return undefined;
    return this.count === 1 ? 0 : Math.sqrt(this.#squares / (this.count - 1));
  }

  /** The nearest-rank quantile: the smallest value that at least `q` of the samples do not exceed. */
  quantile(q: number): number | undefined {
    return this.valueAtRank(Math.max(1, Math.ceil(q * this.count - 1e-9)));
  }

  /** The `rank`-th smallest value, counted from 1; undefined where there is none. */
  valueAtRank(rank: number): number | undefined {
    if (rank < 1 || rank > this.count) return undefined;
    if (rank === 1) return this.min;
    if (rank === this.count) return this.max;
    let seen = 0;
    for (const [index, count] of this.buckets()) {
      seen += count;
      if (seen >= rank) return Math.min(this.max, Math.max(this.min, bucketMidpoint(index)));
    }
    return this.max;
  }

  /** The share of samples in buckets above that of `value`, 0 to 1. */
  shareAbove(value: number): number {
    const limit = bucketIndex(value);
    let above = 0;
    for (const [index, count] of this.buckets()) if (index > limit) above += count;
    return this.count === 0 ? 0 : above / this.count;
  }

  /** Where each value, which must be one of the samples, stands among them: the middle of its bucket's ranks. */
  midranks(values: Float64Array): Float64Array {
    const first = bucketIndex(this.min);
    const middles = new Float64Array(bucketIndex(this.max) - first + 1);
    let seen = 0;
    for (const [index, count] of this.buckets()) {
      middles[index - first] = seen + (count + 1) / 2;
      seen += count;
    }
    return values.map((value) => middles[bucketIndex(value) - first]!);
  }

  /** Non-empty buckets in ascending order. */
  *buckets(): Generator<Bucket> {
    for (const octave of [...this.#octaves.keys()].sort((a, b) => a - b)) {
      const counts = this.#octaves.get(octave)!;
      for (let i = 0; i < BUCKETS_PER_OCTAVE; i++) {
        if (counts[i]! > 0) yield [octave * BUCKETS_PER_OCTAVE + i, counts[i]!];
      }
    }
  }

  #add(index: number, count: number): void {
    const octave = Math.floor(index / BUCKETS_PER_OCTAVE);
    let counts = this.#octaves.get(octave);
    if (counts === undefined) {
      counts = new Uint32Array(BUCKETS_PER_OCTAVE);
      this.#octaves.set(octave, counts);
    }
    counts[index % BUCKETS_PER_OCTAVE]! += count;
  }
}
