import { type Engine, type Figure, latencyOf, Replica, readMetricsPage } from "../../../src/index.ts";
import { rounded } from "../../http/rounding.ts";

/** What one reading of an instance's metrics page says; null is what the engine does not export. */
export interface InstanceMetrics {
  /** As the page shows by its names, whatever the instance was said to be. */
  readonly engine: string;
  readonly request_metrics: {
    /** Since the engine started, like every total. */
    readonly success_total: number | null;
    readonly failure_total: number | null;
    /** Means, in seconds. */
    readonly time_to_first_token_seconds: number | null;
    readonly time_per_output_token_seconds: number | null;
    readonly e2e_request_latency_seconds: number | null;
    readonly queue_time_seconds: number | null;
    readonly quantiles: Readonly<Record<string, Quantiles>>;
  };
  readonly gpu_metrics: {
    /** 0 to 100. */
    readonly cache_usage_perc: number | null;
    readonly memory_usage_bytes: number | null;
    readonly num_requests_running: number | null;
    readonly num_requests_waiting: number | null;
    /** Share of the prompts' tokens that were in the prefix cache, 0 to 1. */
    readonly cache_hit_rate: number | null;
  };
  readonly throughput_metrics: {
    /** Generated ones. */
    readonly tokens_per_second: number | null;
    readonly generation_tokens_total: number | null;
    readonly prompt_tokens_total: number | null;
  };
  /** Between this reading and the one before; null when there was none. */
  readonly interval_seconds: number | null;
  /** What the means and quantiles are of: requests since the reading before, or since the engine started. */
  readonly averaged_over: Readonly<Record<string, "interval" | "lifetime">>;
  /** Fields that are null. */
  readonly unavailable: readonly string[];
  readonly unavailable_reasons: Readonly<Record<string, string>>;
  readonly warnings: readonly string[];
}

/** Seconds, from the histogram's buckets; those named in `above` lie beyond the last finite one: "more than". */
export interface Quantiles {
  readonly p50?: number;
  readonly p95?: number;
  readonly p99?: number;
  readonly above?: readonly string[];
}

export interface PreviousPage {
  readonly text: string;
  readonly secondsAgo: number;
  /** Of the same engine, a moment ago and only for the rate of tokens: means are still of all requests. */
  readonly forRateOnly: boolean;
}

/**
 * Series are summed over their labels; an engine that restarted counts from 0, which the growth knows.
 * @throws SyntaxError or RangeError with the reason when the text is no page of an engine that is known.
 */
export function readInstanceMetrics(text: string, previous?: PreviousPage): InstanceMetrics {
  const lifetime = new Replica();
  // After an empty page all that the next one has grew from nothing.
  lifetime.take("");
  const gauges = lifetime.take(text);
  const { engine } = lifetime;
  if (engine === undefined)
    throw new SyntaxError("the page has none of the names of an engine that is known");
  const interval = intervalOf(previous, text, engine);
  const reading = new Reading(engine, lifetime, interval, previous?.forRateOnly === true);

  const aborted = abortedOf(text, engine);
  const requests = reading.counter("requests");
  const share =
    gauges.kvCacheUsage !== undefined && gauges.kvCacheUsage <= 1 ? gauges.kvCacheUsage : undefined;
  const perSecond = (tokens: number | undefined) =>
    tokens === undefined || !previous ? undefined : tokens / previous.secondsAgo;
  return {
    engine: engine.engine,
    request_metrics: {
      success_total: reading.known(
        "success_total",
        requests === undefined ? undefined : requests - (aborted ?? 0),
        "requests",
      ),
      failure_total: reading.known("failure_total", aborted ?? reading.counter("failures"), "failures"),
      time_to_first_token_seconds: reading.mean("time_to_first_token_seconds", ["ttft"]),
      time_per_output_token_seconds: reading.mean("time_per_output_token_seconds", ["tpot", "itl"]),
      e2e_request_latency_seconds: reading.mean("e2e_request_latency_seconds", ["e2e"]),
      queue_time_seconds: reading.mean("queue_time_seconds", ["queue"]),
      quantiles: reading.quantiles,
    },
    gpu_metrics: {
      cache_usage_perc: reading.known(
        "cache_usage_perc",
        // Engines give a share of 1; times 100 leaves the noise of binary fractions.
        share === undefined ? undefined : rounded(share * 100, 6),
        "kv_cache_usage",
        gauges.kvCacheUsage === undefined ? undefined : `the page says ${gauges.kvCacheUsage}, no share of 1`,
      ),
      memory_usage_bytes: reading.known(
        "memory_usage_bytes",
        gauges.gpuMemoryBytes,
        undefined,
        `${engine.title} does not export it`,
      ),
      num_requests_running: reading.known("num_requests_running", gauges.running, "running"),
      num_requests_waiting: reading.known("num_requests_waiting", gauges.waiting, "waiting"),
      cache_hit_rate: reading.known(
        "cache_hit_rate",
        reading.hitRate() ?? gaugeOf(text, engine, "sglang:cache_hit_rate"),
        "prefix_hits",
      ),
    },
    throughput_metrics: {
      tokens_per_second: reading.known(
        "tokens_per_second",
        perSecond(reading.grown("generation_tokens")) ?? gaugeOf(text, engine, "sglang:gen_throughput"),
        "generation_tokens",
        interval === undefined ? "it takes two readings, and there was one" : undefined,
      ),
      generation_tokens_total: reading.known(
        "generation_tokens_total",
        reading.counter("generation_tokens"),
        "generation_tokens",
      ),
      prompt_tokens_total: reading.known(
        "prompt_tokens_total",
        reading.counter("prompt_tokens"),
        "prompt_tokens",
      ),
    },
    interval_seconds: interval === undefined || !previous ? null : rounded(previous.secondsAgo, 3),
    averaged_over: reading.averagedOver,
    unavailable: Object.keys(reading.reasons),
    unavailable_reasons: reading.reasons,
    warnings: interval?.restarted
      ? ["A counter fell since the reading before, as when an engine restarts: it counts from 0 since then."]
      : [],
  };
}

/** Engines that export a counter only once it has counted something: none is there means none was counted. */
const COUNT_LATE = new Set(["tgi", "goodput"]);

/** One page, and what grew since the one before; notes on the way what it lacks. */
class Reading {
  readonly quantiles: Record<string, Quantiles> = {};
  readonly averagedOver: Record<string, "interval" | "lifetime"> = {};
  readonly reasons: Record<string, string> = {};
  readonly #engine: Engine;
  readonly #lifetime: Replica;
  readonly #interval: Replica | undefined;
  readonly #meansOfAll: boolean;

  constructor(engine: Engine, lifetime: Replica, interval: Replica | undefined, meansOfAll: boolean) {
    this.#engine = engine;
    this.#lifetime = lifetime;
    this.#interval = interval;
    this.#meansOfAll = meansOfAll;
  }

  counter(figure: Figure): number | undefined {
    return this.#lifetime.growthOf(figure)?.value ?? (this.#countsLate(figure) ? 0 : undefined);
  }

  grown(figure: Figure): number | undefined {
    if (this.#interval === undefined) return undefined;
    return this.#interval.growthOf(figure)?.value ?? (this.#countsLate(figure) ? 0 : undefined);
  }

  /** Of the first figure that the page has; where no request ended since the reading before, of all there were. */
  mean(name: string, figures: readonly Figure[]): number | null {
    const figure = figures.find((one) => this.#lifetime.growthOf(one) !== undefined);
    const all = figure && latencyIn(this.#lifetime, figure);
    const recent =
      figure === undefined || this.#interval === undefined || this.#meansOfAll
        ? undefined
        : latencyIn(this.#interval, figure);
    const latency = recent ?? all;
    if (latency === undefined) {
      const reason = figure === undefined ? this.#whyNone(figures) : "no request has been observed yet";
      return this.known(name, undefined, undefined, reason);
    }
    this.averagedOver[name] = recent === undefined ? "lifetime" : "interval";
    const { p50, p95, p99, above } = latency;
    if (p50 !== undefined && p95 !== undefined && p99 !== undefined) {
      this.quantiles[name] = {
        p50: seconds(p50),
        p95: seconds(p95),
        p99: seconds(p99),
        ...(above && { above }),
      };
    }
    return seconds(latency.mean);
  }

  hitRate(): number | undefined {
    const [hits, queries] = [this.grown("prefix_hits"), this.grown("prefix_queries")];
    const recently = !this.#meansOfAll && queries !== undefined && queries > 0;
    const rate = recently
      ? (hits ?? 0) / queries
      : (this.counter("prefix_hits") ?? Number.NaN) / (this.counter("prefix_queries") ?? Number.NaN);
    // More hits than look-ups are no rate, and neither is 0 of 0.
    return rate >= 0 && rate <= 1 ? rounded(rate, 6) : undefined;
  }

  /** The value, or null with its name among what is unavailable. */
  known(name: string, value: number | undefined, figure: Figure | undefined, reason?: string): number | null {
    if (value !== undefined) return value;
    this.reasons[name] = reason ?? (figure === undefined ? "it is not exported" : this.#why(figure));
    return null;
  }

  #why(figure: Figure): string {
    const source = this.#engine.figures[figure];
    return "none" in source ? source.none : `the page has no ${source.join(" and no ")}`;
  }

  /** Of those it might have exported, where there is one. */
  #whyNone(figures: readonly Figure[]): string {
    const exported = figures.findLast((figure) => !("none" in this.#engine.figures[figure]));
    return this.#why(exported ?? figures[0]!);
  }

  #countsLate(figure: Figure): boolean {
    return COUNT_LATE.has(this.#engine.engine) && !("none" in this.#engine.figures[figure]);
  }
}

/** Undefined when there is nothing to compare with: no page before, or one of another engine. */
function intervalOf(previous: PreviousPage | undefined, text: string, engine: Engine): Replica | undefined {
  if (previous === undefined) return undefined;
  const replica = new Replica();
  replica.take(previous.text);
  if (replica.engine !== engine) return undefined;
  replica.take(text);
  return replica;
}

function latencyIn(replica: Replica, figure: Figure) {
  const growth = replica.growthOf(figure);
  return growth && latencyOf(growth);
}

const SUCCESS = /^vllm[:_]request_success(_total)?$/;

/** vLLM counts requests that were aborted, or ended by an error, among its successes, under a label. */
function abortedOf(text: string, engine: Engine): number | undefined {
  if (engine.engine !== "vllm") return undefined;
  const counted = readMetricsPage(text, (name) => SUCCESS.test(name)).filter(({ labels }) =>
    labels.has("finished_reason"),
  );
  if (counted.length === 0) return undefined;
  return counted
    .filter(({ labels, value }) => /^(abort|error)$/.test(labels.get("finished_reason")!) && value >= 0)
    .reduce((sum, { value }) => sum + value, 0);
}

/** SGLang's own figures of its last batch, for pages without the counters they could be made of. */
function gaugeOf(text: string, engine: Engine, wanted: string): number | undefined {
  if (!wanted.startsWith(`${engine.engine}:`)) return undefined;
  const values = readMetricsPage(text, (name) => name.replace("_", ":") === wanted || name === wanted)
    .map(({ value }) => value)
    .filter((value) => value >= 0 && value < Number.POSITIVE_INFINITY);
  // Every rank tells of the same requests.
  return values.length === 0 ? undefined : values.reduce((most, value) => Math.max(most, value));
}

function seconds(milliseconds: number): number {
  return rounded(milliseconds / 1000, 9);
}
