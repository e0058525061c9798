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
  readonly levels: readonly LevelResult[];
  readonly findings: readonly Finding[];
  /** The machine that generated the load. */
  readonly environment: {
    readonly node: string;
    readonly platform: string;
    readonly cpu: string;
    readonly cores: number;
  };
}

/** What was asked for, without secrets. */
export interface ResultPlan {
  /** SHA-256 over everything below: two results compare only when these agree. */
  readonly hash: string;
  readonly seed: number;
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
  readonly load:
    | { readonly kind: "closed"; readonly concurrency: number }
    | {
        readonly kind: "open";
        readonly rate: number;
        readonly arrivals: "constant" | "poisson" | "gamma";
        readonly burstiness: number;
        readonly max_concurrency?: number;
      };
  readonly stop: { readonly requests?: number; readonly duration_seconds?: number };
  /** The measured window, seconds from the run's start. */
  readonly window: { readonly start: number; readonly end: number; readonly seconds: number };
  readonly requests: {
    /** completed + failed + incomplete; warm-up is not among them. */
    readonly issued: number;
    readonly completed: number;
    readonly failed: number;
    readonly incomplete: number;
    readonly warmup: number;
    readonly failures: Readonly<Record<string, number>>;
  };
  readonly metrics: LevelMetrics;
  readonly objectives: readonly ObjectiveResult[];
  /** Equal slices of the window in order, for plots. */
  readonly timeline: readonly TimelinePoint[];
  /** Sparse histograms by latency name: [bucket index, count] pairs; see docs/metrics.md. */
  readonly histograms: Readonly<Partial<Record<LatencyName, readonly (readonly [number, number])[]>>>;
  /** Where output token counts came from. */
  readonly token_source?: "usage" | "chunks" | "mixed";
  /** One failed request as an example per reason, sanitised text. */
  readonly failure_examples: Readonly<Record<string, string>>;
}

export const LATENCIES = ["ttft", "ttft_sent", "itl", "tpot", "e2e", "issue_delay"] as const;
export type LatencyName = (typeof LATENCIES)[number];

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
  /** One sentence; always there when inconclusive. */
  readonly reason?: string;
  /** Requests that would decide it if the observed shares held; absent when unknown or beyond reason. */
  readonly requests_needed?: number;
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

/** Asked apart from the verdict: may this run be believed? */
export interface Finding {
  readonly code: string;
  readonly level: "note" | "invalid";
  /** Name of the load level it was seen in; absent: the whole run. */
  readonly at?: string;
  readonly happened: string;
  readonly matters: string;
  readonly advice: string;
}
