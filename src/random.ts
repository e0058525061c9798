import { randomUUID } from "node:crypto";

/**
 * The one place that has chance, and all of it seeded. Every dimension (arrivals, prompts, the bootstrap)
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
  let [a, b, c, d] = hash128(`${seed}/${stream.join("/")}`);
  const next = () => {
    const t = (a + b + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + t) | 0;
    return t >>> 0;
  };
  for (let i = 0; i < 12; i++) next();

  const uniform = () => next() / 2 ** 32;
  /** Never 0, so that a logarithm of it is finite. */
  const positive = () => (next() + 0.5) / 2 ** 32;
  /** Box and Muller 1958. */
  const normal = () => Math.sqrt(-2 * Math.log(positive())) * Math.cos(2 * Math.PI * uniform());

  /** Marsaglia and Tsang 2000; a shape below 1 is drawn at shape + 1 and scaled down. */
  const gammaOfScale1 = (shape: number): number => {
    if (shape < 1) return gammaOfScale1(shape + 1) * positive() ** (1 / shape);
    const d = shape - 1 / 3;
    const c = 1 / Math.sqrt(9 * d);
    for (;;) {
      const x = normal();
      const v = (1 + c * x) ** 3;
      if (v > 0 && Math.log(positive()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v;
    }
  };

  return {
    uniform,
    integer: (below) => Math.floor(uniform() * below),
    exponential: () => -Math.log(positive()),
    normal,
    gamma: (shape) => gammaOfScale1(shape) / shape,
  };
}

/** For naming a run; the one draw that no seed repeats. */
export function uniqueId(): string {
  return randomUUID();
}

/** MurmurHash3's mixing over the name's UTF-16 units, four lanes with different starts. */
function hash128(text: string): [number, number, number, number] {
  const lane = (start: number) => {
    let h = start;
    for (let i = 0; i < text.length; i++) {
      h = Math.imul(h ^ text.charCodeAt(i), 0xcc9e2d51);
      h = (h << 13) | (h >>> 19);
      h = (Math.imul(h, 5) + 0xe6546b64) | 0;
    }
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
    return h ^ (h >>> 16);
  };
  return [lane(0x9e3779b9), lane(0x243f6a88), lane(0xb7e15162), lane(0x5f356495)];
}
