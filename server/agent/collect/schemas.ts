import { z } from "zod";
import type { Operation } from "../../http/openapi/operation.ts";
import { numeric } from "../../http/parameters.ts";
import { INSTANCE_TYPES } from "./instance-history.ts";

/** A word of a closed set, taken in any case and given in one. */
export function anyCase<const Words extends readonly string[]>(words: Words, to: "upper" | "lower") {
  return z.preprocess(
    (value) =>
      typeof value !== "string" ? value : to === "upper" ? value.toUpperCase() : value.toLowerCase(),
    z.enum(words, { error: `must be one of ${words.join(", ")}` }),
  );
}

export const time = z.string().meta({ description: "ISO 8601, UTC." });
const idError = { error: "must be a text of 1 to 200 characters" };
export const instanceId = z.string(idError).trim().min(1, idError).max(200, idError);
export const instanceType = anyCase(INSTANCE_TYPES, "lower");

const urlError = { error: "must be an http or https address" };
export const collectBody = z.object({
  instance_id: instanceId.meta({ description: "Whatever you call it." }),
  instance_type: instanceType,
  metrics_url: z
    .url({ protocol: /^https?$/, ...urlError })
    .max(2048, urlError)
    .meta({ description: "Where it serves its Prometheus page." }),
});

const limitError = { error: "must be a whole number from 1 to 500" };
export const historyQuery = z.object({
  limit: numeric(
    z.number(limitError).int(limitError).min(1, limitError).max(500, limitError).default(50),
  ).meta({ description: "Readings to give, the last ones, the oldest of them first." }),
});

const figure = z.number().nullable();
const quantiles = z.object({
  p50: z.number().optional(),
  p95: z.number().optional(),
  p99: z.number().optional(),
  above: z
    .array(z.string())
    .optional()
    .meta({ description: "Those that lie above the histogram's last bucket: more than the figure." }),
});

export const metricsAnswer = z.object({
  instance_id: z.string(),
  timestamp: time,
  engine: z.string().meta({ description: "As the page shows by the names it has." }),
  request_metrics: z.object({
    success_total: figure.meta({ description: "Since the engine started, like every total." }),
    failure_total: figure,
    time_to_first_token_seconds: figure.meta({ description: "A mean, like the other times." }),
    time_per_output_token_seconds: figure,
    e2e_request_latency_seconds: figure,
    queue_time_seconds: figure,
    quantiles: z.record(z.string(), quantiles).meta({ description: "By the name of the time, in seconds." }),
  }),
  gpu_metrics: z.object({
    cache_usage_perc: figure.meta({ description: "Of the KV cache, 0 to 100." }),
    memory_usage_bytes: figure,
    num_requests_running: figure,
    num_requests_waiting: figure,
    cache_hit_rate: figure.meta({ description: "Of the prefix cache, 0 to 1." }),
  }),
  throughput_metrics: z.object({
    tokens_per_second: figure.meta({
      description: "Generated ones, between this reading and the one before.",
    }),
    generation_tokens_total: figure,
    prompt_tokens_total: figure,
  }),
  interval_seconds: figure.meta({ description: "Between this reading and the one before." }),
  averaged_over: z.record(z.string(), z.enum(["interval", "lifetime"])).meta({
    description: "Whether a time is of requests since the reading before, or since the engine started.",
  }),
  unavailable: z.array(z.string()).meta({ description: "Fields that are null." }),
  unavailable_reasons: z.record(z.string(), z.string()),
  warnings: z.array(z.string()),
});

const instance = z.object({
  instance_id: z.string(),
  instance_type: z.enum(INSTANCE_TYPES),
  metrics_url: z.string(),
  registered_at: time,
  last_collected_at: time.nullable(),
  error: z.object({ at: time, message: z.string() }).nullable().meta({ description: "Of the last reading." }),
});
export const instancesAnswer = z.object({ instances: z.array(instance) });
export const instanceHistoryAnswer = instance.extend({ snapshots: z.array(metricsAnswer) });

const state = z.enum(["healthy", "unhealthy"]);
const health = z.object({ status: z.literal("healthy"), timestamp: time });
export const detailedHealthAnswer = z.object({
  status: state,
  version: z.string().meta({ description: "Of this API." }),
  uptime_seconds: z.number(),
  dependencies: z.object({ database: state, cache: state }),
  timestamp: time,
});
const config = z.object({
  agent_id: z.string(),
  version: z.string(),
  capabilities: z.array(z.string()),
  polling_interval: z.number().meta({ description: "Seconds between readings of an instance; 0: none." }),
});
const capabilities = z.object({
  capabilities: z.object({
    collectors: z.array(z.string()),
    optimizers: z.array(z.string()),
    workflows: z.array(z.string()),
  }),
  supported_metrics: z.array(z.string()),
});

const tags = ["Instances"];
const unknown = { description: "No instance has that id." };

export const agentMetricsOperations: readonly Operation[] = [
  {
    method: "get",
    path: "/api/v1/health",
    summary: "Say that the server answers",
    tags,
    answers: { 200: { description: "It does.", schema: health } },
  },
  {
    method: "get",
    path: "/api/v1/health/detailed",
    summary: "Try what the server depends on",
    tags,
    answers: {
      200: { description: "All of it works.", schema: detailedHealthAnswer },
      503: { description: "Some of it does not.", schema: detailedHealthAnswer },
    },
  },
  {
    method: "get",
    path: "/api/v1/config",
    summary: "See how instances are watched",
    tags,
    answers: { 200: { description: "The configuration.", schema: config } },
  },
  {
    method: "get",
    path: "/api/v1/capabilities",
    summary: "See what can be collected and advised",
    tags,
    answers: { 200: { description: "The capabilities.", schema: capabilities } },
  },
  {
    method: "post",
    path: "/api/v1/metrics/collect",
    summary: "Read an instance's metrics, and watch it from then on",
    description: "The first reading of an instance takes a second longer: a rate needs two.",
    tags,
    auth: "key",
    body: collectBody,
    bodyAs: "any",
    example: { instance_id: "vllm-1", instance_type: "vllm", metrics_url: "http://localhost:8000/metrics" },
    answers: {
      200: { description: "The metrics; null is what the engine does not export.", schema: metricsAnswer },
      400: { description: "Something in the request is not as it must be; the error says what." },
      500: { description: "The instance answers, but not with metrics of an engine that is known." },
      503: { description: "The instance cannot be reached, or is too slow." },
    },
  },
  {
    method: "get",
    path: "/api/v1/instances",
    summary: "List the instances that are watched",
    tags,
    answers: { 200: { description: "The one that was collected last comes last.", schema: instancesAnswer } },
  },
  {
    method: "get",
    path: "/api/v1/instances/:instance_id/history",
    summary: "See how an instance's metrics went",
    tags,
    query: historyQuery,
    answers: {
      200: { description: "The last readings.", schema: instanceHistoryAnswer },
      400: { description: "The limit is none." },
      404: unknown,
    },
  },
  {
    method: "delete",
    path: "/api/v1/instances/:instance_id",
    summary: "Watch an instance no longer",
    tags,
    auth: "key",
    answers: {
      200: { description: "It is forgotten.", schema: z.object({ deleted: z.string() }) },
      404: unknown,
    },
  },
];
