import type { GenerationEnd } from "../../inference/inference.ts";

export interface Usage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
  readonly prompt_tokens_details: { readonly cached_tokens: number };
}

/** Each prompt counts once however many choices it has; of its choices the first says what was cached. */
export function usageOf(ends: readonly GenerationEnd[], choicesPerPrompt: number): Usage {
  const firsts = ends.filter((_, index) => index % choicesPerPrompt === 0);
  const prompt_tokens = sum(firsts.map((end) => end.promptTokens));
  const completion_tokens = sum(ends.map((end) => end.generatedTokens));
  return {
    prompt_tokens,
    completion_tokens,
    total_tokens: prompt_tokens + completion_tokens,
    prompt_tokens_details: { cached_tokens: sum(firsts.map((end) => end.cachedTokens)) },
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
