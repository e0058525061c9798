import { z } from "zod";
import type { Operation } from "../http/openapi/operation.ts";
import { benchmarkRequest } from "./benchmark/routes.ts";
import { BENCHMARK_TYPES } from "./benchmark/scenarios.ts";
import { inferenceRequest } from "./inference-routes.ts";

const count = z.int().min(0);
const figure = z.number();
const unknown = z.number().nullable();
const gigabytes = unknown.meta({ description: "Null where there is no such memory." });

const inferenceAnswer = z.object({
  text: z.string(),
  tokens_generated: count,
  generation_time: figure.meta({ description: "Seconds, without the wait for a slot." }),
  tokens_per_second: unknown,
  memory_used_gb: figure.meta({
    description: "Of the graphics card, or of the process where there is none.",
  }),
});

const metricsAnswer = z.object({
  model_loaded: z.boolean(),
  model: z.string().nullable(),
  gpu_memory_used_gb: gigabytes,
  gpu_memory_total_gb: gigabytes,
  gpu_memory_peak_gb: gigabytes,
  gpu: z.object({
    available: z.boolean(),
    devices: z.array(
      z.object({
        name: z.string(),
        memory_used_gb: unknown,
        memory_total_gb: unknown,
        utilization_percent: unknown,
      }),
    ),
  }),
  system_memory_used_gb: unknown,
  system_memory_peak_gb: unknown,
  process_memory_used_gb: figure,
  memory_samples: z.object({ count, every_seconds: figure }),
  model_memory: z.record(z.string(), unknown).nullable().meta({ description: "In bytes." }),
  avg_tokens_per_second: unknown.meta({
    description: "Of the last hundred generations, as all averages here.",
  }),
  avg_generation_seconds: unknown,
  avg_time_to_first_token_seconds: unknown,
  avg_tokens_generated: unknown,
  averaged_inferences: count,
  total_inferences: count,
  last_inference: z.string().nullable().meta({ description: "ISO 8601, UTC." }),
  requests_running: unknown,
  requests_waiting: unknown,
  queue_limit: unknown,
  largest_step_requests: unknown,
  kv_cache_usage: unknown.meta({ description: "0 to 1." }),
  uptime_seconds: figure,
});

const benchmarkAnswer = z.object({
  benchmark_type: z.enum(BENCHMARK_TYPES),
  iterations: count,
  avg_tokens_per_second: figure,
  min_tokens_per_second: figure,
  max_tokens_per_second: figure,
  p95_tokens_per_second: figure,
  avg_memory_usage_gb: unknown,
  avg_request_tokens_per_second: figure,
  target_tokens_per_second: figure,
  meets_target: z.boolean(),
  concurrency: count,
  requests: count,
  warmup_iterations: count,
  duration_seconds: figure,
  test_prompts: z.array(
    z.object({
      prompt_length: count.meta({ description: "Tokens." }),
      output_length: count.meta({ description: "Tokens." }),
      tokens_per_second: figure,
      memory_usage_gb: unknown,
      kv_cache_bytes: unknown,
    }),
  ),
  skipped_prompts: z.array(z.object({ prompt_length: count, reason: z.string() })),
});

const tags = ["Model"];
const notReady = { description: "The model is not ready, or there is none." };
const invalid = { description: "Mistakes in what was given, all of them in `details`." };
const full = { description: "All slots and the queue are full; see Retry-After." };

export const modelOperations: readonly Operation[] = [
  {
    method: "post",
    path: "/inference",
    summary: "Generate a text",
    description: "With `stream` the answer is Server-Sent Events: a token each, then the event `stats`.",
    tags,
    auth: "key",
    body: inferenceRequest,
    bodyAs: "any",
    example: { prompt: "What is a latency objective?", max_tokens: 50 },
    answers: {
      200: { description: "The text and what it cost.", schema: inferenceAnswer },
      400: invalid,
      429: full,
      503: notReady,
    },
  },
  {
    method: "get",
    path: "/metrics",
    summary: "Read the model's figures",
    description: "Prometheus gets its own text; `format` says it for those who cannot say it in `Accept`.",
    tags,
    query: z.object({ format: z.enum(["json", "prometheus"]).optional() }),
    answers: {
      200: { description: "The figures; null where there is nothing to measure.", schema: metricsAnswer },
      400: invalid,
      500: { description: "They cannot be had." },
    },
  },
  {
    method: "post",
    path: "/benchmark",
    summary: "Measure the model of this server",
    description: "For load tests of any server see `/api/v1/benchmark/run`.",
    tags,
    auth: "key",
    body: benchmarkRequest,
    bodyAs: "any",
    example: { test_type: "standard", iterations: 4 },
    answers: {
      200: { description: "What was measured.", schema: benchmarkAnswer },
      400: invalid,
      409: { description: "Another one is running." },
      503: notReady,
    },
  },
];
