import { z } from "zod";
import { LATENCIES, RESULT_SCHEMA } from "../result.ts";
import { comparisonShape } from "./comparison-shape.ts";

/**
 * The shape of `result.json` as a check, for files that come from elsewhere. Fields it does not name are
 * let through: a newer program may have added them.
 */

/** One past the last bucket of a finite number: the exponent's eleven bits all set, ten of the mantissa after them. */
const BUCKETS = 0x7ff * 1024;
/** Counts of a bucket are 32 bits wide. */
const MOST_IN_A_BUCKET = 2 ** 32 - 1;

const text = z.string().max(100_000);
const figure = z.number();
const amount = figure.nonnegative();
const count = amount.int();
const share = amount.max(1);

const latencyStats = z.looseObject({
  count: count.min(1),
  mean: amount,
  std: amount,
  min: amount,
  max: amount,
  p50: amount,
  p90: amount,
  p95: amount,
  p99: amount,
  p999: amount,
});

const perLatency = <T extends z.ZodType>(shape: T) =>
  Object.fromEntries(LATENCIES.map((name) => [name, shape.optional()])) as Record<
    (typeof LATENCIES)[number],
    z.ZodOptional<T>
  >;

const metrics = z.looseObject({
  ...perLatency(latencyStats),
  request_throughput: amount.optional(),
  output_throughput: amount.optional(),
  input_throughput: amount.optional(),
  total_throughput: amount.optional(),
  output_throughput_per_user: amount.optional(),
  goodput: amount.optional(),
  goodput_ratio: share.optional(),
  error_rate: share.optional(),
  concurrency: amount.optional(),
  input_tokens: count.optional(),
  output_tokens: count.optional(),
  prompt_cache_hit_ratio: share.optional(),
  prompt_cache_unshared_ratio: share.optional(),
});

const histogram = z
  .array(z.tuple([count.max(BUCKETS - 1), count.min(1).max(MOST_IN_A_BUCKET)]))
  .refine((buckets) => buckets.every(([index], i) => i === 0 || buckets[i - 1]![0] < index), {
    message: "buckets must be in ascending order",
  });

const outcome = z.enum(["met", "violated", "inconclusive"]);
const unit = z.enum(["ms", "ratio", "1/s", "tok/s", "requests"]);
const interval = z.tuple([figure.nullable(), figure.nullable()]);

const objective = z.looseObject({
  objective: text,
  metric: text,
  op: z.enum(["<", "<=", ">", ">="]),
  limit: figure,
  unit,
  observed: figure.optional(),
  interval: interval.optional(),
  samples: count,
  outcome,
  invalid: z.array(text).max(1_000).optional(),
  reason: text.optional(),
  requests_needed: amount.optional(),
  seconds_needed: amount.optional(),
  effective_samples: amount.optional(),
});

const timelinePoint = z.looseObject({
  t: figure,
  completed: count,
  failed: count,
  ttft_p50: amount.optional(),
  ttft_p95: amount.optional(),
  e2e_p50: amount.optional(),
  output_throughput: amount,
  concurrency: amount,
});

const load = z.discriminatedUnion("kind", [
  z.looseObject({ kind: z.literal("closed"), concurrency: amount }),
  z.looseObject({
    kind: z.literal("open"),
    rate: amount,
    arrivals: z.enum(["constant", "poisson", "gamma"]),
    burstiness: amount,
    max_concurrency: amount.optional(),
  }),
  z.looseObject({
    kind: z.literal("stages"),
    of: z.enum(["rate", "concurrency"]),
    stages: z.array(z.looseObject({ seconds: amount, target: amount })).max(10_000),
  }),
  z.looseObject({
    kind: z.literal("users"),
    users: amount,
    spawn_rate: amount,
    think_seconds: z.tuple([amount, amount]),
  }),
  z.looseObject({ kind: z.literal("replay"), max_concurrency: amount.optional() }),
]);

const serverLatency = z.looseObject({
  count: amount,
  mean: figure,
  p50: figure.optional(),
  p95: figure.optional(),
  p99: figure.optional(),
  above: z.array(z.enum(["p50", "p95", "p99"])).optional(),
});

const server = z.looseObject({
  engine: text,
  replicas: count,
  ttft: serverLatency.optional(),
  itl: serverLatency.optional(),
  e2e: serverLatency.optional(),
  queue: serverLatency.optional(),
  requests: figure.optional(),
  prompt_tokens: figure.optional(),
  generation_tokens: figure.optional(),
  running_max: figure.optional(),
  waiting_max: figure.optional(),
  kv_cache_usage_max: figure.optional(),
  prefix_cache_hit_ratio: figure.optional(),
  gpu_memory_used_bytes_max: figure.optional(),
  unavailable: z.array(text).max(1000),
});

const level = z
  .looseObject({
    name: text,
    load,
    stop: z.looseObject({ requests: count.optional(), duration_seconds: amount.optional() }),
    window: z.looseObject({ start: figure, end: figure, seconds: amount }),
    requests: z.looseObject({
      issued: count,
      completed: count,
      failed: count,
      incomplete: count,
      warmup: count,
      left_out: count.optional(),
      failures: z.record(z.string(), count),
    }),
    metrics,
    objectives: z.array(objective),
    effective_samples: z
      .record(text, z.looseObject({ confidence: amount, samples: amount, strict: amount }))
      .optional(),
    timeline: z.array(timelinePoint).max(100_000),
    histograms: z.looseObject(perLatency(histogram)),
    token_source: z.enum(["usage", "chunks", "mixed"]).optional(),
    failure_examples: z.record(z.string(), text),
    server: server.optional(),
  })
  .superRefine(({ metrics, histograms }, context) => {
    for (const name of LATENCIES) {
      const buckets = histograms[name];
      if (buckets === undefined) continue;
      const held = buckets.reduce((sum, [, inBucket]) => sum + inBucket, 0);
      const told = metrics[name]?.count ?? 0;
      if (held === told) continue;
      const message = `holds ${held} samples where metrics.${name}.count is ${told}`;
      context.addIssue({ code: "custom", path: ["histograms", name], message });
    }
  });

export const resultShape = z.looseObject({
  schema: z.literal(RESULT_SCHEMA),
  generator: text,
  run_id: text,
  started_at: text,
  duration_seconds: amount,
  state: z.enum(["completed", "cancelled"]),
  verdict: outcome.optional(),
  valid: z.boolean(),
  target: z.looseObject({ url: text, model: text, protocol: text }),
  plan: z.looseObject({
    hash: text,
    seed: figure,
    prompt_cache: z.enum(["cold", "warm"]).optional(),
    prompt_salt: text.optional(),
    input_tokens: amount,
    output_tokens: amount,
    warmup_requests: count,
    timeout_seconds: amount,
    confidence: z.union([figure.gt(0.5).lt(1), z.literal("none")]),
    objectives: z.array(text),
  }),
  exploration: z
    .looseObject({
      kind: z.enum(["search", "sweep"]),
      of: z.enum(["rate", "concurrency"]).optional(),
      highest_passing: figure.optional(),
      lowest_failing: figure.optional(),
    })
    .optional(),
  levels: z.array(level).max(10_000),
  comparison: comparisonShape.optional(),
  origin: z.looseObject({ repository: text, ref: text, sha: text, event: text, run_id: text }).optional(),
  // What another tool measured is read from that tool's own file.
  imported: z.never().optional(),
  findings: z.array(
    z.looseObject({
      code: text,
      level: z.enum(["note", "invalid"]),
      at: text.optional(),
      touches: z.array(text).max(1_000).optional(),
      happened: text,
      matters: text,
      advice: text,
    }),
  ),
  environment: z.looseObject({ node: text, platform: text, cpu: text, cores: amount }),
});
