import type { Random } from "../random.ts";
import type { Lengths } from "./plan.ts";

/** A distribution without an upper end; JSON knows no infinity. */
export const NO_MAX = Number.MAX_SAFE_INTEGER;

/** One length, in whole tokens. */
export function drawLength(lengths: Lengths, chance: Random): number {
  switch (lengths.kind) {
    case "fixed":
      return lengths.tokens;
    case "uniform":
      return lengths.min + chance.integer(lengths.max - lengths.min + 1);
    case "normal":
      return within(lengths, lengths.mean + lengths.std * chance.normal());
    case "lognormal": {
      const { mu, sigma } = underlyingNormal(lengths.mean, lengths.std);
      return within(lengths, Math.exp(mu + sigma * chance.normal()));
    }
  }
}

/** As `parseLengths` reads it. */
export function formatLengths(lengths: Lengths): string {
  switch (lengths.kind) {
    case "fixed":
      return String(lengths.tokens);
    case "uniform":
      return `uniform:${lengths.min}-${lengths.max}`;
    case "normal":
    case "lognormal": {
      const { kind, mean, std, min, max } = lengths;
      const bounds = [min === 1 ? "" : `,min=${min}`, max === NO_MAX ? "" : `,max=${max}`];
      return `${kind}:${mean},${std}${bounds.join("")}`;
    }
  }
}

/** People know the mean and the spread of lengths, not those of their logarithms. */
function underlyingNormal(mean: number, std: number): { mu: number; sigma: number } {
  const variance = Math.log(1 + (std / mean) ** 2);
  return { mu: Math.log(mean) - variance / 2, sigma: Math.sqrt(variance) };
}

function within({ min, max }: { min: number; max: number }, value: number): number {
  return Math.min(max, Math.max(min, Math.round(value)));
}
