/**
 * Every value of a distribution, kept whole. Other tools define their figures over all values (numpy's
 * percentiles lie between two of them), so a figure by their words cannot be read from a histogram.
 */
export class Samples {
  #values = new Float64Array(1024);
  #weights: Float64Array | undefined;
  #count = 0;
  #sorted = false;

  /** A weight is given for all values or for none. */
  add(value: number, weight?: number): void {
    if (this.#count === this.#values.length) this.#grow();
    if (weight !== undefined) this.#weights ??= new Float64Array(this.#values.length);
    this.#values[this.#count] = value;
    if (this.#weights !== undefined) this.#weights[this.#count] = weight ?? 1;
    this.#count++;
    this.#sorted = false;
  }

  get count(): number {
    return this.#count;
  }

  get sum(): number {
    return this.#total((value, weight) => value * weight);
  }

  /** Of the weights; the count where none were given. */
  get weight(): number {
    return this.#total((_, weight) => weight);
  }

  get mean(): number | undefined {
    return this.#count === 0 || this.weight === 0 ? undefined : this.sum / this.weight;
  }

  /** numpy's `std`: of the population, divided by n. */
  get populationStd(): number | undefined {
    const { mean } = this;
    if (mean === undefined) return undefined;
    return Math.sqrt(this.#total((value, weight) => weight * (value - mean) ** 2) / this.weight);
  }

  /** Divided by n − 1; absent for fewer than two values. */
  get sampleStd(): number | undefined {
    const std = this.populationStd;
    if (std === undefined || this.#count < 2) return undefined;
    return std * Math.sqrt(this.#count / (this.#count - 1));
  }

  get min(): number | undefined {
    return this.#ordered()[0];
  }

  get max(): number | undefined {
    return this.#ordered().at(-1);
  }

  /** numpy's default percentile: in a straight line between the two nearest ranks. */
  linearQuantile(q: number): number | undefined {
    const values = this.#ordered();
    if (values.length === 0) return undefined;
    const at = q * (values.length - 1);
    const low = Math.floor(at);
    const high = Math.min(low + 1, values.length - 1);
    return values[low]! + (values[high]! - values[low]!) * (at - low);
  }

  /** The smallest value at which the weights add up to at least `q` of them all. */
  weightedQuantile(q: number): number | undefined {
    const order = Array.from({ length: this.#count }, (_, i) => i).sort(
      (a, b) => this.#values[a]! - this.#values[b]!,
    );
    const enough = q * this.weight - 1e-9;
    let seen = 0;
    for (const i of order) {
      const weight = this.#weights?.[i] ?? 1;
      seen += weight;
      if (weight > 0 && seen >= enough) return this.#values[i];
    }
    return undefined;
  }

  each(of: (value: number) => void): void {
    for (let i = 0; i < this.#count; i++) of(this.#values[i]!);
  }

  #total(of: (value: number, weight: number) => number): number {
    let total = 0;
    for (let i = 0; i < this.#count; i++) total += of(this.#values[i]!, this.#weights?.[i] ?? 1);
    return total;
  }

  /** Sorts in place where no weight belongs to a place. */
  #ordered(): Float64Array {
    const present = this.#values.subarray(0, this.#count);
    if (this.#weights !== undefined) return present.slice().sort();
    if (!this.#sorted) present.sort();
    this.#sorted = true;
    return present;
  }

  #grow(): void {
    const values = new Float64Array(this.#values.length * 2);
    values.set(this.#values);
    this.#values = values;
    if (this.#weights === undefined) return;
    const weights = new Float64Array(values.length);
    weights.set(this.#weights);
    this.#weights = weights;
  }
}
