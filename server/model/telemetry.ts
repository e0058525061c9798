import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { GenerationEnd, GenerationListener, InferenceMemory } from "../inference/inference.ts";
import type { ModelHolder } from "./model-holder.ts";
import type { GpuDevice, SystemSampler } from "./system-sampler.ts";

/** What the server knows of the requests it has answered. The names are vLLM's where they mean the same. */
export class Telemetry {
  readonly #registry = new Registry();
  readonly #models: ModelHolder;
  readonly #promptTokens = this.#counter("prompt_tokens_total", "Prompt tokens read.");
  readonly #generationTokens = this.#counter("generation_tokens_total", "Tokens generated.");
  readonly #successes = this.#counter("request_success_total", "Requests answered.", ["finished_reason"]);
  readonly #failures = this.#counter("request_failure_total", "Requests that ended in an error.");
  readonly #prefixQueries = this.#counter(
    "prefix_cache_queries_total",
    "Prompt tokens looked for in what slots still hold.",
  );
  readonly #prefixHits = this.#counter(
    "prefix_cache_hits_total",
    "Prompt tokens that a slot still held and that were not computed again.",
  );
  readonly #embeddings = this.#counter("embedding_requests_total", "Requests answered with vectors.");
  readonly #embeddingTokens = this.#counter("embedding_tokens_total", "Tokens turned into vectors.");
  readonly #requestCache = this.#histogram(
    "request_kv_cache_peak_bytes",
    "Keys and values of a request at its end, when they are the most.",
    CACHE_BUCKETS,
  );
  readonly #firstToken = this.#histogram(
    "time_to_first_token_seconds",
    "From a request's arrival to its first token.",
    [
      0.001, 0.0025, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40,
      80,
    ],
  );
  readonly #interToken = this.#histogram(
    "inter_token_latency_seconds",
    "Between one token of a request and the next.",
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5, 5],
  );
  readonly #whole = this.#histogram(
    "e2e_request_latency_seconds",
    "From a request's arrival to its end.",
    LONG_BUCKETS,
  );
  readonly #queued = this.#histogram(
    "request_queue_time_seconds",
    "From a request's arrival to its slot.",
    LONG_BUCKETS,
  );
  readonly #recent: RecentInference[] = [];
  #inferences = 0;
  #longestRequestTokens = 0;
  #lastInferenceAt: Date | undefined;

  constructor(models: ModelHolder, system: SystemSampler) {
    this.#models = models;
    collectDefaultMetrics({ register: this.#registry });
    this.#gauge("num_requests_running", "Requests that have a slot.", () => models.inference?.load().running);
    this.#gauge(
      "num_requests_waiting",
      "Requests that wait for a slot.",
      () => models.inference?.load().waiting,
    );
    this.#gauge(
      "kv_cache_usage_perc",
      "Share of the context's cells in use; 1 is all of them.",
      () => models.inference?.load().cacheUsage,
    );
    this.#gauge(
      "largest_step_requests",
      "The most requests computed in one step so far.",
      () => models.inference?.load().largestStep,
    );
    this.#gauge(
      "gpu_devices",
      "Graphics processors the model runs on.",
      () => system.gpu?.devices.length ?? 0,
    );
    const perDevice = (whole: "usedBytes" | "totalBytes") => () =>
      deviceSamples(system.gpuDevices, whole, system.gpu?.[whole]);
    this.#gauges(
      "gpu_memory_used_bytes",
      "Graphics memory in use.",
      ["gpu", "device"],
      perDevice("usedBytes"),
    );
    this.#gauges(
      "gpu_memory_total_bytes",
      "Graphics memory there is.",
      ["gpu", "device"],
      perDevice("totalBytes"),
    );
    const shares = (of: "model" | "context") => () =>
      memorySamples(models.inference?.memory(), of, system.gpu !== undefined);
    this.#gauges("model_memory_bytes", "What the model's weights take.", ["memory"], shares("model"));
    this.#gauges(
      "context_memory_bytes",
      "What the slots' keys and values and the buffers of a step take.",
      ["memory"],
      shares("context"),
    );
  }

  /** Generations that came to their end, whether by the model's or the request's choice. */
  get inferences(): number {
    return this.#inferences;
  }

  get lastInferenceAt(): Date | undefined {
    return this.#lastInferenceAt;
  }

  /** Tokens per second of the last hundred generations, weighted by their length. */
  get averageTokensPerSecond(): number | undefined {
    const seconds = this.#recent.reduce((sum, one) => sum + one.seconds, 0);
    return seconds > 0 ? this.#recent.reduce((sum, one) => sum + one.tokens, 0) / seconds : undefined;
  }

  /** The last hundred generations, over which averages roll. */
  get recent(): readonly RecentInference[] {
    return this.#recent;
  }

  /** Prompt and answer of the longest request so far; undefined before the first. */
  get longestRequestTokens(): number | undefined {
    return this.#longestRequestTokens > 0 ? this.#longestRequestTokens : undefined;
  }

  prometheus(): Promise<string> {
    return this.#registry.metrics();
  }

  /** The same listener, with everything it is told counted on the way. */
  watch(listener: GenerationListener): GenerationListener {
    const labels = this.#labels();
    const arrivedAt = performance.now();
    let previousTokenAt: number | undefined;
    return {
      onStart: () => {
        this.#queued.observe(labels, (performance.now() - arrivedAt) / 1000);
        listener.onStart?.();
      },
      onToken: (text, tokens) => {
        const now = performance.now();
        if (previousTokenAt === undefined) this.#firstToken.observe(labels, (now - arrivedAt) / 1000);
        else this.#interToken.observe(labels, (now - previousTokenAt) / 1000);
        previousTokenAt = now;
        listener.onToken(text, tokens);
      },
      onEnd: (end) => {
        this.#whole.observe(labels, (performance.now() - arrivedAt) / 1000);
        this.#countEnd(end);
        listener.onEnd(end);
      },
      onError: (error) => {
        this.#failures.inc(labels);
        listener.onError(error);
      },
    };
  }

  /** A request for vectors that was answered. */
  countEmbeddings(tokens: number): void {
    this.#embeddings.inc(this.#labels());
    this.#embeddingTokens.inc(this.#labels(), tokens);
  }

  #countEnd(end: GenerationEnd): void {
    const labels = this.#labels();
    const bytesPerToken = this.#models.inference?.memory().cacheBytesPerToken;
    if (bytesPerToken !== undefined) {
      this.#requestCache.observe(labels, (end.promptTokens + end.generatedTokens) * bytesPerToken);
    }
    this.#prefixQueries.inc(labels, end.promptTokens);
    this.#prefixHits.inc(labels, end.cachedTokens);
    this.#promptTokens.inc(labels, end.promptTokens);
    this.#generationTokens.inc(labels, end.generatedTokens);
    const finished = end.reason === "aborted" ? "abort" : end.reason;
    this.#successes.inc({ ...labels, finished_reason: finished });
    if (end.reason === "aborted") return;
    this.#inferences++;
    this.#lastInferenceAt = new Date();
    const seconds = (end.timings.promptMs + end.timings.generationMs) / 1000;
    const firstTokenSeconds = (end.timings.queuedMs + end.timings.promptMs) / 1000;
    this.#recent.push({ tokens: end.generatedTokens, seconds, firstTokenSeconds });
    if (this.#recent.length > 100) this.#recent.shift();
    const requestTokens = end.promptTokens + end.generatedTokens;
    this.#longestRequestTokens = Math.max(this.#longestRequestTokens, requestTokens);
  }

  #labels(): { model_name: string } {
    return { model_name: this.#models.inference?.model.name ?? "" };
  }

  #counter(name: string, help: string, labels: readonly string[] = []): Counter {
    const labelNames = ["model_name", ...labels];
    return new Counter({ name: PREFIX + name, help, labelNames, registers: [this.#registry] });
  }

  #histogram(name: string, help: string, buckets: readonly number[]): Histogram {
    const labelNames = ["model_name"];
    return new Histogram({
      name: PREFIX + name,
      help,
      labelNames,
      buckets: [...buckets],
      registers: [this.#registry],
    });
  }

  /** A gauge read when it is asked for; what cannot be known has no sample rather than a 0. */
  #gauge(name: string, help: string, read: () => number | undefined): void {
    this.#gauges(name, help, [], () => {
      const value = read();
      return value === undefined ? [] : [{ labels: {}, value }];
    });
  }

  #gauges(
    name: string,
    help: string,
    labelNames: readonly string[],
    read: () => readonly GaugeSample[],
  ): void {
    const ours = () => this.#labels();
    new Gauge({
      name: PREFIX + name,
      help,
      labelNames: ["model_name", ...labelNames],
      registers: [this.#registry],
      collect() {
        this.reset();
        for (const { labels, value } of read()) this.set({ ...ours(), ...labels }, value);
      },
    });
  }
}

interface GaugeSample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Either every device or the whole: who adds up the series of a name must get the sum. */
function deviceSamples(
  devices: readonly GpuDevice[],
  figure: "usedBytes" | "totalBytes",
  whole: number | undefined,
): GaugeSample[] {
  const known = devices.flatMap((device, index) => {
    const value = device[figure];
    return value === undefined ? [] : [{ labels: { gpu: String(index), device: device.name }, value }];
  });
  if (known.length > 0 && known.length === devices.length) return known;
  return whole === undefined ? [] : [{ labels: { gpu: "all", device: "" }, value: whole }];
}

function memorySamples(
  memory: InferenceMemory | undefined,
  of: "model" | "context",
  onGpu: boolean,
): GaugeSample[] {
  if (memory === undefined) return [];
  const { ramBytes, gpuBytes } = memory[of];
  return [
    { labels: { memory: "ram" }, value: ramBytes },
    ...(onGpu ? [{ labels: { memory: "gpu" }, value: gpuBytes }] : []),
  ];
}

/** What a finished generation adds to the rolling averages. */
export interface RecentInference {
  readonly tokens: number;
  /** Reading the prompt and generating, without the wait for a slot. */
  readonly seconds: number;
  /** From the arrival, with the wait. */
  readonly firstTokenSeconds: number;
}

const PREFIX = "goodput:";
const LONG_BUCKETS = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120,
];
/** From 16 KiB, a few words to a tiny model, to 16 GiB. */
const CACHE_BUCKETS = Array.from({ length: 11 }, (_, index) => 2 ** 14 * 4 ** index);
