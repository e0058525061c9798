import { z } from "zod";
import type { Operation } from "../../http/openapi/operation.ts";
import { numeric } from "../../http/parameters.ts";
import { RUN_STATUSES } from "../../store/run-store.ts";
import { resultAnswer, runFacts } from "../results/result-schema.ts";
import { loadTestBody } from "./load-test-body.ts";

const limitError = { error: "must be a whole number from 1 to 500" };
const offsetError = { error: "must be a whole number from 0 on" };

export const historyQuery = z.object({
  limit: numeric(
    z.number(limitError).int(limitError).min(1, limitError).max(500, limitError).default(50),
  ).meta({ description: "Runs to give, the newest first." }),
  offset: numeric(z.number(offsetError).int(offsetError).min(0, offsetError).default(0)).meta({
    description: "Runs to pass over.",
  }),
  status: z
    .preprocess(
      (value) => (typeof value === "string" ? value.toLowerCase() : value),
      z.enum(RUN_STATUSES, { error: `must be one of ${RUN_STATUSES.join(", ")}` }).optional(),
    )
    .meta({ description: "Only runs that are this." }),
  model: z
    .string({ error: "must be given once" })
    .optional()
    .meta({ description: "Only runs of this model." }),
});

const figure = z.number().nullable();
const time = z.string().meta({ description: "ISO 8601, UTC." });
const failure = z.object({ code: z.string(), message: z.string() }).meta({ description: "Why it failed." });

const counts = z.object({
  current: z.number().meta({ description: "Requests of this level that have ended." }),
  total: z.number().meta({
    description: "Of this level; where it lasts for a time, what they come to if it goes on like this.",
  }),
  percent: z.number().meta({ description: "Of this level, 0 to 100." }),
});
const place = z.object({
  level: z.number().meta({ description: "Requests in flight." }),
  index: z.number().meta({ description: "From 0." }),
  total: z.number().meta({ description: "Levels of the run." }),
});
const liveMetrics = z.object({
  ttft_avg: figure.meta({ description: "Milliseconds; null until there is one." }),
  ttft_p50: figure,
  e2e_avg: figure,
  throughput_current: figure.meta({ description: "Output tokens per second." }),
  success_count: z.number(),
  error_count: z.number(),
  timestamp: time,
});
const overall = z.number().meta({ description: "Of the whole run, 0 to 100." });
const runProgress = counts.extend({ concurrency: place, overall_percent: overall, metrics: liveMetrics });

export const runAnswer = z.object({
  ...runFacts,
  created_at: time,
  started_at: time.nullable(),
  completed_at: time.nullable(),
  error: failure.optional(),
  progress: runProgress.optional().meta({ description: "While it waits or goes on." }),
});

const started = z.object({
  run_id: z.string(),
  status: z.literal("started"),
  warnings: z.array(z.string()).optional().meta({ description: "What was given and has no effect." }),
});
const underWay = z.object({
  run_id: z.string(),
  status: z.enum(["pending", "running"]),
  progress: runProgress.optional(),
});
const history = z.object({
  runs: z.array(runAnswer),
  total: z.number().meta({ description: "All runs that the filter lets through." }),
  limit: z.number(),
  offset: z.number(),
});
const health = z.object({
  status: z.enum(["healthy", "unhealthy"]),
  version: z.string(),
  timestamp: time,
  dependencies: z.object({ database: z.enum(["connected", "unreachable"]) }),
  runs: z.object({ running: z.number(), pending: z.number() }).optional(),
});
const connections = z.object({
  connections: z.record(z.string(), z.number()).meta({ description: "Those who watch, by run." }),
  total: z.number(),
});

const tags = ["Load tests"];
const params = z.object({ run_id: z.string() });
const unknown = { description: "There is no such run." };
const invalid = { description: "Mistakes in what was given, all of them in `details`." };
const keyless = { description: "The key is missing or wrong." };
const base = "/api/v1/benchmark";

export const runOperations: readonly Operation[] = [
  {
    method: "post",
    path: `${base}/run`,
    summary: "Start a load test",
    tags,
    auth: "key",
    body: loadTestBody,
    example: {
      server_url: "http://localhost:8000",
      model: "qwen3-14b",
      adapter: "openai",
      concurrency: [1, 10, 50],
      num_prompts: 100,
      input_len: 256,
      output_len: 128,
      stream: true,
      warmup: 3,
      timeout: 120,
      goodput_thresholds: { ttft_ms: 500, tpot_ms: 50, e2e_ms: 3000 },
    },
    answers: {
      200: { description: "It is stored and begins when it is its turn.", schema: started },
      400: invalid,
      401: keyless,
    },
  },
  {
    method: "get",
    path: `${base}/run/:run_id`,
    summary: "See how a run is",
    tags,
    auth: "open",
    params,
    answers: { 200: { description: "The run.", schema: runAnswer }, 404: unknown },
  },
  {
    method: "post",
    path: `${base}/run/:run_id/stop`,
    summary: "Stop a run and keep what it measured",
    tags,
    auth: "key",
    params,
    answers: {
      200: {
        description: "It is being stopped.",
        schema: z.object({ run_id: z.string(), status: z.literal("stopping") }),
      },
      401: keyless,
      404: unknown,
      409: { description: "It has ended already." },
    },
  },
  {
    method: "delete",
    path: `${base}/run/:run_id`,
    summary: "Delete a run, stopping it first if need be",
    tags,
    auth: "key",
    params,
    answers: {
      200: { description: "It is gone.", schema: z.object({ deleted: z.string() }) },
      401: keyless,
      404: unknown,
    },
  },
  {
    method: "get",
    path: `${base}/result/:run_id`,
    summary: "Read what a run measured",
    tags,
    auth: "open",
    params,
    answers: {
      200: {
        description: "What was measured, also of a run that failed or was stopped.",
        schema: resultAnswer,
      },
      202: { description: "It is not over yet.", schema: underWay },
      404: unknown,
    },
  },
  {
    method: "get",
    path: `${base}/history`,
    summary: "List runs, the newest first",
    tags,
    auth: "open",
    query: historyQuery,
    answers: { 200: { description: "A page of runs.", schema: history }, 400: invalid },
  },
  {
    method: "get",
    path: `${base}/health`,
    summary: "See whether load tests can be run and stored",
    tags,
    auth: "open",
    answers: {
      200: { description: "They can.", schema: health },
      503: { description: "The database does not answer.", schema: health },
    },
  },
  {
    method: "get",
    path: `${base}/ws/stats`,
    summary: "Count who watches runs",
    tags,
    auth: "open",
    answers: { 200: { description: "WebSocket connections.", schema: connections } },
  },
];
