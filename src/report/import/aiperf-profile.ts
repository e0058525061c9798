import type { LevelResult, LoadResult } from "../../result.ts";
import { BETWEEN_RANKS, FROM_THE_SEND, WHOLE_BENCHMARK } from "./differences.ts";
import { importedLevel, type LatencySource } from "./imported-level.ts";
import type { Importer } from "./importer.ts";
import { amount, at, count, type Json, string } from "./json.ts";

/** AIPerf's `profile_export_aiperf.json` and GenAI-Perf's `profile_export_genai_perf.json`: a level each. */
export const AIPERF_PROFILE: Importer = {
  tool: "aiperf",
  title: "AIPerf or GenAI-Perf",
  differences: [
    FROM_THE_SEND,
    "Its inter_token_latency is one value per request and stands beside our tpot, its inter_chunk_latency beside our itl.",
    "It ends a request with its last chunk, ours ends with the stream.",
    WHOLE_BENCHMARK,
    BETWEEN_RANKS,
  ],
  recognizes: (document) =>
    at(document, "request_latency", "unit") !== undefined && at(document, "request_throughput") !== undefined,
  read: (documents) => {
    const [first] = documents;
    const version = string(at(first, "aiperf_version"));
    // GenAI-Perf wrote no schema of its own.
    const older = at(first, "schema_version") === undefined;
    return {
      title: older ? "GenAI-Perf" : "AIPerf",
      generator: older ? "genai-perf" : `aiperf ${version ?? ""}`.trim(),
      runId: string(at(first, "benchmark_id")),
      startedAt: string(at(first, "start_time")),
      cancelled: at(first, "was_cancelled") === true,
      model: modelOf(first),
      url:
        string(at(first, "input_config", "endpoint", "url")) ??
        string(at(first, "input_config", "endpoint", "urls", "0")),
      levels: documents.map(level),
    };
  },
};

/** `unit` is authoritative: GenAI-Perf wrote nanoseconds once. */
function latency(document: Json, name: string): LatencySource {
  const factor = MS_PER_UNIT[string(at(document, name, "unit")) ?? "ms"] ?? 1;
  const key = (statistic: string) => ({ path: [name, statistic], factor });
  return {
    statistics: {
      count: { path: [name, "count"] },
      mean: key("avg"),
      std: key("std"),
      min: key("min"),
      max: key("max"),
      p50: key("p50"),
      p90: key("p90"),
      p95: key("p95"),
      p99: key("p99"),
    },
  };
}

const MS_PER_UNIT: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  sec: 1000,
};

/** Scalars stand in `avg`, whatever they are. */
const SCALARS = {
  request_throughput: { path: ["request_throughput", "avg"] },
  output_throughput: { path: ["output_token_throughput", "avg"] },
  total_throughput: { path: ["total_token_throughput", "avg"] },
  output_throughput_per_user: { path: ["output_token_throughput_per_user", "avg"] },
  goodput: { path: ["goodput", "avg"] },
  concurrency: { path: ["effective_concurrency", "avg"] },
  input_tokens: { path: ["total_isl", "avg"] },
  output_tokens: { path: ["total_osl", "avg"] },
} as const;

function level(document: Json): LevelResult {
  return importedLevel(document, {
    load: loadOf(document),
    requests: {
      completed: count(at(document, "request_count", "avg")) ?? 0,
      failed: count(at(document, "error_request_count", "avg")) ?? 0,
    },
    seconds: amount(at(document, "benchmark_duration", "avg")),
    // docs/metrics.md, "Words other tools use".
    latencies: {
      ttft_sent: latency(document, "time_to_first_token"),
      tpot: latency(document, "inter_token_latency"),
      itl: latency(document, "inter_chunk_latency"),
      e2e: latency(document, "request_latency"),
    },
    scalars: SCALARS,
  });
}

/** The names have moved twice within `input_config`. */
function modelOf(document: Json): string | undefined {
  const config = at(document, "input_config");
  return (
    string(at(config, "models", "items", "0", "name")) ??
    string(at(config, "endpoint", "model_names", "0")) ??
    string(at(config, "model_names", "0")) ??
    string(at(config, "model"))
  );
}

/** The load has moved too: AIPerf's `loadgen`, then its phases and a sweep's point; GenAI-Perf's `perf_analyzer.stimulus`. */
function loadOf(document: Json): LoadResult {
  const config = at(document, "input_config");
  const stimulus = at(config, "perf_analyzer", "stimulus");
  const rate = amount(at(config, "loadgen", "request_rate")) ?? amount(at(stimulus, "request_rate"));
  const concurrency =
    amount(at(config, "loadgen", "concurrency")) ??
    amount(at(config, "phases", "profiling", "concurrency")) ??
    amount(at(document, "run_info", "variation_values", "phases.profiling.concurrency")) ??
    amount(at(stimulus, "concurrency"));
  if (rate === undefined) return { kind: "closed", concurrency: concurrency ?? 1 };
  return {
    kind: "open",
    rate,
    arrivals: string(at(config, "loadgen", "request_rate_mode")) === "constant" ? "constant" : "poisson",
    burstiness: 1,
    ...(concurrency !== undefined && { max_concurrency: concurrency }),
  };
}
