import { z } from "zod";
import type { Operation } from "../../http/openapi/operation.ts";
import { anyCase, instanceId, instanceType, time } from "../collect/schemas.ts";
import { BOTTLENECK_TYPES, SEVERITIES } from "./bottleneck-rules.ts";
import { metricsBody } from "./facts.ts";

export const detectBody = z.object({ instance_id: instanceId, metrics: metricsBody });

export const detectAnswer = z.object({
  instance_id: z.string(),
  bottlenecks: z.array(
    z.object({
      type: z.enum(BOTTLENECK_TYPES),
      severity: z.enum(SEVERITIES),
      description: z.string(),
      metric_name: z.string(),
      current_value: z.number(),
      threshold_value: z.number(),
      recommendation: z.string(),
      detected_at: time,
    }),
  ),
  analysis_timestamp: time,
});

export const recommendBody = z.object({
  instance_id: instanceId,
  instance_type: instanceType,
  bottlenecks: z
    .array(
      z.looseObject(
        {
          type: anyCase(BOTTLENECK_TYPES, "upper"),
          severity: anyCase(SEVERITIES, "upper")
            .optional()
            .meta({ description: "HIGH where it is left out." }),
        },
        { error: "must be an object with a type" },
      ),
      { error: "must be a list of bottlenecks" },
    )
    .max(100, "must have no more than 100 entries"),
  current_config: z
    .record(z.string(), z.unknown(), { error: "must be an object" })
    .nullish()
    .meta({ description: "Settings as they are, under the engine's own names or ours." }),
});

export const recommendAnswer = z.object({
  instance_id: z.string(),
  optimizations: z.array(
    z.object({
      type: z.enum(["QUANTIZATION", "KV_CACHE", "BATCHING", "SPECULATIVE_DECODING"]),
      priority: z.enum(SEVERITIES),
      description: z.string(),
      estimated_improvement: z
        .record(z.string(), z.number())
        .meta({ description: "Shares of 1; empty where only measuring can tell." }),
      config_changes: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
      risks: z.array(z.string()).optional(),
      engine_args: z.array(z.string()).meta({
        description: "For the engine's command line, a word each; empty where it has no flag for it.",
      }),
      note: z.string().optional(),
      addresses: z.array(z.enum(BOTTLENECK_TYPES)),
      source: z.string().meta({ description: "Where the figures of the estimate come from." }),
    }),
  ),
  recommendation_timestamp: time,
});

const invalid = {
  description: "Something in the request is not as it must be; the error says what and where.",
};

export const agentAnalysisOperations: readonly Operation[] = [
  {
    method: "post",
    path: "/api/v1/analysis/detect-bottlenecks",
    summary: "Find bottlenecks in an instance's metrics",
    description: "Rules with thresholds look at what was collected; what was not measured is passed over.",
    tags: ["Instances"],
    auth: "key",
    body: detectBody,
    example: {
      instance_id: "vllm-1",
      metrics: {
        request_metrics: { time_to_first_token_seconds: 0.15 },
        gpu_metrics: { cache_usage_perc: 90, num_requests_running: 5, num_requests_waiting: 2 },
        throughput_metrics: { tokens_per_second: 500 },
      },
    },
    answers: {
      200: {
        description: "The bottlenecks, the gravest first; none when all is well.",
        schema: detectAnswer,
      },
      400: invalid,
      500: { description: "The analysis failed." },
    },
  },
  {
    method: "post",
    path: "/api/v1/optimization/recommend",
    summary: "Advise what to set differently, given bottlenecks",
    description: "How many GPUs a workload needs is what /api/v1/benchmark/recommend measures.",
    tags: ["Instances"],
    auth: "key",
    body: recommendBody,
    example: {
      instance_id: "vllm-1",
      instance_type: "vllm",
      bottlenecks: [{ type: "MEMORY_PRESSURE", severity: "HIGH", description: "High memory usage" }],
      current_config: { max_batch_size: 32, quantization: null },
    },
    answers: {
      200: { description: "Advice, the most pressing first.", schema: recommendAnswer },
      400: invalid,
      500: { description: "The analysis failed." },
    },
  },
];
