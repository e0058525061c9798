import type { Sample } from "./metrics-page.ts";

/** What can be read of an engine, and how series of one name are put together. */
export const FIGURES = {
  ttft: "histogram",
  itl: "histogram",
  tpot: "histogram",
  e2e: "histogram",
  queue: "histogram",
  requests: "counter",
  failures: "counter",
  prompt_tokens: "counter",
  generation_tokens: "counter",
  prefix_hits: "counter",
  prefix_queries: "counter",
  running: "gauge",
  waiting: "gauge",
  kv_cache_usage: "gauge",
} as const;
export type Figure = keyof typeof FIGURES;

export interface Engine {
  /** As results name it. */
  readonly engine: string;
  readonly title: string;
  /**
   * Names under which an engine's versions export a figure, the preferred first. Histograms without
   * `_bucket`, `_sum` and `_count`. `none` is why there is no name.
   */
  readonly figures: Readonly<Record<Figure, readonly string[] | { readonly none: string }>>;
  /** Labels of series that repeat one another, where all others are parts of a sum. */
  readonly repeatedOver: readonly string[];
}

/** Where an engine exports nothing else, the count or the sum of a histogram serves as a counter. */
export const ENGINES: readonly Engine[] = [
  {
    engine: "vllm",
    title: "vLLM",
    figures: {
      ttft: ["vllm:time_to_first_token_seconds"],
      // The second is the older name of the first.
      itl: ["vllm:inter_token_latency_seconds", "vllm:time_per_output_token_seconds"],
      // A mean per request.
      tpot: ["vllm:request_time_per_output_token_seconds"],
      e2e: ["vllm:e2e_request_latency_seconds"],
      queue: ["vllm:request_queue_time_seconds"],
      requests: ["vllm:request_success_total"],
      failures: { none: "vLLM has no counter for it, but a finished_reason" },
      prompt_tokens: ["vllm:prompt_tokens_total"],
      generation_tokens: ["vllm:generation_tokens_total"],
      prefix_hits: ["vllm:prefix_cache_hits_total", "vllm:gpu_prefix_cache_hits_total"],
      prefix_queries: ["vllm:prefix_cache_queries_total", "vllm:gpu_prefix_cache_queries_total"],
      running: ["vllm:num_requests_running"],
      waiting: ["vllm:num_requests_waiting"],
      kv_cache_usage: ["vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc"],
    },
    repeatedOver: [],
  },
  {
    engine: "sglang",
    title: "SGLang",
    figures: {
      ttft: ["sglang:time_to_first_token_seconds"],
      itl: ["sglang:inter_token_latency_seconds", "sglang:time_per_output_token_seconds"],
      tpot: { none: "SGLang exports the time between tokens, and no mean per request" },
      e2e: ["sglang:e2e_request_latency_seconds"],
      queue: ["sglang:queue_time_seconds"],
      requests: ["sglang:num_requests_total", "sglang:e2e_request_latency_seconds_count"],
      failures: ["sglang:num_aborted_requests_total"],
      prompt_tokens: ["sglang:prompt_tokens_total"],
      generation_tokens: ["sglang:generation_tokens_total"],
      // sglang:cache_hit_rate is of the last batch alone, and no level's.
      prefix_hits: ["sglang:cached_tokens_total"],
      prefix_queries: ["sglang:prompt_tokens_total"],
      running: ["sglang:num_running_reqs"],
      waiting: ["sglang:num_queue_reqs"],
      kv_cache_usage: ["sglang:token_usage"],
    },
    // With --enable-metrics-for-all-schedulers every rank tells of the same requests.
    repeatedOver: ["tp_rank", "pp_rank", "moe_ep_rank"],
  },
  {
    engine: "tgi",
    title: "Text Generation Inference",
    figures: {
      ttft: { none: "Text Generation Inference does not export it" },
      itl: { none: "Text Generation Inference exports only a mean per request" },
      tpot: ["tgi_request_mean_time_per_token_duration"],
      e2e: ["tgi_request_duration"],
      queue: ["tgi_request_queue_duration"],
      requests: ["tgi_request_success"],
      failures: ["tgi_request_failure"],
      prompt_tokens: ["tgi_request_input_length_sum"],
      generation_tokens: ["tgi_request_generated_tokens_sum"],
      prefix_hits: { none: "Text Generation Inference does not export it" },
      prefix_queries: { none: "Text Generation Inference does not export it" },
      running: ["tgi_batch_current_size"],
      waiting: ["tgi_queue_size"],
      kv_cache_usage: { none: "Text Generation Inference does not export it" },
    },
    repeatedOver: [],
  },
  {
    engine: "llamacpp",
    title: "llama.cpp",
    figures: {
      ttft: { none: "llama.cpp exports no latencies" },
      itl: { none: "llama.cpp exports no latencies" },
      tpot: { none: "llama.cpp exports no latencies" },
      e2e: { none: "llama.cpp exports no latencies" },
      queue: { none: "llama.cpp exports no latencies" },
      requests: { none: "llama.cpp counts tokens, not requests" },
      failures: { none: "llama.cpp counts tokens, not requests" },
      prompt_tokens: ["llamacpp:prompt_tokens_total"],
      generation_tokens: ["llamacpp:tokens_predicted_total"],
      prefix_hits: { none: "llama.cpp does not export it" },
      prefix_queries: { none: "llama.cpp does not export it" },
      running: ["llamacpp:requests_processing"],
      waiting: ["llamacpp:requests_deferred"],
      kv_cache_usage: ["llamacpp:kv_cache_usage_ratio"],
    },
    repeatedOver: [],
  },
  {
    engine: "goodput",
    title: "Goodput's own server",
    figures: {
      ttft: ["goodput:time_to_first_token_seconds"],
      itl: ["goodput:inter_token_latency_seconds"],
      tpot: { none: "Goodput's server exports the time between tokens, and no mean per request" },
      e2e: ["goodput:e2e_request_latency_seconds"],
      queue: ["goodput:request_queue_time_seconds"],
      requests: ["goodput:request_success_total"],
      failures: ["goodput:request_failure_total"],
      prompt_tokens: ["goodput:prompt_tokens_total"],
      generation_tokens: ["goodput:generation_tokens_total"],
      prefix_hits: ["goodput:prefix_cache_hits_total"],
      prefix_queries: ["goodput:prefix_cache_queries_total"],
      running: ["goodput:num_requests_running"],
      waiting: ["goodput:num_requests_waiting"],
      kv_cache_usage: ["goodput:kv_cache_usage_perc"],
    },
    repeatedOver: [],
  },
];

/** Memory in use, one series per device: by an engine itself, or by NVIDIA's DCGM exporter in MiB. */
export const GPU_MEMORY: readonly { readonly name: string; readonly bytesPerUnit: number }[] = [
  { name: "goodput:gpu_memory_used_bytes", bytesPerUnit: 1 },
  { name: "DCGM_FI_DEV_FB_USED", bytesPerUnit: 1024 * 1024 },
];

/** A name as pages may spell it: OpenMetrics gives counters a `_total` or takes it, some exporters know no colon. */
export function spellings(name: string): readonly string[] {
  const stem = name.endsWith("_total") ? name.slice(0, -"_total".length) : name;
  const other = stem === name ? `${name}_total` : stem;
  return [...new Set([name, other, name.replace(":", "_"), other.replace(":", "_")])];
}

/** Names of an engine's figure in the order in which they are looked for; none where it has no figure. */
export function namesOf(engine: Engine, figure: Figure): readonly string[] {
  const source = engine.figures[figure];
  if ("none" in source) return [];
  return FIGURES[figure] === "counter"
    ? source.flatMap(spellings)
    : [...new Set(source.flatMap((name) => [name, name.replace(":", "_")]))];
}

/** The engine of whose names a page has the most; undefined where it has none of any. */
export function engineOf(samples: readonly Sample[]): Engine | undefined {
  const present = new Set(samples.map(({ name }) => name));
  const has = (name: string) =>
    HISTOGRAM_PARTS.some((part) => present.has(`${name}_${part}`)) || present.has(name);
  let best: Engine | undefined;
  let most = 0;
  for (const engine of ENGINES) {
    const figures = Object.keys(FIGURES) as Figure[];
    const found = figures.filter((figure) => namesOf(engine, figure).some(has)).length;
    if (found > most) [best, most] = [engine, found];
  }
  return best;
}

export const HISTOGRAM_PARTS = ["bucket", "sum", "count"] as const;

const WANTED: ReadonlySet<string> = new Set([
  ...GPU_MEMORY.map(({ name }) => name),
  ...ENGINES.flatMap((engine) =>
    (Object.keys(FIGURES) as Figure[]).flatMap((figure) =>
      namesOf(engine, figure).flatMap((name) =>
        FIGURES[figure] === "histogram" ? HISTOGRAM_PARTS.map((part) => `${name}_${part}`) : [name],
      ),
    ),
  ),
]);

/** Whether a sample of this name says anything to us, whatever the engine. */
export function isWanted(name: string): boolean {
  return WANTED.has(name);
}
