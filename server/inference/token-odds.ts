import type { Token } from "node-llama-cpp";
import type { TokenChance, TokenOdds } from "./inference.ts";
import type { TokenBytes } from "./token-bytes.ts";

/** What is told of a drawn token: its own chance and those of the likeliest ones, which come in order. */
export function tokenOdds(
  drawn: Token,
  probabilities: ReadonlyMap<Token, number>,
  likeliest: number,
  bytes: TokenBytes,
): TokenOdds {
  const chance = (token: Token, probability: number): TokenChance => ({
    bytes: bytes.of(token),
    logProbability: Math.log(Math.max(probability, SMALLEST)),
  });
  const first: TokenChance[] = [];
  for (const [token, probability] of probabilities) {
    // A format's grammar leaves forbidden tokens in the list, at the end and without any chance.
    if (first.length === likeliest || probability === 0) break;
    first.push(chance(token, probability));
  }
  return { ...chance(drawn, probabilities.get(drawn) ?? 0), likeliest: first };
}

/** Of the 32-bit numbers the probabilities come as, so that what was drawn never has the logarithm of 0. */
const SMALLEST = 2 ** -149;
