import { z } from "zod";
import { LATENCIES, RESULT_SCHEMA } from "../result.ts";

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
  reason: text.optional(),
  requests_needed: amount.optional(),
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

const level = z
  .looseObject({
    name: text,
    load: z.looseObject({ kind: text }),
    stop: z.looseObject({ requests: count.optional(), duration_seconds: amount.optional() }),
    window: z.looseObject({ start: figure, end: figure, seconds: amount }),
    requests: z.looseObject({
      issued: count,
      completed: count,
      failed: count,
      incomplete: count,
      warmup: count,
      failures: z.record(z.string(), count),
    }),
    metrics,
    objectives: z.array(objective),
    timeline: z.array(timelinePoint).max(100_000),
    histograms: z.looseObject(perLatency(histogram)),
    token_source: z.enum(["usage", "chunks", "mixed"]).optional(),
    failure_examples: z.record(z.string(), text),
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
    confidence: z.union([figure.gt(0.5).lt(1), z.literal("none")]),
    objectives: z.array(text),
  }),
  levels: z.array(level).max(10_000),
  findings: z.array(
    z.looseObject({
      code: text,
      level: z.enum(["note", "invalid"]),
      at: text.optional(),
      happened: text,
      matters: text,
      advice: text,
    }),
  ),
  environment: z.looseObject({ node: text, platform: text, cpu: text, cores: amount }),
});
