import type { LevelResult, LoadResult } from "../../result.ts";
import { BETWEEN_RANKS, FROM_THE_SEND, WHOLE_BENCHMARK } from "./differences.ts";
import { importedLevel, type LatencySource } from "./imported-level.ts";
import type { Importer } from "./importer.ts";
import { amount, at, count, isObject, type Json, number, string } from "./json.ts";

/** `vllm bench serve --save-result`, one object per run; `--append-result` and ours put several in a file. */
export const VLLM: Importer = {
  tool: "vllm",
  title: "vLLM bench serve",
  // vllm/benchmarks/serve.py, `calculate_metrics`, and what src/report/exports/vllm.ts computes by it.
  differences: [
    FROM_THE_SEND,
    "It ends a request with its last chunk, ours ends with the stream.",
    WHOLE_BENCHMARK,
    BETWEEN_RANKS,
  ],
  // No other tool writes these three together.
  recognizes: (document) =>
    number(at(document, "total_output_tokens")) !== undefined &&
    at(document, "request_throughput") !== undefined &&
    isObject(document) &&
    Object.keys(document).some((key) => /^(?:mean|median|p\d+)_(?:ttft|tpot|itl|e2el)_ms$/.test(key)),
  read: (documents) => ({
    generator: "vllm bench serve",
    startedAt: momentOf(string(at(documents[0], "date"))),
    model: string(at(documents[0], "model_id")),
    levels: documents.map(level),
  }),
};

/** Its keys are `mean_ttft_ms`, and `p99_ttft_ms` for each of `--metric-percentiles`. */
function latency(name: "ttft" | "tpot" | "itl" | "e2el"): LatencySource {
  const key = (statistic: string) => ({ path: [`${statistic}_${name}_ms`] });
  return {
    statistics: {
      mean: key("mean"),
      std: key("std"),
      // `median_` is numpy's median, the same as its 50th percentile.
      p50: key("median"),
      p90: key("p90"),
      p95: key("p95"),
      p99: key("p99"),
      p999: key("p99.9"),
    },
  };
}

/** docs/metrics.md, "Words other tools use": its ttft counts from the send, as our `ttft_sent` does. */
const LATENCIES = {
  ttft_sent: latency("ttft"),
  tpot: latency("tpot"),
  itl: latency("itl"),
  e2e: latency("e2el"),
} as const;

/** vllm/benchmarks/serve.py, the dictionary `result` of `benchmark`. */
const SCALARS = {
  request_throughput: { path: ["request_throughput"] },
  output_throughput: { path: ["output_throughput"] },
  total_throughput: { path: ["total_token_throughput"] },
  goodput: { path: ["request_goodput"] },
  input_tokens: { path: ["total_input_tokens"] },
  output_tokens: { path: ["total_output_tokens"] },
} as const;

function level(document: Json): LevelResult {
  const completed = count(at(document, "completed")) ?? 0;
  // Older versions counted no failures; what was asked for and did not complete had failed.
  const asked = count(at(document, "num_prompts")) ?? completed;
  return importedLevel(document, {
    load: loadOf(document, asked),
    requests: { completed, failed: count(at(document, "failed")) ?? Math.max(0, asked - completed) },
    seconds: amount(at(document, "duration")),
    latencies: LATENCIES,
    scalars: SCALARS,
  });
}

function loadOf(document: Json, asked: number): LoadResult {
  const rate = amount(at(document, "request_rate"));
  const most = amount(at(document, "max_concurrency"));
  // "inf" sends everything at once, as many as the limit lets.
  if (rate === undefined) return { kind: "closed", concurrency: most ?? asked };
  // Absent here too when it was Infinity, which gives even gaps.
  const burstiness = amount(at(document, "burstiness"));
  return {
    kind: "open",
    rate,
    arrivals: burstiness === undefined ? "constant" : burstiness === 1 ? "poisson" : "gamma",
    burstiness: burstiness ?? 1,
    ...(most !== undefined && { max_concurrency: most }),
  };
}

/** "20260314-092653", in the local time of a machine that we do not know; taken as UTC. */
function momentOf(date: string | undefined): string | undefined {
  const [, y, mo, d, h, mi, s] = /^(\d{4})(\d{2})(\d{2})-(\d{2})(\d{2})(\d{2})$/.exec(date ?? "") ?? [];
  return y === undefined ? undefined : `${y}-${mo}-${d}T${h}:${mi}:${s}.000Z`;
}
