import { availableParallelism } from "node:os";
import type { Llama, LlamaContextSequence, Token } from "node-llama-cpp";

/**
 * Tries powers of two up to the number of cores and keeps the fastest for all slots at once.
 * It has to be measured: on small models a second thread can make each step many times slower.
 */
export async function measureThreadCount(
  llama: Llama,
  sequences: readonly LlamaContextSequence[],
  token: Token,
  budgetMs = 3_000,
): Promise<number> {
  const cores = availableParallelism();
  const started = performance.now();
  let best = { threads: 1, stepMs: Number.POSITIVE_INFINITY };
  for (const threads of candidates(cores)) {
    llama.maxThreads = threads;
    await step(sequences, token);
    const times: number[] = [];
    for (let round = 0; round < 3; round++) {
      const before = performance.now();
      await step(sequences, token);
      times.push(performance.now() - before);
    }
    const stepMs = times.sort((a, b) => a - b)[1]!;
    if (stepMs < best.stepMs) best = { threads, stepMs };
    if (performance.now() - started > budgetMs) break;
  }
  for (const sequence of sequences) await sequence.clearHistory();
  return best.threads;
}

function candidates(cores: number): number[] {
  const counts: number[] = [];
  for (let threads = 1; threads < cores; threads *= 2) counts.push(threads);
  return [...counts, cores];
}

async function step(sequences: readonly LlamaContextSequence[], token: Token): Promise<void> {
  await Promise.all(sequences.map((sequence) => sequence.evaluateWithoutGeneratingNewTokens([token])));
}
