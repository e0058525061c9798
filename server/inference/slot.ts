import type { LlamaContextSequence, Token } from "node-llama-cpp";
import type { GenerationJob } from "./generation-job.ts";

/** One sequence of the context and the request that has it. */
export interface Slot {
  readonly index: number;
  readonly sequence: LlamaContextSequence;
  job: GenerationJob | undefined;
  /** Yields a token a step once the whole prompt was read. */
  answer: ReturnType<LlamaContextSequence["evaluateWithMetadata"]> | undefined;
  promptRead: number;
  /** Evaluated in place of the token that was drawn last. */
  replacement?: Token | undefined;
}

/**
 * How many tokens of the prompt the slot still holds. The last one does not count: it is always computed,
 * because the answer begins with what it gives.
 */
export function commonPrefix({ sequence }: Slot, { request }: GenerationJob): number {
  if (request.reusePrefix === false || sequence.needsCheckpoints) return 0;
  const { firstDifferentIndex } = sequence.compareContextTokens(request.prompt.tokens as Token[]);
  return Math.min(firstDifferentIndex, request.prompt.tokens.length - 1);
}

/** Forgets all of the slot's tokens but those the prompt begins with; says how many are left. */
export async function keepPrefix(slot: Slot, job: GenerationJob): Promise<number> {
  const { sequence } = slot;
  const prefix = commonPrefix(slot, job);
  try {
    await sequence.adaptStateToTokens(job.request.prompt.tokens.slice(0, prefix) as Token[], false);
    // Models whose past cannot be cut at any place may have gone back further, or not at all.
    if (sequence.nextTokenIndex <= prefix) return sequence.nextTokenIndex;
  } catch {
    // A prefix is only ever an advantage, and the whole prompt is at hand.
  }
  await sequence.clearHistory();
  return 0;
}
