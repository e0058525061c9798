const STEPS = "▁▂▃▄▅▆▇█";
/** Shown where a slice of time has no figure; a low bar would be a claim. */
const GAP = "·";

/**
 * A line of bars from 0 to the highest value, so that a steady series looks steady. Longer series are
 * drawn with the highest of each neighbourhood, because a spike is what one looks for.
 */
export function sparkline(values: readonly (number | undefined)[], maxBars = 40): string {
  const bars = highestOfEach(values, maxBars);
  const top = Math.max(0, ...bars.filter((value) => value !== undefined));
  return bars.map((value) => (value === undefined ? GAP : bar(value, top))).join("");
}

function bar(value: number, top: number): string {
  if (top === 0) return STEPS[0]!;
  return STEPS[Math.min(STEPS.length - 1, Math.floor((value / top) * STEPS.length))]!;
}

function highestOfEach(values: readonly (number | undefined)[], most: number): (number | undefined)[] {
  const finite = values.map((value) => (value !== undefined && Number.isFinite(value) ? value : undefined));
  if (finite.length <= most) return finite;
  return Array.from({ length: most }, (_, i) => {
    const from = Math.floor((i * finite.length) / most);
    const to = Math.floor(((i + 1) * finite.length) / most);
    const present = finite.slice(from, to).filter((value) => value !== undefined);
    return present.length === 0 ? undefined : Math.max(...present);
  });
}
