import { z } from "zod";
import { RUN_STATUSES } from "../../store/run-store.ts";
import { validationAnswer } from "../validation/schema.ts";

const figure = z.number().nullable();
const percent = figure.meta({ description: "0 to 100." });
const time = z.string().meta({ description: "ISO 8601, UTC." });

const latency = z
  .object({
    min: z.number(),
    max: z.number(),
    mean: z.number(),
    median: z.number(),
    p50: z.number(),
    p90: z.number(),
    p95: z.number(),
    p99: z.number(),
    std: z.number(),
  })
  .nullable()
  .meta({ description: "Milliseconds, over requests that completed; null when none has it." });

const satisfied = z
  .number()
  .nullable()
  .optional()
  .meta({ description: "Requests that kept this threshold." });
const goodput = z.object({
  thresholds: z.record(z.string(), z.number()).meta({ description: "Milliseconds." }),
  satisfied_requests: z.number(),
  total_requests: z.number().meta({ description: "All that ended: one that failed is not good." }),
  goodput_percent: z.number(),
  ttft_satisfied: satisfied,
  tpot_satisfied: satisfied,
  itl_satisfied: satisfied,
  e2e_satisfied: satisfied,
});

export const levelAnswer = z.object({
  level: z.string().meta({ description: "What people call it: concurrency 10." }),
  concurrency: figure.meta({ description: "Requests in flight, or users." }),
  rate: z.number().optional().meta({ description: "Requests per second that were sent." }),
  ttft: latency,
  tpot: latency.optional(),
  itl: latency.optional(),
  e2e_latency: latency,
  throughput_tokens_per_sec: figure.meta({ description: "Output tokens." }),
  request_rate_per_sec: figure.meta({ description: "Requests that completed." }),
  total_requests: z.number().meta({ description: "All that completed or failed." }),
  successful_requests: z.number(),
  failed_requests: z.number(),
  incomplete_requests: z.number().optional().meta({ description: "Cut off when the level ended." }),
  error_rate_percent: percent,
  failures: z.record(z.string(), z.number()).optional().meta({ description: "How many, by reason." }),
  failure_examples: z.record(z.string(), z.string()).optional().meta({ description: "One for each reason." }),
  total_input_tokens: figure,
  total_output_tokens: figure,
  token_source: z.string().optional().meta({ description: "Who counted them: usage, chunks or mixed." }),
  duration_seconds: z.number(),
  goodput: goodput.optional(),
});

const summary = z.object({
  best_throughput: figure.meta({ description: "Output tokens per second, the most of all levels." }),
  best_ttft_p50: figure.meta({ description: "Milliseconds, the least of all levels." }),
  best_concurrency: figure.meta({ description: "Of the level with the most output tokens per second." }),
  total_requests: z.number(),
  overall_error_rate: percent,
  avg_goodput_percent: z.number().optional().meta({ description: "Over all requests of all levels." }),
});

/** What every answer about a run begins with. */
export const runFacts = {
  run_id: z.string(),
  kind: z.enum(["load_test", "virtual_users", "recommendation"]),
  status: z.enum(RUN_STATUSES),
  server_url: z.string(),
  model: z.string(),
  adapter: z.string(),
  framework: z.string().nullable(),
  config: z.record(z.string(), z.unknown()).meta({ description: "What was asked for; no key is in it." }),
};

export const findingsAnswer = z.array(
  z.object({
    code: z.string(),
    level: z.enum(["note", "invalid"]),
    at: z.string().optional(),
    touches: z
      .array(z.string())
      .readonly()
      .optional()
      .meta({ description: "Metrics that it may have changed." }),
    happened: z.string(),
    matters: z.string(),
    advice: z.string(),
  }),
);

export const resultAnswer = z
  .object({
    ...runFacts,
    results: z.array(levelAnswer).meta({ description: "One for each level that was measured." }),
    summary,
    gpu_metrics: z.object({ memory_used_gb_max: z.number() }).optional(),
    server_infra: z
      .object({
        engine: z.string(),
        replicas: z.number(),
        cache_usage_perc_max: percent,
        requests_running_max: figure,
        requests_waiting_max: figure,
      })
      .optional()
      .meta({ description: "What the server's own metrics page said." }),
    validation: validationAnswer.optional(),
    valid: z.boolean().optional().meta({ description: "Whether what was measured may be believed." }),
    verdict: z.string().optional().meta({ description: "met, violated or inconclusive." }),
    findings: findingsAnswer
      .optional()
      .meta({ description: "What should be known before the figures are believed." }),
    created_at: time,
    started_at: time.nullable(),
    completed_at: time.nullable(),
    duration_seconds: figure.meta({
      description: "From beginning to end, with all that is around the load.",
    }),
    error: z.object({ code: z.string(), message: z.string() }).optional(),
  })
  .meta({ description: "What a run measured; a figure that was not measured is null or absent, never 0." });
