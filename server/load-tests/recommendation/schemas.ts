import { z } from "zod";
import type { Operation } from "../../http/openapi/operation.ts";
import { RUN_STATUSES } from "../../store/run-store.ts";
import { findingsAnswer, levelAnswer } from "../results/result-schema.ts";
import { recommendationBody } from "./body.ts";
import { LANGUAGES } from "./reasons.ts";

export const recommendationQuery = z.object({
  language: z
    .enum(LANGUAGES, { error: "must be ko or en" })
    .default("ko")
    .meta({ description: "Of the reasoning." }),
});

const figure = z.number().nullable();
const time = z.string().nullable().meta({ description: "ISO 8601, UTC." });
const failure = z
  .object({ code: z.string(), message: z.string() })
  .nullable()
  .meta({ description: "Why it failed." });
const certainty = z.enum(["shown", "observed"]).meta({
  description: "Shown: at the run's confidence. Observed: seen, with too few requests to show it.",
});

const recommendation = z.object({
  model_name: z.string(),
  recommended_gpu: z.string().meta({ description: '"unknown" where neither request nor server told.' }),
  recommended_count: figure.meta({ description: "Null when nothing can be recommended; see reasoning." }),
  tensor_parallelism: z.number(),
  estimated_max_concurrency: figure,
  estimated_goodput: figure.meta({ description: "0 to 100." }),
  estimated_throughput: figure.meta({ description: "Output tokens per second." }),
  headroom_percent: z.number(),
  calculation_formula: z.string().nullable(),
  calculation: z.string().nullable().meta({ description: "The same in the order in which it is computed." }),
  certainty: certainty.nullable(),
  reasoning: z.string(),
  estimated_monthly_cost_usd: z.number().optional().meta({ description: "Where a price was given." }),
});

const currentInfra = z.object({
  gpu_model: z.string(),
  gpu_count: z.number(),
  gpu_memory_gb: figure,
  max_concurrency_at_slo: figure.meta({
    description: "Highest step that keeps the objective with all lower ones.",
  }),
  throughput_tokens_per_sec: figure,
  goodput_at_max_concurrency: figure,
  saturation_concurrency: figure.meta({ description: "Lowest step that does not keep it." }),
  saturation_goodput: figure,
});

export const recommendationAnswer = z
  .object({
    run_id: z.string(),
    status: z.enum(RUN_STATUSES),
    recommendation: recommendation.nullable().meta({ description: "Null when the run did not complete." }),
    current_infra: currentInfra.nullable(),
    slo_met: z.boolean().nullable().meta({ description: "Whether any step keeps the objective." }),
    consistent: z.boolean().nullable().meta({
      description: "False when a higher step keeps what a lower one does not: measure again.",
    }),
    client_limited: z.boolean().nullable().meta({
      description: "The generator was the limit, so that nothing is recommended.",
    }),
    workload: z.record(z.string(), z.unknown()),
    test_results: z.array(
      levelAnswer.extend({
        meets_slo: z.boolean().optional(),
        in_flight: z.number().optional().meta({ description: "Most that can have been in flight." }),
        certainty: certainty.optional(),
      }),
    ),
    findings: findingsAnswer,
    started_at: time,
    completed_at: time,
    duration_seconds: figure,
    error: failure,
  })
  .meta({ description: "How many GPUs the workload needs, and what that rests on." });

const statusAnswer = z.object({
  run_id: z.string(),
  status: z.enum(RUN_STATUSES),
  server_url: z.string(),
  model: z.string(),
  created_at: z.string(),
  started_at: time,
  completed_at: time,
  error: failure,
  progress: z
    .record(z.string(), z.unknown())
    .optional()
    .meta({ description: "While it waits or goes on, as of any run." }),
});

const tags = ["Recommendations"];
const base = "/api/v1/benchmark/recommend";
const params = z.object({ run_id: z.string() });
const unknown = { description: "There is no such recommendation." };
const invalid = { description: "Mistakes in what was given, all of them in `details`." };

export const recommendOperations: readonly Operation[] = [
  {
    method: "post",
    path: base,
    summary: "Start a recommendation of how many GPUs a workload needs",
    tags,
    auth: "key",
    body: recommendationBody,
    example: {
      server_url: "http://localhost:8000",
      model: "qwen3-14b",
      adapter: "openai",
      workload: {
        peak_concurrency: 500,
        avg_input_tokens: 256,
        avg_output_tokens: 512,
        ttft_target_ms: 500,
        tpot_target_ms: 50,
        goodput_target_percent: 95,
      },
      headroom_percent: 20,
      test_config: { concurrency_steps: [1, 10, 50, 100, 200], num_requests_per_step: 50 },
    },
    answers: {
      200: {
        description: "It is stored and begins when it is its turn.",
        schema: z.object({
          run_id: z.string(),
          status: z.literal("started"),
          warnings: z.array(z.string()).optional().meta({ description: "What will not work as it looks." }),
        }),
      },
      400: invalid,
    },
  },
  {
    method: "get",
    path: `${base}/{run_id}`,
    summary: "See how a recommendation is",
    tags,
    auth: "open",
    params,
    answers: { 200: { description: "Its state.", schema: statusAnswer }, 404: unknown },
  },
  {
    method: "get",
    path: `${base}/{run_id}/result`,
    summary: "Read a recommendation",
    tags,
    auth: "open",
    params,
    query: recommendationQuery,
    answers: {
      200: { description: "The recommendation.", schema: recommendationAnswer },
      202: { description: "It is not over yet.", schema: statusAnswer },
      400: invalid,
      404: unknown,
    },
  },
  {
    method: "delete",
    path: `${base}/{run_id}`,
    summary: "Delete a recommendation, stopping it first if need be",
    tags,
    auth: "key",
    params,
    answers: {
      200: { description: "It is gone.", schema: z.object({ deleted: z.string() }) },
      404: unknown,
    },
  },
];
