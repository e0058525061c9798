import type { BottleneckType } from "./bottleneck-rules.ts";

export type OptimizationType = "QUANTIZATION" | "KV_CACHE" | "BATCHING" | "SPECULATIVE_DECODING";

/** Engines whose flags are known; the last is for instances whose page shows that they are llama.cpp's. */
export type FlaggedEngine = "vllm" | "sglang" | "tgi" | "llamacpp";

/** How an engine is told: flags, `{name}` standing for the change of that name; or why it has none. */
export type EngineArgs =
  | { readonly args: readonly string[]; readonly note?: string }
  | { readonly args?: undefined; readonly note: string };

export interface OptimizationRule {
  readonly on: readonly BottleneckType[];
  readonly type: OptimizationType;
  /** "severity": as grave as the bottleneck. */
  readonly priority: "severity" | "HIGH" | "MEDIUM" | "LOW";
  /** Only when the present configuration leaves room for it. */
  readonly when?: (config: CurrentConfig) => boolean;
  readonly changes: (config: CurrentConfig) => Readonly<Record<string, string | number | boolean>>;
  readonly description: string;
  /** Shares of 1. What cannot be known without measuring is left out. */
  readonly improvement: (config: CurrentConfig) => Readonly<Record<string, number>>;
  readonly risks?: readonly string[];
  readonly engines: Readonly<Record<FlaggedEngine, EngineArgs>>;
  /** Where the figures of `improvement` come from. */
  readonly source: string;
}

/** What a caller says of an instance, under whatever names its engine has for it. */
export class CurrentConfig {
  readonly #values: Readonly<Record<string, unknown>>;

  constructor(values: Readonly<Record<string, unknown>> = {}) {
    this.#values = Object.fromEntries(
      Object.entries(values).map(([name, value]) => [name.replace(/^-+/, "").replaceAll("-", "_"), value]),
    );
  }

  get quantized(): boolean {
    const value = this.#first("quantization", "quantize", "torchao_config");
    return value !== undefined && value !== false && !UNQUANTIZED.test(String(value).trim());
  }

  get batchSize(): number {
    return (
      this.#number("max_batch_size", "max_num_seqs", "max_running_requests", "parallel") ?? ASSUMED_BATCH
    );
  }

  get blockSize(): number | undefined {
    return this.#number("block_size", "page_size");
  }

  get cachesPrefixes(): boolean {
    return this.#first("enable_prefix_caching", "prefix_caching") === true;
  }

  get speculates(): boolean {
    const values = ["speculative_config", "speculative_algorithm", "speculative_method", "speculate"];
    const value = this.#first(...values, "speculative_decoding", "speculative_model");
    return value !== undefined && value !== false && value !== 0 && value !== "";
  }

  get cacheQuantized(): boolean {
    return /fp8|int8|q[48]_/i.test(String(this.#first("kv_cache_dtype", "cache_type_k") ?? ""));
  }

  #first(...names: readonly string[]): unknown {
    return names.map((name) => this.#values[name]).find((value) => value !== undefined && value !== null);
  }

  #number(...names: readonly string[]): number | undefined {
    const value = this.#first(...names);
    return typeof value === "number" && value > 0 && Number.isFinite(value) ? Math.floor(value) : undefined;
  }
}

/** Where nothing is said of the batch. */
const ASSUMED_BATCH = 32;
const LARGEST_BATCH = 256;
const UNQUANTIZED = /^(|none|no|off|auto|null|fp16|bf16|fp32|float16|bfloat16|float32|half)$/i;

const QUANTIZATION_RISKS = ["Slight accuracy degradation possible", "Requires model reload"];
const RESTART = ["Requires a restart of the engine"];
const GGUF = "llama.cpp has no flag for it: load a GGUF file of that quantization, such as Q4_K_M or Q8_0";

export const OPTIMIZATION_RULES: readonly OptimizationRule[] = [
  {
    on: ["MEMORY_PRESSURE"],
    type: "QUANTIZATION",
    priority: "severity",
    when: (config) => !config.quantized,
    changes: () => ({ quantization: "int4" }),
    description: "Enable INT4 quantization to reduce memory usage by 50%",
    improvement: () => ({ memory_reduction: 0.5, latency_impact: 0.1 }),
    risks: QUANTIZATION_RISKS,
    engines: {
      vllm: {
        args: ["--quantization", "awq"],
        note: "Needs a checkpoint in AWQ's format; gptq is the other",
      },
      sglang: {
        args: ["--quantization", "awq"],
        note: "Needs a checkpoint in AWQ's format; gptq is the other",
      },
      tgi: {
        args: ["--quantize", "awq"],
        note: "Needs a checkpoint in AWQ's format; bitsandbytes-nf4 needs none",
      },
      llamacpp: { note: GGUF },
    },
    source: "the API's reference",
  },
  {
    on: ["MEMORY_PRESSURE"],
    type: "KV_CACHE",
    priority: "MEDIUM",
    when: ({ blockSize }) => blockSize === undefined || blockSize > 16,
    changes: () => ({ block_size: 16 }),
    description: "Optimize KV cache block size",
    improvement: () => ({ memory_reduction: 0.15 }),
    engines: {
      vllm: { args: ["--block-size", "{block_size}"] },
      sglang: { args: ["--page-size", "{block_size}"] },
      tgi: { note: "Text Generation Inference sets it by its attention kernel and has no flag for it" },
      llamacpp: { note: "llama.cpp keeps its cache by the token and has no blocks" },
    },
    source: "the API's reference",
  },
  {
    on: ["MEMORY_PRESSURE"],
    type: "KV_CACHE",
    priority: "MEDIUM",
    when: ({ blockSize, quantized, cacheQuantized }) =>
      !cacheQuantized && (quantized || (blockSize !== undefined && blockSize <= 16)),
    changes: () => ({ kv_cache_dtype: "fp8" }),
    description: "Keep the KV cache in 8 bits, which doubles the tokens it holds",
    improvement: () => ({ kv_cache_reduction: 0.5 }),
    risks: ["Slight accuracy degradation possible", ...RESTART],
    engines: {
      vllm: { args: ["--kv-cache-dtype", "fp8"] },
      sglang: { args: ["--kv-cache-dtype", "fp8_e5m2"] },
      tgi: { args: ["--kv-cache-dtype", "fp8_e5m2"] },
      llamacpp: { args: ["--cache-type-k", "q8_0", "--cache-type-v", "q8_0"] },
    },
    source: "arithmetic: 8 bits a value instead of 16",
  },
  {
    on: ["HIGH_LATENCY"],
    type: "SPECULATIVE_DECODING",
    priority: "severity",
    when: ({ speculates }) => !speculates,
    changes: () => ({ speculative_method: "ngram", num_speculative_tokens: 4 }),
    description: "Guess tokens ahead from the prompt, so that one step gives several",
    improvement: () => ({}),
    risks: [
      "Costs throughput where the batch is full already",
      "Gains nothing where answers repeat little of the prompt",
    ],
    engines: {
      vllm: {
        args: ["--speculative-config", '{"method":"ngram","num_speculative_tokens":4,"prompt_lookup_max":4}'],
      },
      sglang: {
        args: [
          "--speculative-algorithm",
          "NGRAM",
          "--speculative-num-draft-tokens",
          "{num_speculative_tokens}",
        ],
      },
      tgi: { args: ["--speculate", "{num_speculative_tokens}"] },
      llamacpp: { note: "llama.cpp guesses with a smaller model of the same vocabulary: --model-draft FILE" },
    },
    source: "depends on the answers: measure before and after",
  },
  {
    on: ["CACHE_INEFFICIENCY", "HIGH_LATENCY"],
    type: "KV_CACHE",
    priority: "MEDIUM",
    when: ({ cachesPrefixes }) => !cachesPrefixes,
    changes: () => ({ enable_prefix_caching: true }),
    description: "Enable prefix caching, so that what prompts have in common is computed once",
    improvement: () => ({}),
    engines: {
      vllm: { args: ["--enable-prefix-caching"] },
      sglang: {
        args: ["--schedule-policy", "lpm"],
        note: "SGLang caches prefixes unless --disable-radix-cache is given; this serves those with the longest first",
      },
      tgi: { note: "Text Generation Inference caches prefixes by itself since version 3" },
      llamacpp: { args: ["--cache-reuse", "256"] },
    },
    source: "depends on what prompts have in common: measure before and after",
  },
  {
    on: ["CACHE_INEFFICIENCY"],
    type: "KV_CACHE",
    priority: "MEDIUM",
    when: ({ cachesPrefixes }) => cachesPrefixes,
    changes: () => ({ gpu_memory_utilization: 0.95 }),
    description: "Give the KV cache more of the memory, so that prefixes stay longer",
    improvement: () => ({}),
    risks: ["Less memory is left for peaks, which may end the engine"],
    engines: {
      vllm: { args: ["--gpu-memory-utilization", "{gpu_memory_utilization}"] },
      sglang: { args: ["--mem-fraction-static", "{gpu_memory_utilization}"] },
      tgi: { args: ["--cuda-memory-fraction", "{gpu_memory_utilization}"] },
      llamacpp: {
        note: "llama.cpp's cache is as large as the context of all slots together: raise --ctx-size",
      },
    },
    source: "depends on how long prompts come back: measure before and after",
  },
  {
    on: ["HIGH_LATENCY"],
    type: "QUANTIZATION",
    priority: "MEDIUM",
    when: (config) => !config.quantized,
    changes: () => ({ quantization: "int8" }),
    description: "Enable INT8 quantization, so that each step reads half of the weights' bytes",
    improvement: () => ({ weight_memory_reduction: 0.5 }),
    risks: QUANTIZATION_RISKS,
    engines: {
      vllm: {
        args: ["--quantization", "fp8"],
        note: "8 bits for any checkpoint; one that is INT8 already is known without a flag",
      },
      sglang: {
        args: ["--quantization", "fp8"],
        note: "8 bits for any checkpoint; w8a8_int8 for one that is INT8",
      },
      tgi: { args: ["--quantize", "eetq"] },
      llamacpp: { note: GGUF },
    },
    source: "arithmetic: 8 bits a weight instead of 16",
  },
  {
    on: ["QUEUE_BUILDUP", "LOW_THROUGHPUT"],
    type: "BATCHING",
    priority: "severity",
    when: ({ batchSize }) => batchSize < LARGEST_BATCH,
    changes: ({ batchSize }) => ({ max_batch_size: Math.min(2 * batchSize, LARGEST_BATCH) }),
    description: "Raise the batch size to {max_batch_size}",
    improvement: ({ batchSize }) => ({
      throughput_increase_at_most: Math.min(2 * batchSize, LARGEST_BATCH) / batchSize - 1,
    }),
    risks: ["Needs more memory for the KV cache", "Each request's tokens may come more slowly"],
    engines: {
      vllm: { args: ["--max-num-seqs", "{max_batch_size}"] },
      sglang: { args: ["--max-running-requests", "{max_batch_size}"] },
      tgi: { args: ["--max-concurrent-requests", "{max_batch_size}"] },
      llamacpp: { args: ["--parallel", "{max_batch_size}"] },
    },
    source: "arithmetic: no more than as many times as many requests a step",
  },
  {
    on: ["QUEUE_BUILDUP", "LOW_THROUGHPUT"],
    type: "BATCHING",
    priority: "MEDIUM",
    when: ({ batchSize }) => batchSize >= LARGEST_BATCH,
    changes: () => ({ max_batched_tokens: 8192 }),
    description: "Take more tokens of prompts into one step",
    improvement: () => ({}),
    risks: ["Tokens of running requests come more slowly while long prompts are read"],
    engines: {
      vllm: { args: ["--max-num-batched-tokens", "{max_batched_tokens}"] },
      sglang: { args: ["--chunked-prefill-size", "{max_batched_tokens}"] },
      tgi: { args: ["--max-batch-prefill-tokens", "{max_batched_tokens}"] },
      llamacpp: { args: ["--batch-size", "{max_batched_tokens}"] },
    },
    source: "vLLM's guide to optimization: above 8192 for throughput",
  },
];
