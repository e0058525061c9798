import { NS_PER_MS, NS_PER_S } from "../../units.ts";
import type { CompatDefinition, CompatStatistics } from "./compat-definition.ts";
import type { Samples } from "./samples.ts";

/**
 * GuideLLM's figures (`guidellm/schemas/request_stats.py` and `benchmark/schemas/generative/metrics.py`).
 * It counts from the send; it weighs per-token latencies by the tokens of their request; its percentiles
 * are nearest ranks of the weighted distribution and its deviation is that of the population.
 */
export const GUIDELLM: CompatDefinition = {
  title: "GuideLLM",
  note: "Counted from the send, over all completed requests of the level; latencies per token are weighted by their request's tokens, and time_per_output_token_ms holds the wait for the first token too.",
  figures: [
    {
      name: "time_to_first_token_ms",
      unit: "ms",
      formula: "first output − send",
      values: ({ issued, first }, add) => add((first - issued) / NS_PER_MS),
      statistics,
    },
    {
      name: "time_per_output_token_ms",
      unit: "ms",
      formula: "(last output − send) / output tokens",
      values: ({ issued, last, outputTokens }, add) => {
        if (outputTokens > 0) add((last - issued) / outputTokens / NS_PER_MS, outputTokens);
      },
      statistics,
    },
    {
      name: "inter_token_latency_ms",
      unit: "ms",
      formula: "(last output − first output) / (output tokens − 1)",
      values: ({ first, last, outputTokens }, add) => {
        if (outputTokens > 1) add((last - first) / (outputTokens - 1) / NS_PER_MS, outputTokens - 1);
      },
      statistics,
    },
    {
      name: "request_latency",
      unit: "s",
      formula: "end − send",
      values: ({ issued, end }, add) => add((end - issued) / NS_PER_S),
      statistics,
    },
    {
      name: "requests_per_second",
      unit: "1/s",
      formula: "completed / time from the first send to the last end",
      total: ({ completed, seconds }) => rate(completed, seconds),
    },
    {
      name: "output_tokens_per_second",
      unit: "tok/s",
      formula: "output tokens / the same time",
      total: ({ outputTokens, seconds }) => rate(outputTokens, seconds),
    },
    {
      name: "tokens_per_second",
      unit: "tok/s",
      formula: "input and output tokens / the same time",
      total: ({ inputTokens, outputTokens, seconds }) => rate(inputTokens + outputTokens, seconds),
    },
  ],
};

function statistics(samples: Samples): CompatStatistics {
  return {
    mean: samples.mean,
    std: samples.populationStd,
    p50: samples.weightedQuantile(0.5),
    p90: samples.weightedQuantile(0.9),
    p95: samples.weightedQuantile(0.95),
    p99: samples.weightedQuantile(0.99),
  };
}

function rate(count: number, seconds: number): number | undefined {
  return seconds > 0 ? count / seconds : undefined;
}
