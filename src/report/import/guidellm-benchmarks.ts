import type { LevelResult, LoadResult } from "../../result.ts";
import { FROM_THE_SEND, WHOLE_BENCHMARK } from "./differences.ts";
import { importedLevel, type LatencySource } from "./imported-level.ts";
import type { Importer } from "./importer.ts";
import { amount, at, count, type Json, number, string } from "./json.ts";

/** GuideLLM's `benchmarks.json`: `{ args, benchmarks: [...] }`, a benchmark per strategy. */
export const GUIDELLM_BENCHMARKS: Importer = {
  tool: "guidellm",
  title: "GuideLLM",
  differences: [
    FROM_THE_SEND,
    "It weighs its inter_token_latency_ms, which stands beside our tpot, by the tokens of each request; ours counts every request once.",
    WHOLE_BENCHMARK,
  ],
  recognizes: (document) => {
    const first = benchmarksOf(document)[0];
    return (
      at(first, "metrics", "time_to_first_token_ms") !== undefined ||
      at(first, "metrics", "requests_per_second") !== undefined
    );
  },
  read: (documents) => {
    const benchmarks = documents.flatMap(benchmarksOf);
    const [first] = benchmarks;
    const startS = number(at(first, "start_time"));
    return {
      generator: "guidellm",
      // Seconds since 1970.
      startedAt: startS === undefined ? undefined : isoOf(startS * 1000),
      // Where the model stands has moved between versions.
      model:
        string(at(documents[0], "args", "model")) ??
        string(at(first, "config", "backend", "model")) ??
        string(at(first, "worker", "backend_model")),
      url:
        string(at(documents[0], "args", "target")) ??
        string(at(first, "config", "backend", "target")) ??
        string(at(first, "worker", "backend_target")),
      levels: benchmarks.map(level),
    };
  },
};

/** `StatusDistributionSummary`: statistics by the requests' outcome; ours are of completed requests. */
function latency(name: string, factor = 1): LatencySource {
  const below = (...path: readonly string[]) => ({ path: ["metrics", name, "successful", ...path], factor });
  return {
    statistics: {
      count: { path: ["metrics", name, "successful", "count"] },
      mean: below("mean"),
      std: below("std_dev"),
      min: below("min"),
      max: below("max"),
      p50: below("percentiles", "p50"),
      p90: below("percentiles", "p90"),
      p95: below("percentiles", "p95"),
      p99: below("percentiles", "p99"),
      p999: below("percentiles", "p999"),
    },
  };
}

/**
 * docs/metrics.md, "Words other tools use". `time_per_output_token_ms` holds the first token too, so it is
 * none of our latencies.
 */
const LATENCIES = {
  ttft_sent: latency("time_to_first_token_ms"),
  tpot: latency("inter_token_latency_ms"),
  // The only one of them in seconds.
  e2e: latency("request_latency", 1000),
} as const;

const mean = (name: string) => ({ path: ["metrics", name, "successful", "mean"] });
/** guidellm/benchmark/schemas/generative/metrics.py, `GenerativeMetrics`. */
const SCALARS = {
  request_throughput: mean("requests_per_second"),
  output_throughput: mean("output_tokens_per_second"),
  input_throughput: mean("prompt_tokens_per_second"),
  total_throughput: mean("tokens_per_second"),
  concurrency: mean("request_concurrency"),
  input_tokens: { path: ["metrics", "prompt_token_count", "successful", "total_sum"] },
  output_tokens: { path: ["metrics", "output_token_count", "successful", "total_sum"] },
} as const;

function level(benchmark: Json): LevelResult {
  const total = (status: string) =>
    count(at(benchmark, "metrics", "request_totals", status)) ??
    count(at(benchmark, "request_totals", status)) ??
    count(at(benchmark, "run_stats", "requests_made", status));
  return importedLevel(withoutEmpty(benchmark), {
    load: loadOf(benchmark),
    requests: {
      completed: total("successful") ?? 0,
      failed: total("errored") ?? 0,
      incomplete: total("incomplete") ?? 0,
    },
    seconds: amount(at(benchmark, "duration")),
    latencies: LATENCIES,
    scalars: SCALARS,
  });
}

/** It writes zeros for a distribution of nothing; a figure that was not measured is absent. */
function withoutEmpty(benchmark: Json): Json {
  const metrics = Object.entries((at(benchmark, "metrics") ?? {}) as Record<string, Json>).filter(
    ([, summary]) => number(at(summary, "successful", "count")) !== 0,
  );
  return { metrics: Object.fromEntries(metrics) };
}

/** Absent for a number beyond any calendar. */
function isoOf(ms: number): string | undefined {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString();
}

/** The strategy stood in `args` before it stood in `config`. */
function loadOf(benchmark: Json): LoadResult {
  const strategy = at(benchmark, "config", "strategy") ?? at(benchmark, "args", "strategy");
  const kind = string(at(strategy, "type_"));
  const rate = amount(at(strategy, "rate"));
  const most = amount(at(strategy, "max_concurrency"));
  const limit = most === undefined ? {} : { max_concurrency: most };
  if (rate !== undefined && (kind === "constant" || kind === "poisson")) {
    return { kind: "open", rate, arrivals: kind, burstiness: 1, ...limit };
  }
  if (kind === "synchronous") return { kind: "closed", concurrency: 1 };
  const seen = amount(at(benchmark, "metrics", "request_concurrency", "successful", "max"));
  return { kind: "closed", concurrency: amount(at(strategy, "streams")) ?? most ?? seen ?? 1 };
}

function benchmarksOf(document: Json): readonly Json[] {
  const benchmarks = at(document, "benchmarks");
  return Array.isArray(benchmarks) ? benchmarks : [];
}
