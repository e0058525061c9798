import { z } from "zod";
import { loadTestBody } from "../runs/load-test-body.ts";

const object = { error: "must be an object" };
const whole = (least: number) => {
  const error = `must be a whole number from ${least} on`;
  return z.number({ error }).int({ error }).min(least, { error });
};
const above0 = (what: string) => {
  const error = `must be ${what} above 0`;
  return z.number({ error }).positive({ error });
};
const between = (least: number, most: number) => {
  const error = `must be a number from ${least} to ${most}`;
  return z.number({ error }).min(least, { error }).max(most, { error });
};
const HOUR_MS = 3_600_000;
const text = () => z.string({ error: "must be a text" });

export const workloadBody = z.looseObject(
  {
    peak_concurrency: whole(1).meta({ description: "Requests in flight at the busiest moment." }),
    daily_active_users: whole(1).nullish().meta({ description: "Kept with the result." }),
    requests_per_user_per_day: above0("a number").default(10).meta({ description: "Kept with the result." }),
    avg_input_tokens: whole(1).default(256).meta({ description: "Tokens per prompt of the test." }),
    avg_output_tokens: whole(1).default(512).meta({ description: "Most tokens per answer of the test." }),
    ttft_target_ms: between(0.001, HOUR_MS).default(500),
    tpot_target_ms: between(0.001, HOUR_MS).default(50),
    goodput_target_percent: between(0, 100)
      .default(95)
      .meta({ description: "Of all requests, how many must keep both targets." }),
  },
  object,
);

export const testConfigBody = z.looseObject(
  {
    concurrency_steps: z
      .array(whole(1), { error: "must be a list of whole numbers, for example [1, 10, 50]" })
      .min(1, { error: "must have at least one step" })
      .refine((steps) => new Set(steps).size === steps.length, "must not have a step twice")
      .default([1, 10, 50, 100, 200])
      .meta({ description: "Requests in flight, a level each, run in this order." }),
    num_requests_per_step: whole(1)
      .default(50)
      .meta({ description: "With fewer than a step's concurrency, that is never reached." }),
  },
  object,
);

export const infraBody = z.looseObject(
  {
    gpu_model: text()
      .nullish()
      .meta({ description: "Of the server that is tested; from its metrics otherwise." }),
    gpu_count: whole(1).nullish().meta({ description: "GPUs that were tested together; 1 if unknown." }),
    gpu_memory_gb: above0("a number of GB").nullish().meta({ description: "Of one GPU." }),
    tensor_parallelism: whole(1).nullish().meta({ description: "GPUs that hold one copy of the model." }),
    gpu_hourly_usd: above0("a price").nullish().meta({ description: "Of one GPU, for the monthly cost." }),
  },
  object,
);

const { server_url, model, adapter, timeout, api_key } = loadTestBody.shape;

export const recommendationBody = z
  .looseObject({
    server_url,
    model,
    adapter,
    workload: workloadBody,
    headroom_percent: between(0, 1000).default(20).meta({ description: "Kept free at the peak." }),
    test_config: testConfigBody.nullish(),
    ...infraBody.shape,
    infra: infraBody.nullish().meta({ description: "The same, together; it holds where both are given." }),
    stream: z
      .literal(true, { error: "must be true: without a stream there is no first token to time" })
      .default(true),
    warmup: whole(0).nullish().meta({
      description: "Requests before each level; one per request in flight, at least 3, if not given.",
    }),
    timeout,
    api_key,
  })
  .meta({ description: "A workload, and the server whose capacity is measured for it." });

export type RecommendationBody = z.output<typeof recommendationBody>;
