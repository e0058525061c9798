import { randomBytes } from "node:crypto";
import type { Inference, Prompt } from "../../inference/inference.ts";

export const BENCHMARK_TYPES = ["standard", "stress", "memory"] as const;
export type BenchmarkType = (typeof BENCHMARK_TYPES)[number];

/** What a benchmark will ask for, decided before it begins. */
export interface Scenario {
  /** The prompt's tokens in each iteration. */
  readonly promptLengths: readonly number[];
  /** Tokens of every answer; the model's own end is passed over, so that all answers cost the same. */
  readonly outputLength: number;
  /** Requests that one iteration has under way at the same time. */
  readonly concurrency: number;
  /** All of them without a pause, rather than one after the other. */
  readonly sustained: boolean;
  /** Lengths that belong to the scenario and have no room in the context. */
  readonly skippedLengths: readonly number[];
}

export function planScenario(type: BenchmarkType, iterations: number, inference: Inference): Scenario {
  const { contextSize, slots } = inference.model;
  const outputLength = Math.min(OUTPUT_TOKENS, Math.floor(contextSize / 2));
  const room = contextSize - outputLength;
  const fitting = STANDARD_LENGTHS.filter((length) => length <= room);
  // A context smaller than every predefined prompt is still worth a figure: its own largest prompt.
  const lengths = fitting.length > 0 ? fitting : [room];
  const skippedLengths = STANDARD_LENGTHS.filter((length) => length > room);
  const rotating = Array.from({ length: iterations }, (_, index) => lengths[index % lengths.length]!);
  switch (type) {
    case "standard":
      return { promptLengths: rotating, outputLength, concurrency: 1, sustained: false, skippedLengths };
    case "stress":
      return { promptLengths: rotating, outputLength, concurrency: slots, sustained: true, skippedLengths };
    case "memory":
      return {
        promptLengths: growing(iterations, room),
        outputLength,
        concurrency: 1,
        sustained: false,
        skippedLengths: [],
      };
    default:
      return type satisfies never;
  }
}

/** A prompt of exactly so many of the model's own tokens, unlike any before it, so that none of it is cached. */
export function exactPrompt(inference: Inference, length: number): Prompt {
  const { tokens } = inference.textPrompt(`${randomBytes(4).toString("hex")} ${TEXT}`);
  // The first token may mark the beginning of a text and is not repeated.
  const at = (index: number) =>
    index < tokens.length ? tokens[index]! : tokens[1 + ((index - tokens.length) % (tokens.length - 1))]!;
  return { tokens: Array.from({ length }, (_, index) => at(index)) };
}

/** Steps of equal size up to a full context. */
function growing(iterations: number, room: number): number[] {
  return Array.from({ length: iterations }, (_, index) =>
    Math.max(1, Math.round((room * (index + 1)) / iterations)),
  );
}

const STANDARD_LENGTHS: readonly number[] = [50, 200, 500, 1000];
const OUTPUT_TOKENS = 100;
const TEXT =
  "Explain how the harbour of a small town works over a day: which boats leave before the light, who meets " +
  "them when they come back, how the catch is weighed and sold, and what the people do with the evening. ";
