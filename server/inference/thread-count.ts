import { availableParallelism } from "node:os";
import type { Llama, LlamaContextSequence, Token } from "node-llama-cpp";

/** How many threads compute a step best, by how many tokens it has: in rising order of both, never empty. */
export type ThreadPlan = readonly [ThreadChoice, ...ThreadChoice[]];

export interface ThreadChoice {
  /** From so many tokens on. */
  readonly tokens: number;
  readonly threads: number;
}

/** What was measured for the largest step that is not larger than this one: between two, fewer threads do less harm. */
export function threadsFor(plan: ThreadPlan, tokens: number): number {
  return (plan.findLast((choice) => choice.tokens <= tokens) ?? plan[0]).threads;
}

/**
 * Tries powers of two up to the number of cores, for one slot, two, four and so on up to all of them. It has to
 * be measured: on small models a second thread can make each step many times slower, on large ones a step of
 * one token is mostly memory's work, and what else the machine does decides with.
 */
export async function measureThreads(
  llama: Llama,
  sequences: readonly LlamaContextSequence[],
  token: Token,
  budgetMs = 3_000,
): Promise<ThreadPlan> {
  const deadline = performance.now() + budgetMs;
  const counts = powersOfTwo(availableParallelism());
  const plan: [ThreadChoice, ...ThreadChoice[]] = [{ tokens: 1, threads: 1 }];
  // All slots first: when the time is up, it was spent on what matters most.
  const sizes = counts.length > 1 ? powersOfTwo(sequences.length).reverse() : [];
  for (const size of sizes) {
    if (performance.now() > deadline) break;
    const taking = sequences.slice(0, size);
    const threads = await fastest(counts, deadline, async (threads) => {
      llama.maxThreads = threads;
      await step(taking, token);
    });
    if (size === 1) plan[0] = { tokens: 1, threads };
    else plan.splice(1, 0, { tokens: size, threads });
  }
  for (const sequence of sequences) await sequence.clearHistory();
  return plan;
}

/** The smallest count that none of the larger ones beats by more than chance; in turn, so that a busy moment meets all. */
export async function fastest(
  counts: readonly number[],
  deadline: number,
  run: (threads: number) => Promise<void>,
  now: () => number = () => performance.now(),
): Promise<number> {
  const times = counts.map((): number[] => []);
  for (let round = 0; round < ROUNDS; round++) {
    for (const [index, threads] of counts.entries()) {
      const before = now();
      await run(threads);
      // The first round finds nothing in the caches.
      if (round > 0) times[index]!.push(now() - before);
    }
    if (now() > deadline && round > 0) break;
  }
  const medians = times.map((times) => times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)]!);
  let best = 0;
  for (const [index, ms] of medians.entries()) if (ms < medians[best]! * WORTH_MORE_THREADS) best = index;
  return counts[best]!;
}

const ROUNDS = 6;
/** A core that gains less than this is better left to the event loop and to others. */
const WORTH_MORE_THREADS = 0.95;

/** 1, 2, 4 and so on, and the limit itself. */
function powersOfTwo(limit: number): number[] {
  const powers: number[] = [];
  for (let power = 1; power < limit; power *= 2) powers.push(power);
  return [...powers, limit];
}

async function step(sequences: readonly LlamaContextSequence[], token: Token): Promise<void> {
  await Promise.all(sequences.map((sequence) => sequence.evaluateWithoutGeneratingNewTokens([token])));
}
