/** Fills arrays with numbers that look random and are the same for the same seed. */
export type RandomFill = (values: Float32Array, mean: number, deviation: number) => void;

/**
 * Near-normal numbers: sums of four uniform ones of the mulberry32 generator.
 * Only exact arithmetic is used, because a platform's logarithm or cosine may differ in the last bit.
 * Without a deviation nothing is drawn.
 */
export function randomNumbers(seed: number): RandomFill {
  let state = seed >>> 0;
  const uniform = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return (values, mean, deviation) => {
    if (deviation === 0) {
      values.fill(mean);
      return;
    }
    for (let index = 0; index < values.length; index++) {
      const normal = (uniform() + uniform() + uniform() + uniform() - 2) * 1.7320508;
      values[index] = mean + deviation * normal;
    }
  };
}
