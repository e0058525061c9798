/**
 * `result.json`: the measured run as others read it. This is an edge: its shape is versioned and
 * changes only by addition, while the engine's own types stay free. Latencies are in milliseconds,
 * rates per second, ratios 0 to 1; a figure that was not measured is absent, never 0.
 * The definitions of every figure are in docs/metrics.md.
 */

export const RESULT_SCHEMA = "goodput.result/1";

export type Outcome = "met" | "violated" | "inconclusive";

export interface Result {
  readonly schema: typeof RESULT_SCHEMA;
  /** Version of the program that measured. */
  readonly generator: string;
  readonly run_id: string;
  /** Wall time, ISO 8601 UTC. */
  readonly started_at: string;
  readonly duration_seconds: number;
  /** Cancelled: interrupted before the plan was done; what was measured stands. */
  readonly state: "completed" | "cancelled";
  /** The worst outcome over all objectives of all levels; absent when no objective was given. */
  readonly verdict?: Outcome;
  /** False when a finding says the run may not be believed; such a run never passes. */
  readonly valid: boolean;
  readonly target: { readonly url: string; readonly model: string; readonly protocol: string };
  readonly plan: ResultPlan;
  /** Levels that were found on the way; their verdict is that one of them meets all objectives. */
  readonly exploration?: {
    readonly kind: "search" | "sweep";
    readonly of?: "rate" | "concurrency";
    /** The highest load that met every objective, below all that did not. */
    readonly highest_passing?: number;
    readonly lowest_failing?: number;
  };
  readonly levels: readonly LevelResult[];
  readonly findings: readonly Finding[];
  /** Against a baseline; absent when none was asked for. */
  readonly comparison?: Comparison;
  /** Where a workflow measured it; absent: nobody said. */
  readonly origin?: Origin;
  /** By another tool's definitions; a file that this program wrote never has it. */
  readonly imported?: Imported;
  /** The machine that generated the load. */
  readonly environment: {
    readonly node: string;
    readonly platform: string;
    readonly cpu: string;
    readonly cores: number;
  };
}

/** The repository and the commit of the workflow that measured. */
export interface Origin {
  /** "owner/name". */
  readonly repository: string;
  /** "refs/heads/main", "refs/pull/7/merge". */
  readonly ref: string;
  /** The commit that was measured: of a pull request its head, and not the merge. */
  readonly sha: string;
  /** "push", "pull_request". */
  readonly event: string;
  readonly run_id: string;
}

/** Of a result that another tool measured: figures without the distributions they were made of. */
export interface Imported {
  readonly tool: "vllm" | "guidellm" | "aiperf";
  /** As people call it: "vLLM bench serve". */
  readonly title: string;
  /** Sentences: where its figures mean something else than ours of the same name. */
  readonly differences: readonly string[];
}

/** What was asked for, without secrets. */
export interface ResultPlan {
  /** SHA-256 of the load, the workload and the objectives: two results compare only when these agree. */
  readonly hash: string;
  readonly seed: number;
  /** Whether synthetic prompts were the run's own, or those of the seed alone; earlier versions knew only "warm". */
  readonly prompt_cache?: "cold" | "warm";
  /** What the prompts began by, in no hash: with the setting prompt-salt another run sends the same. */
  readonly prompt_salt?: string;
  readonly input_tokens: number;
  readonly output_tokens: number;
  readonly warmup_requests: number;
  readonly timeout_seconds: number;
  /** Confidence of each bound of every interval, for example 0.95; "none" compares plain estimates. */
  readonly confidence: number | "none";
  readonly objectives: readonly string[];
}

export interface LevelResult {
  /** How people call it: "concurrency 4", "50 req/s poisson". */
  readonly name: string;
  readonly load: LoadResult;
  readonly stop: { readonly requests?: number; readonly duration_seconds?: number };
  /** The measured window, seconds from the run's start. */
  readonly window: { readonly start: number; readonly end: number; readonly seconds: number };
  readonly requests: {
    /** completed + failed + incomplete; warm-up is not among them. */
    readonly issued: number;
    readonly completed: number;
    readonly failed: number;
    readonly incomplete: number;
    /** All sent before the window, an open loop's ramp among them. */
    readonly warmup: number;
    /** Of those issued, how many came before the level had settled: they are in no latency, and the window opens after them. */
    readonly left_out?: number;
    readonly failures: Readonly<Record<string, number>>;
  };
  readonly metrics: LevelMetrics;
  readonly objectives: readonly ObjectiveResult[];
  /**
   * By figure ("ttft_p95", "e2e_mean", "error_rate"): how many independent samples it is worth, since requests that
   * wait for each other say less, at the run's confidence and at the 99.9 % of many figures together. 0: it has no
   * bound. Results of earlier versions do not have it.
   */
  readonly effective_samples?: Readonly<
    Record<string, { readonly confidence: number; readonly samples: number; readonly strict: number }>
  >;
  /** Equal slices of the window in order, for plots. */
  readonly timeline: readonly TimelinePoint[];
  /** Sparse histograms by latency name: [bucket index, count] pairs; see docs/metrics.md. */
  readonly histograms: Readonly<Partial<Record<LatencyName, readonly (readonly [number, number])[]>>>;
  /** Where output token counts came from. */
  readonly token_source?: "usage" | "chunks" | "mixed";
  /** One failed request as an example per reason, sanitised text. */
  readonly failure_examples: Readonly<Record<string, string>>;
  /** The target's own figures, where it exports any. */
  readonly server?: ServerSide;
}

export const LATENCIES = ["ttft", "ttft_sent", "itl", "tpot", "e2e", "issue_delay", "held"] as const;
export type LatencyName = (typeof LATENCIES)[number];

export type LoadResult =
  | { readonly kind: "closed"; readonly concurrency: number }
  | {
      readonly kind: "open";
      readonly rate: number;
      readonly arrivals: "constant" | "poisson" | "gamma";
      readonly burstiness: number;
      readonly max_concurrency?: number;
    }
  | {
      readonly kind: "stages";
      readonly of: "rate" | "concurrency";
      readonly stages: readonly { readonly seconds: number; readonly target: number }[];
    }
  | {
      readonly kind: "users";
      readonly users: number;
      readonly spawn_rate: number;
      readonly think_seconds: readonly [number, number];
    }
  | { readonly kind: "replay"; readonly max_concurrency?: number };

/** Milliseconds. */
export interface LatencyStats {
  readonly count: number;
  readonly mean: number;
  readonly std: number;
  readonly min: number;
  readonly max: number;
  readonly p50: number;
  readonly p90: number;
  readonly p95: number;
  readonly p99: number;
  readonly p999: number;
}

/** Each under its name in docs/metrics.md. */
export interface LevelMetrics extends Readonly<Partial<Record<LatencyName, LatencyStats>>> {
  /** Completed in the window, per second. */
  readonly request_throughput?: number;
  /** Tokens per second in the window. */
  readonly output_throughput?: number;
  readonly input_throughput?: number;
  readonly total_throughput?: number;
  /** Tokens per second as one user sees them: 1 / mean tpot. */
  readonly output_throughput_per_user?: number;
  /** Good requests per second; only where a goodput objective says what good is. */
  readonly goodput?: number;
  readonly goodput_ratio?: number;
  readonly error_rate?: number;
  /** Time-average of requests in flight over the window. */
  readonly concurrency?: number;
  readonly input_tokens?: number;
  readonly output_tokens?: number;
  /** Of the input tokens of completed requests, those that the server had in its prompt cache, where its answers tell. */
  readonly prompt_cache_hit_ratio?: number;
  /** The same without what the plan has prompts share with those before them; by the target's own page where answers tell nothing. */
  readonly prompt_cache_unshared_ratio?: number;
}

export interface ObjectiveResult {
  /** As canonical text: "ttft_p95 < 500ms". */
  readonly objective: string;
  readonly metric: string;
  readonly op: "<" | "<=" | ">" | ">=";
  /** In `unit`. */
  readonly limit: number;
  readonly unit: "ms" | "ratio" | "1/s" | "tok/s" | "requests";
  readonly observed?: number;
  /** Bounds at the plan's confidence, each alone; null: unbounded on that side with these samples. */
  readonly interval?: readonly [number | null, number | null];
  /** Samples behind the estimate. */
  readonly samples: number;
  readonly outcome: Outcome;
  /** Codes of the findings for which this outcome may not be believed; absent: it stands. */
  readonly invalid?: readonly string[];
  /** One sentence; always there when inconclusive. */
  readonly reason?: string;
  /** Requests that would decide it if the observed shares held; absent when unknown or beyond reason. */
  readonly requests_needed?: number;
  /** How long that many take at this load. */
  readonly seconds_needed?: number;
  /** How many independent samples the samples are worth. */
  readonly effective_samples?: number;
}

export interface TimelinePoint {
  /** Middle of the slice, seconds from the window's start. */
  readonly t: number;
  readonly completed: number;
  readonly failed: number;
  /** Milliseconds, over requests whose first output came in the slice. */
  readonly ttft_p50?: number;
  readonly ttft_p95?: number;
  readonly e2e_p50?: number;
  /** Tokens per second. */
  readonly output_throughput: number;
  readonly concurrency: number;
}

/** Head against base, level by level. */
export interface Comparison {
  /** "same_run": both measured here, in alternating blocks; "stored": a result of an earlier run. */
  readonly kind: "same_run" | "stored";
  readonly baseline: {
    readonly run_id: string;
    readonly started_at: string;
    readonly url: string;
    readonly model: string;
  };
  /** Why nothing can be compared; then there are no levels. */
  readonly incomparable?: string;
  /** There when another tool measured a side: figure stands against figure, and nothing is ever shown. */
  readonly imported?: {
    /** The tool that measured the side; absent: this program. */
    readonly base?: string;
    readonly head?: string;
    /** Sentences: what must be known to read the two beside each other. */
    readonly notes: readonly string[];
  };
  readonly levels: readonly ComparedLevel[];
}

export interface ComparedLevel {
  readonly name: string;
  readonly changes: readonly MetricChange[];
  /** Metrics that only one of the two has. */
  readonly added: readonly string[];
  readonly removed: readonly string[];
}

export interface MetricChange {
  /** "ttft_p95", "output_throughput". */
  readonly metric: string;
  readonly unit: ObjectiveResult["unit"];
  readonly base: number;
  readonly head: number;
  /** head / base; absent where base is 0. */
  readonly ratio?: number;
  /** Bounds of the ratio at the plan's confidence, each alone; of a share (unit "ratio"), of head − base. */
  readonly interval?: readonly [number | null, number | null];
  /** Which way is good for this metric. */
  readonly better: "lower" | "higher";
  /** Worse and better are shown for all figures of the comparison together. */
  readonly change: "better" | "worse" | "unclear";
}

/** What the target's own metrics page said of a level; a figure it does not export is absent. */
export interface ServerSide {
  /** "vllm", "sglang", "tgi", "llamacpp", "goodput". */
  readonly engine: string;
  /** Replicas whose pages were read. */
  readonly replicas: number;
  /** Over the window, milliseconds; a quantile beyond the last finite bucket is given as that bucket's bound with `above`. */
  readonly ttft?: ServerLatency;
  readonly itl?: ServerLatency;
  readonly e2e?: ServerLatency;
  readonly queue?: ServerLatency;
  readonly requests?: number;
  readonly prompt_tokens?: number;
  readonly generation_tokens?: number;
  /** Highest seen while the level ran. */
  readonly running_max?: number;
  readonly waiting_max?: number;
  /** 0 to 1. */
  readonly kv_cache_usage_max?: number;
  readonly prefix_cache_hit_ratio?: number;
  readonly gpu_memory_used_bytes_max?: number;
  /** What the engine does not export, or what went wrong while reading. */
  readonly unavailable: readonly string[];
}

export interface ServerLatency {
  readonly count: number;
  readonly mean: number;
  readonly p50?: number;
  readonly p95?: number;
  readonly p99?: number;
  /** Quantiles that lie above the last finite bucket: read them as "more than". */
  readonly above?: readonly ("p50" | "p95" | "p99")[];
}

/** Findings of what may have moved figures away from the service's own; where they could turn no verdict they are notes. */
export const DOUBTFUL = [
  "generator_late",
  "event_loop_blocked",
  "client_cpu_saturated",
  "chunks_together",
  "prompt_cache_hits",
] as const;

/** Asked apart from the verdict: may this run be believed? Invalid: not all of it, see the objectives' `invalid`. */
export interface Finding {
  readonly code: string;
  readonly level: "note" | "invalid";
  /** Name of the load level it was seen in; absent: the whole run. */
  readonly at?: string;
  /** Metrics that it may have changed, "ttft" or "error_rate"; absent: all of them, or none in particular. */
  readonly touches?: readonly string[];
  readonly happened: string;
  readonly matters: string;
  readonly advice: string;
}
