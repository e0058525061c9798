import { gibibytes, rounded } from "../../http/rounding.ts";
import type { Iteration } from "./run.ts";
import type { BenchmarkType, Scenario } from "./scenarios.ts";

export interface BenchmarkFacts {
  readonly type: BenchmarkType;
  readonly scenario: Scenario;
  readonly iterations: readonly Iteration[];
  readonly durationSeconds: number;
  readonly targetTokensPerSecond: number;
  /** Undefined where the model keeps something other than keys and values for each token. */
  readonly cacheBytesPerToken: number | undefined;
}

/** The answer to `POST /benchmark`; its averages can be made again from its own `test_prompts`. */
export function benchmarkReport(facts: BenchmarkFacts): object {
  const { type, scenario, iterations, durationSeconds, targetTokensPerSecond, cacheBytesPerToken } = facts;
  const speeds = iterations.map((iteration) => rounded(iteration.tokensPerSecond, 2));
  const memories = iterations.flatMap(({ memoryBytes }) => (memoryBytes === undefined ? [] : [memoryBytes]));
  const requestSpeed = mean(iterations.flatMap((iteration) => iteration.requestTokensPerSecond));
  return {
    benchmark_type: type,
    iterations: iterations.length,
    avg_tokens_per_second: rounded(mean(speeds), 2),
    min_tokens_per_second: Math.min(...speeds),
    max_tokens_per_second: Math.max(...speeds),
    p95_tokens_per_second: rounded(percentile(speeds, 0.95), 2),
    avg_memory_usage_gb: memories.length === 0 ? null : gibibytes(mean(memories)),
    // In a stress test the speeds above are of all slots together, and the target is one request's.
    avg_request_tokens_per_second: rounded(requestSpeed, 2),
    target_tokens_per_second: targetTokensPerSecond,
    meets_target: requestSpeed > targetTokensPerSecond,
    concurrency: scenario.concurrency,
    requests: iterations.reduce((sum, iteration) => sum + iteration.requestTokensPerSecond.length, 0),
    warmup_iterations: 1,
    duration_seconds: rounded(durationSeconds, 3),
    test_prompts: iterations.map((iteration, index) => ({
      prompt_length: iteration.promptLength,
      output_length: iteration.outputLength,
      tokens_per_second: speeds[index]!,
      memory_usage_gb: iteration.memoryBytes === undefined ? null : gibibytes(iteration.memoryBytes),
      kv_cache_bytes:
        cacheBytesPerToken === undefined
          ? null
          : (iteration.promptLength + iteration.outputLength) * cacheBytesPerToken,
    })),
    skipped_prompts: scenario.skippedLengths.map((length) => ({
      prompt_length: length,
      reason: `with an answer of ${scenario.outputLength} tokens it does not fit into the model's context`,
    })),
  };
}

/** Between the two values nearest to it in rank, as spreadsheets and NumPy have it. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const rank = share * (sorted.length - 1);
  const below = sorted[Math.floor(rank)]!;
  const above = sorted[Math.ceil(rank)]!;
  return below + (above - below) * (rank - Math.floor(rank));
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
