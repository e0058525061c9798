import { z } from "zod";
import { ARRIVALS, PROMPT_CACHES, PROTOCOLS, TRACE_FORMATS } from "../plan/plan.ts";
import { FAILURE_REASONS } from "../send/exchange.ts";

/**
 * The lines of `records.jsonl` as a check, for files that come from elsewhere. Fields it does not name are let
 * through: a newer program may have added them.
 */

/** More machines than that share no plan; a larger number would only be memory. */
const MOST_SHARDS = 10_000;

const text = z.string().max(100_000);
const figure = z.number();
const amount = figure.nonnegative();
const count = amount.int();
const share = amount.max(1);

const range = z.looseObject({ minNs: amount, maxNs: amount });
const lengths = z.discriminatedUnion("kind", [
  z.looseObject({ kind: z.literal("fixed"), tokens: amount }),
  z.looseObject({ kind: z.literal("uniform"), min: amount, max: amount }),
  z.looseObject({
    kind: z.enum(["normal", "lognormal"]),
    mean: amount,
    std: amount,
    min: amount,
    max: amount,
  }),
]);

const openLoop = { arrivals: z.enum(ARRIVALS), burstiness: amount, maxConcurrency: amount.optional() };
const load = z.discriminatedUnion("kind", [
  z.looseObject({ kind: z.literal("closed"), concurrency: count }),
  z.looseObject({ kind: z.literal("open"), requestsPerSecond: amount, ...openLoop }),
  z.looseObject({
    kind: z.literal("stages"),
    of: z.enum(["rate", "concurrency"]),
    stages: z.array(z.looseObject({ durationNs: amount, target: amount })).max(10_000),
    ...openLoop,
  }),
  z.looseObject({ kind: z.literal("users"), users: count, spawnPerSecond: amount, think: range }),
  z.looseObject({ kind: z.literal("replay"), maxConcurrency: amount.optional() }),
]);
const stop = z.looseObject({ requests: count.optional(), durationNs: amount.optional() });
const level = z.looseObject({ index: count.max(100_000), load, stop, warmupRequests: count });

const op = z.enum(["<", "<=", ">", ">="]);
const statistic = z.discriminatedUnion("kind", [
  z.looseObject({ kind: z.literal("quantile"), q: share }),
  z.looseObject({ kind: z.enum(["mean", "min", "max"]) }),
]);
const ofRequests = [
  z.looseObject({ kind: z.literal("latency"), metric: text, statistic }),
  z.looseObject({ kind: z.literal("rate"), metric: text }),
] as const;
const subject = z.discriminatedUnion("kind", [
  ...ofRequests,
  z.looseObject({
    kind: z.literal("goodput_ratio"),
    criteria: z.array(z.looseObject({ metric: text, op, limitNs: amount })).max(1_000),
  }),
  z.looseObject({ kind: z.literal("regression"), of: z.discriminatedUnion("kind", [...ofRequests]) }),
]);

const target = z.looseObject({ url: text, model: text.optional(), protocol: z.enum(PROTOCOLS) });
const shape = z.looseObject({ stop });
const plan = z.looseObject({
  target,
  baseline: target.optional(),
  levels: z.array(level).max(10_000),
  exploration: z
    .discriminatedUnion("kind", [
      z.looseObject({
        kind: z.literal("search"),
        of: z.enum(["rate", "concurrency"]),
        start: amount,
        max: amount,
        tolerance: amount,
        level: shape,
      }),
      z.looseObject({ kind: z.literal("sweep"), rates: count, maxConcurrency: amount, level: shape }),
    ])
    .optional(),
  workload: z.looseObject({
    input: lengths,
    output: lengths,
    prompts: z.looseObject({ kind: z.enum(["synthetic", "builtin", "file"]) }),
    prefixTokens: amount,
    turns: amount,
    turnThink: range,
    promptCache: z.enum(PROMPT_CACHES).optional(),
    ignoreEos: z.boolean(),
    stream: z.boolean(),
    trace: z.looseObject({ path: text, format: z.enum(TRACE_FORMATS), timeScale: amount }).optional(),
  }),
  timeoutNs: amount,
  seed: count,
  promptSalt: text.optional(),
  objectives: z.array(z.looseObject({ text, subject, op, limit: figure })).max(10_000),
  confidence: z.union([figure.gt(0.5).lt(1), z.literal("none")]),
  control: z.looseObject({ untilDecisive: z.boolean(), stopOnOverload: z.boolean() }),
  metricsUrls: z.array(text).max(10_000),
});

export const headerShape = z.looseObject({
  generator: text,
  run_id: text,
  started_at: text,
  environment: z.looseObject({ node: text, platform: text, cpu: text, cores: amount }),
  model: text,
  baselineModel: text.optional(),
  promptSalt: text.optional(),
  shard: z
    .looseObject({ index: count, of: count.min(1).max(MOST_SHARDS) })
    .refine(({ index, of }) => index < of, { message: "names a shard beyond the last" })
    .optional(),
  plan,
});

const side = z.literal("base").optional();

export const requestShape = z.looseObject({
  level: count,
  index: count,
  turn: count.optional(),
  side,
  ramp: z.literal(true).optional(),
  scheduled: amount,
  held: amount.optional(),
  issued: amount,
  sent: amount.optional(),
  firstByte: amount.optional(),
  outputs: z.array(amount).max(10_000_000),
  end: amount,
  status: count.optional(),
  bytes: count,
  inputTokens: count.optional(),
  cachedTokens: count.optional(),
  sharedTokens: count.optional(),
  outputTokens: count,
  tokenSource: z.enum(["usage", "chunks"]),
  outcome: z.enum(["completed", "failed", "incomplete"]),
  failure: z.looseObject({ reason: z.enum(FAILURE_REASONS), detail: text }).optional(),
});

export const startShape = z.looseObject({ level, side, startNs: amount });

export const endShape = z.looseObject({
  level: count,
  side,
  window: z
    .looseObject({ start: amount, end: amount })
    .refine(({ start, end }) => start <= end, { message: "ends before it starts" }),
  host: z.looseObject({ cpuRatio: amount, loopDelayP99: amount, connectionsOpened: count }),
  endedBy: z.enum(["decisive", "max_tokens", "max_errors", "max_error_rate", "overload"]).optional(),
  confidence: figure.gt(0.5).lt(1).optional(),
  server: z.looseObject({ engine: text, replicas: count, unavailable: z.array(text).max(1_000) }).optional(),
});

export const footerShape = z.looseObject({
  state: z.enum(["completed", "cancelled"]),
  durationNs: amount,
});
