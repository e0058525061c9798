import { randomUUID } from "node:crypto";

/**
 * The one place that has chance, and all of it seeded but for what names a run and salts its prompts. Every dimension (arrivals, prompts, the bootstrap)
 * draws from a stream of its own, named in words, so that adding one never shifts another.
 */
export interface Random {
  /** Uniform in [0, 1), 32 bits fine. */
  uniform(): number;
  /** Uniform integer in [0, below). */
  integer(below: number): number;
  /** Exponential with mean 1. */
  exponential(): number;
  /** Normal with mean 0 and standard deviation 1. */
  normal(): number;
  /** Gamma with the given shape and mean 1 (scale 1/shape). */
  gamma(shape: number): number;
}

/** sfc32 (PractRand's small fast counter generator), seeded by hashing the stream's name. */
export function random(seed: number, ...stream: readonly (string | number)[]): Random {
  return new SmallFastCounter(`${seed}/${stream.join("/")}`);
}

class SmallFastCounter implements Random {
  #a: number;
  #b: number;
  #c: number;
  #d: number;

  constructor(name: string) {
    this.#a = hash32(name, 0x9e3779b9);
    this.#b = hash32(name, 0x243f6a88);
    this.#c = hash32(name, 0xb7e15162);
    this.#d = hash32(name, 0x5f356495);
    for (let i = 0; i < 12; i++) this.#next();
  }

  uniform(): number {
    return this.#next() / 2 ** 32;
  }

  integer(below: number): number {
    return Math.floor(this.uniform() * below);
  }

  exponential(): number {
    return -Math.log(this.#positive());
  }

  /** Box and Muller 1958. */
  normal(): number {
    return Math.sqrt(-2 * Math.log(this.#positive())) * Math.cos(2 * Math.PI * this.uniform());
  }

  gamma(shape: number): number {
    return this.#gammaOfScale1(shape) / shape;
  }

  /** Marsaglia and Tsang 2000; a shape below 1 is drawn at shape + 1 and scaled down. */
  #gammaOfScale1(shape: number): number {
    if (shape < 1) return this.#gammaOfScale1(shape + 1) * this.#positive() ** (1 / shape);
    const d = shape - 1 / 3;
    const c = 1 / Math.sqrt(9 * d);
    for (;;) {
      const x = this.normal();
      const v = (1 + c * x) ** 3;
      if (v > 0 && Math.log(this.#positive()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v;
    }
  }

  /** Never 0, so that a logarithm of it is finite. */
  #positive(): number {
    return (this.#next() + 0.5) / 2 ** 32;
  }

  #next(): number {
    const t = (this.#a + this.#b + this.#d) | 0;
    this.#d = (this.#d + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + t) | 0;
    return t >>> 0;
  }
}

/** For naming a run; with the salt the only draws that no seed repeats. */
export function uniqueId(): string {
  return randomUUID();
}

/** What a run's synthetic prompts begin by: 32 bits, short enough to be typed. */
export function freshSalt(): string {
  return randomUUID().slice(0, 8);
}

/** MurmurHash3's mixing over the name's UTF-16 units. */
function hash32(text: string, start: number): number {
  let h = start;
  for (let i = 0; i < text.length; i++) {
    h = Math.imul(h ^ text.charCodeAt(i), 0xcc9e2d51);
    h = (h << 13) | (h >>> 19);
    h = (Math.imul(h, 5) + 0xe6546b64) | 0;
  }
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
