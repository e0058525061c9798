import { ConfigError, parseConfig } from "../../../src/index.ts";
import { ApiError } from "../../http/errors.ts";
import { validate } from "../../http/validation.ts";
import { ADAPTERS } from "../runs/load-test-body.ts";
import type { RunRequest } from "../runs/run-request.ts";
import { unknownKeys } from "../runs/unknown-keys.ts";
import {
  infraBody,
  type RecommendationBody,
  recommendationBody,
  testConfigBody,
  workloadBody,
} from "./body.ts";

export interface RecommendationRequest {
  readonly question: CapacityQuestion;
  /** Without what is made of the result. */
  readonly request: RunRequest;
  readonly warnings: readonly string[];
}

/** What is asked, all that the answer needs beside the measured levels. */
export interface CapacityQuestion {
  readonly model: string;
  readonly serverUrl: string;
  readonly workload: RecommendationBody["workload"];
  readonly headroomPercent: number;
  readonly requestsPerStep: number;
  /** As far as the request says. */
  readonly gpus: {
    readonly model: string | undefined;
    readonly count: number | undefined;
    readonly memoryGb: number | undefined;
    readonly tensorParallelism: number | undefined;
    readonly hourlyUsd: number | undefined;
  };
}

/** @throws ApiError VALIDATION_ERROR with all mistakes at once. */
export function readRecommendation(given: object): RecommendationRequest {
  const body = validate(recommendationBody, given);
  const test = testConfigBody.parse(body.test_config ?? {});
  const { workload } = body;
  const plan = planOf(body, test);
  try {
    parseConfig(plan, (key) => API_NAMES[key] ?? key);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const details = error.mistakes.map(({ field, message }) => ({ field: field.split(" ")[0]!, message }));
    throw new ApiError(
      "VALIDATION_ERROR",
      details.map(({ field, message }) => `${field}: ${message}`).join("; "),
      { details },
    );
  }
  const gpus = gpusOf(body);
  return {
    question: {
      model: body.model,
      serverUrl: body.server_url,
      workload,
      headroomPercent: body.headroom_percent,
      requestsPerStep: test.num_requests_per_step,
      gpus,
    },
    warnings: [...unknownIn(given), ...tooFewRequests(test)],
    request: {
      run: {
        kind: "recommendation",
        serverUrl: body.server_url,
        model: body.model,
        adapter: body.adapter,
        framework: undefined,
        config: {
          concurrency: test.concurrency_steps,
          num_prompts: test.num_requests_per_step,
          input_len: workload.avg_input_tokens,
          output_len: workload.avg_output_tokens,
          workload: known(workloadBody.shape, workload),
          headroom_percent: body.headroom_percent,
          test_config: known(testConfigBody.shape, test),
          ...(body.infra && { infra: known(infraBody.shape, body.infra) }),
          ...known(infraBody.shape, body),
          stream: true,
          ...(body.warmup != null && { warmup: body.warmup }),
          timeout: body.timeout,
          ...(body.api_key && { api_key: "***" }),
        },
        notes: "",
      },
      plan,
      ...(body.api_key && { apiKey: body.api_key }),
    },
  };
}

/** Fixed, so that two runs send prompts of the same lengths in the same order. */
const SEED = 1;

function planOf(
  body: RecommendationBody,
  test: { readonly concurrency_steps: readonly number[]; readonly num_requests_per_step: number },
): Readonly<Record<string, unknown>> {
  const { workload } = body;
  const criteria = [`ttft < ${workload.ttft_target_ms}ms`, `tpot < ${workload.tpot_target_ms}ms`];
  return {
    url: body.server_url,
    model: body.model,
    protocol: ADAPTERS[body.adapter],
    concurrency: test.concurrency_steps,
    requests: test.num_requests_per_step,
    "input-tokens": workload.avg_input_tokens,
    "output-tokens": workload.avg_output_tokens,
    stream: true,
    ...(body.warmup != null && { warmup: body.warmup }),
    timeout: body.timeout,
    seed: SEED,
    // Both together are what a level is judged by; each by itself tells which of them was not kept.
    slo: [criteria.join(", "), ...criteria].map(
      (line) => `goodput_ratio(${line}) >= ${workload.goodput_target_percent}%`,
    ),
  };
}

/** The engine's names for what the API calls otherwise. */
const API_NAMES: Readonly<Record<string, string>> = {
  url: "server_url",
  protocol: "adapter",
  concurrency: "test_config.concurrency_steps",
  requests: "test_config.num_requests_per_step",
  "input-tokens": "workload.avg_input_tokens",
  "output-tokens": "workload.avg_output_tokens",
  slo: "workload",
};

function gpusOf(body: RecommendationBody): CapacityQuestion["gpus"] {
  const { infra } = body;
  return {
    model: (infra?.gpu_model ?? body.gpu_model)?.trim() || undefined,
    count: infra?.gpu_count ?? body.gpu_count ?? undefined,
    memoryGb: infra?.gpu_memory_gb ?? body.gpu_memory_gb ?? undefined,
    tensorParallelism: infra?.tensor_parallelism ?? body.tensor_parallelism ?? undefined,
    hourlyUsd: infra?.gpu_hourly_usd ?? body.gpu_hourly_usd ?? undefined,
  };
}

function known(shape: object, value: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).filter(([name, one]) => name in shape && one != null));
}

function unknownIn(given: object): string[] {
  const { workload, test_config, infra } = given as Readonly<Record<string, unknown>>;
  return [
    ...unknownKeys(given, Object.keys(recommendationBody.shape)),
    ...unknownKeys(workload, Object.keys(workloadBody.shape), "workload."),
    ...unknownKeys(test_config, Object.keys(testConfigBody.shape), "test_config."),
    ...unknownKeys(infra, Object.keys(infraBody.shape), "infra."),
  ];
}

function tooFewRequests(test: {
  readonly concurrency_steps: readonly number[];
  readonly num_requests_per_step: number;
}): string[] {
  const highest = Math.max(...test.concurrency_steps);
  const requests = test.num_requests_per_step;
  return highest <= requests
    ? []
    : [
        `test_config.num_requests_per_step is ${requests}, so that no more than ${requests} requests are ever in flight and no higher concurrency can be shown; give at least ${highest} for the step of ${highest}.`,
      ];
}
