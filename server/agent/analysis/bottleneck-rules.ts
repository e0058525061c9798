import { rounded } from "../../http/rounding.ts";

export const BOTTLENECK_TYPES = [
  "MEMORY_PRESSURE",
  "HIGH_LATENCY",
  "LOW_THROUGHPUT",
  "QUEUE_BUILDUP",
  "CACHE_INEFFICIENCY",
] as const;
export type BottleneckType = (typeof BOTTLENECK_TYPES)[number];

/** The gravest first. */
export const SEVERITIES = ["CRITICAL", "HIGH", "MEDIUM", "LOW"] as const;
export type Severity = (typeof SEVERITIES)[number];

/** What rules look at; undefined is what was not measured, of which no rule says anything. */
export interface Facts {
  /** Share of 1. */
  readonly memoryUsage: number | undefined;
  readonly ttftSeconds: number | undefined;
  readonly tpotSeconds: number | undefined;
  readonly running: number | undefined;
  readonly waiting: number | undefined;
  readonly tokensPerSecond: number | undefined;
  /** Share of 1. */
  readonly cacheHitRate: number | undefined;
}

export interface BottleneckRule {
  readonly type: BottleneckType;
  readonly metricName: string;
  readonly of: keyof Facts;
  /** On which side of the threshold it is a bottleneck; the threshold itself is none. */
  readonly bad: "above" | "below";
  readonly threshold: number;
  readonly severity: keyof typeof SCALES;
  readonly description: (value: number) => string;
  readonly recommendation: string;
  /** An idle engine is not slow. */
  readonly notWhenIdle?: true;
  /** Where the threshold comes from. */
  readonly source: string;
}

const REFERENCE = "the API's reference, as its sample prints it";

export const BOTTLENECK_RULES: readonly BottleneckRule[] = [
  {
    type: "MEMORY_PRESSURE",
    metricName: "memory_usage",
    of: "memoryUsage",
    bad: "above",
    threshold: 0.8,
    severity: "memory",
    description: (value) => `GPU memory usage at ${percent(value)}, approaching capacity`,
    recommendation: "Enable quantization or reduce batch size",
    source: REFERENCE,
  },
  {
    type: "HIGH_LATENCY",
    metricName: "ttft",
    of: "ttftSeconds",
    bad: "above",
    threshold: 0.1,
    severity: "ratio",
    description: () => "Time to first token exceeds threshold",
    recommendation: "Optimize KV cache or enable speculative decoding",
    source: REFERENCE,
  },
  {
    type: "HIGH_LATENCY",
    metricName: "tpot",
    of: "tpotSeconds",
    bad: "above",
    threshold: 0.05,
    severity: "ratio",
    description: () => "Time per output token exceeds threshold",
    recommendation: "Enable speculative decoding or quantization",
    source: "20 tokens a second for each reader, the default objective of capacity recommendations",
  },
  {
    type: "QUEUE_BUILDUP",
    metricName: "num_requests_waiting",
    of: "waiting",
    bad: "above",
    threshold: 10,
    severity: "ratio",
    description: (value) => `${value} requests are waiting in the queue`,
    recommendation: "Raise the batch size, or add a replica",
    source: "more than a moment's arrivals for one engine; adjust with what your own queue usually has",
  },
  {
    type: "LOW_THROUGHPUT",
    metricName: "tokens_per_second",
    of: "tokensPerSecond",
    bad: "below",
    threshold: 100,
    severity: "ratio",
    description: (value) => `Generation at ${rounded(value, 1)} tokens/s is below threshold`,
    recommendation: "Raise the batch size",
    notWhenIdle: true,
    source: "what two readers take at the threshold of tpot, times five",
  },
  {
    type: "CACHE_INEFFICIENCY",
    metricName: "cache_hit_rate",
    of: "cacheHitRate",
    bad: "below",
    threshold: 0.7,
    severity: "ratio",
    description: (value) => `Prefix cache hit rate at ${percent(value)}, below threshold`,
    recommendation: "Enable prefix caching, or give the cache more memory",
    source: "prompts with a common beginning; where prompts have none, no setting reaches it",
  },
];

/**
 * How grave it is, by the first step that holds, each strictly but for memory's. `ratio` is how many times
 * the value is the threshold, or the threshold the value where low is bad.
 */
export const SCALES = {
  memory: [
    { severity: "CRITICAL", from: 0.95 },
    { severity: "HIGH", from: 0.9 },
    { severity: "MEDIUM", from: 0 },
  ],
  ratio: [
    { severity: "CRITICAL", over: 2 },
    { severity: "HIGH", over: 1.5 },
    { severity: "MEDIUM", over: 1.2 },
    { severity: "LOW", over: 0 },
  ],
} as const satisfies Record<string, readonly { severity: Severity; from?: number; over?: number }[]>;

function percent(share: number): string {
  return `${rounded(share * 100, 1)}%`;
}
