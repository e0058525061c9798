import { NS_PER_MS, NS_PER_S } from "../../units.ts";
import type { CompatDefinition, CompatStatistics } from "./compat-definition.ts";
import type { Samples } from "./samples.ts";

/**
 * AIPerf's figures (its "Metrics Reference"), which GenAI-Perf had before it. It counts from the send and
 * ends a request with its last output; what it calls inter-token latency is one value per request.
 */
export const AIPERF: CompatDefinition = {
  title: "AIPerf",
  note: "Counted from the send to the last output, over all completed requests of the level; inter_token_latency is one value per request (tpot here), and inter_chunk_latency is every gap (itl here).",
  figures: [
    {
      name: "time_to_first_token",
      unit: "ms",
      formula: "first output − send",
      values: ({ issued, first }, add) => add((first - issued) / NS_PER_MS),
      statistics,
    },
    {
      name: "time_to_second_token",
      unit: "ms",
      formula: "second output − first output",
      values: ({ outputs }, add) => {
        if (outputs.length > 1) add((outputs[1]! - outputs[0]!) / NS_PER_MS);
      },
      statistics,
    },
    {
      name: "inter_token_latency",
      unit: "ms",
      formula: "(request_latency − time_to_first_token) / (output tokens − 1)",
      values: ({ first, last, outputTokens }, add) => {
        if (outputTokens > 1) add((last - first) / (outputTokens - 1) / NS_PER_MS);
      },
      statistics,
    },
    {
      name: "inter_chunk_latency",
      unit: "ms",
      formula: "every output − the output before it",
      values: ({ outputs }, add) => {
        for (let i = 1; i < outputs.length; i++) add((outputs[i]! - outputs[i - 1]!) / NS_PER_MS);
      },
      statistics,
    },
    {
      name: "request_latency",
      unit: "ms",
      formula: "last output − send",
      values: ({ issued, last }, add) => add((last - issued) / NS_PER_MS),
      statistics,
    },
    {
      name: "output_token_throughput_per_user",
      unit: "tok/s",
      formula: "1 / inter_token_latency",
      values: ({ first, last, outputTokens }, add) => {
        if (outputTokens > 1 && last > first) add(((outputTokens - 1) * NS_PER_S) / (last - first));
      },
      statistics,
    },
    {
      name: "request_throughput",
      unit: "1/s",
      formula: "completed / time from the first send to the last end",
      total: ({ completed, seconds }) => rate(completed, seconds),
    },
    {
      name: "output_token_throughput",
      unit: "tok/s",
      formula: "output tokens / the same time",
      total: ({ outputTokens, seconds }) => rate(outputTokens, seconds),
    },
    {
      name: "total_token_throughput",
      unit: "tok/s",
      formula: "input and output tokens / the same time",
      total: ({ inputTokens, outputTokens, seconds }) => rate(inputTokens + outputTokens, seconds),
    },
    {
      name: "error_request_count",
      unit: "requests",
      formula: "requests that failed",
      total: ({ failed }) => failed,
    },
  ],
};

function statistics(samples: Samples): CompatStatistics {
  return {
    mean: samples.mean,
    std: samples.sampleStd,
    p50: samples.linearQuantile(0.5),
    p90: samples.linearQuantile(0.9),
    p95: samples.linearQuantile(0.95),
    p99: samples.linearQuantile(0.99),
  };
}

function rate(count: number, seconds: number): number | undefined {
  return seconds > 0 ? count / seconds : undefined;
}
