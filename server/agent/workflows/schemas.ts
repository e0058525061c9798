import { z } from "zod";
import type { Operation } from "../../http/openapi/operation.ts";
import { numeric, truth } from "../../http/parameters.ts";
import { detectAnswer, recommendAnswer } from "../analysis/schemas.ts";
import { INSTANCE_TYPES } from "../collect/instance-history.ts";
import { anyCase, instanceId, instanceType, time } from "../collect/schemas.ts";
import type { ChangeState, Judgement, Stage } from "./workflow.ts";
import { STAGES, WORKFLOW_STATUSES, WORKFLOW_TYPES } from "./workflow.ts";

export const workflowBody = z.object({
  instance_id: instanceId,
  instance_type: instanceType,
  workflow_type: anyCase(WORKFLOW_TYPES, "lower").default("optimization").meta({
    description: "analysis: nothing is changed, so that nothing needs approval.",
  }),
  auto_approve: truth(z.boolean({ error: "must be true or false" }).default(false)).meta({
    description: "Whether it is carried out without anybody's approval.",
  }),
});

const limitError = { error: "must be a whole number from 1 to 500" };
export const workflowsQuery = z.object({
  status: anyCase(WORKFLOW_STATUSES, "upper")
    .optional()
    .meta({ description: "Only workflows that are this." }),
  instance_id: z
    .string({ error: "must be given once" })
    .optional()
    .meta({ description: "Only this instance's." }),
  limit: numeric(
    z.number(limitError).int(limitError).min(1, limitError).max(500, limitError).default(50),
  ).meta({ description: "Workflows to give, the newest first." }),
});

const nameError = { error: "must be a text of 1 to 200 characters" };
const operator = z.string(nameError).trim().min(1, nameError).max(200, nameError).default("operator");
const reasonError = { error: "must be a text of no more than 2000 characters" };

export const approveBody = z.object({ approved_by: operator });
export const rejectBody = z.object({
  reason: z.string(reasonError).max(2000, reasonError).nullish(),
  rejected_by: operator,
});

const status = z.enum(WORKFLOW_STATUSES);
const mode = z.enum(["applied", "advisory"]).meta({
  description: "advisory: nobody has told this server how to change the instance, so that people do.",
});
const analysis = z.object({
  source: z.enum(["metrics", "none"]),
  reason: z.string().optional().meta({ description: "Why there were no metrics to look at." }),
  bottlenecks: detectAnswer.shape.bottlenecks,
});
const { optimizations } = recommendAnswer.shape;

export const startedAnswer = z.object({
  workflow_id: z.string().meta({ description: '"wf-" and a UUID.' }),
  status,
  instance_id: z.string(),
  optimizations,
  created_at: time,
  requires_approval: z.boolean(),
  mode,
  analysis,
});

const stage = z.object({
  name: z.enum(STAGES),
  status: z.enum([
    "IN_PROGRESS",
    "COMPLETED",
    "FAILED",
    "SKIPPED",
  ] as const satisfies readonly Stage["status"][]),
  started_at: time,
  completed_at: time.optional(),
  progress: z.number().optional().meta({ description: "0 to 1, while it is in progress." }),
  message: z.string().optional().meta({ description: "What came of it, or why it was skipped or failed." }),
});
const change = z.object({
  state: z.enum([
    "not_applied",
    "applying",
    "applied",
    "rolling_back",
    "rolled_back",
    "rollback_failed",
  ] as const satisfies readonly ChangeState[]),
  config_changes: z.record(z.string(), z.unknown()).meta({ description: "Of all optimizations together." }),
  engine_args: z.array(z.string()),
  previous_config: z
    .record(z.string(), z.unknown())
    .nullable()
    .meta({ description: "As the instance told it before anything was applied." }),
  restored: z
    .boolean()
    .nullable()
    .meta({ description: "Whether it told the same after the rollback; null where nobody could tell." }),
});
const judgement = z.object({
  outcome: z.enum([
    "better",
    "no_regression",
    "regressed",
    "not_measured",
  ] as const satisfies readonly Judgement["outcome"][]),
  reasons: z.array(z.string()),
});

const entry = z.object({
  workflow_id: z.string(),
  status,
  instance_id: z.string(),
  instance_type: z.enum(INSTANCE_TYPES),
  workflow_type: z.enum(WORKFLOW_TYPES),
  mode,
  created_at: time,
  updated_at: time,
});
export const workflowsAnswer = z.array(entry);

export const workflowAnswer = entry.extend({
  current_stage: z.enum(STAGES).meta({ description: "The last one that has begun." }),
  progress: z.number().meta({ description: "0 to 1, of all stages." }),
  stages: z.array(stage).meta({ description: "Those that have begun or were skipped, in their order." }),
  analysis,
  optimizations,
  change,
  before_run_id: z.string().nullable().meta({ description: "The load test before the change, as a run." }),
  after_run_id: z.string().nullable(),
  judgement: judgement.nullable().meta({ description: "What the two load tests say of the change." }),
  approval: z.object({ approved_at: time, approved_by: z.string() }).nullable(),
  rejection: z
    .object({ rejected_at: time, rejected_by: z.string(), reason: z.string().nullable() })
    .nullable(),
  error: z
    .object({ code: z.string(), message: z.string() })
    .nullable()
    .meta({ description: "Why it failed or was rolled back." }),
});

export const approvedAnswer = z.object({
  workflow_id: z.string(),
  status,
  approved_at: time,
  approved_by: z.string(),
});
export const rejectedAnswer = z.object({
  workflow_id: z.string(),
  status,
  rejected_at: time,
  rejected_by: z.string(),
  reason: z.string().nullable(),
});

const tags = ["Workflows"];
const params = z.object({ workflow_id: z.string() });
const invalid = { description: "Something in the request is not as it must be; the error says what." };
const unknown = { description: "There is no such workflow." };
const decided = { description: "It has been decided already; nothing was changed." };

export const workflowOperations: readonly Operation[] = [
  {
    method: "post",
    path: "/api/v1/workflows",
    summary: "Look at an instance, and advise what to change",
    description:
      "Once approved, the change is made by the hooks that the operator has set up for the instance, measured " +
      "by load tests before and after, and undone if anything became worse. Without hooks it is advice.",
    tags,
    auth: "key",
    body: workflowBody,
    bodyAs: "any",
    example: {
      instance_id: "vllm-1",
      instance_type: "vllm",
      workflow_type: "optimization",
      auto_approve: false,
    },
    answers: {
      201: { description: "The workflow, with what is advised.", schema: startedAnswer },
      400: invalid,
      500: { description: "It could not be stored." },
    },
  },
  {
    method: "get",
    path: "/api/v1/workflows",
    summary: "List workflows",
    tags,
    query: workflowsQuery,
    answers: { 200: { description: "The newest first.", schema: workflowsAnswer }, 400: invalid },
  },
  {
    method: "get",
    path: "/api/v1/workflows/:workflow_id",
    summary: "See how a workflow goes, or went",
    tags,
    params,
    answers: { 200: { description: "The workflow.", schema: workflowAnswer }, 404: unknown },
  },
  {
    method: "post",
    path: "/api/v1/workflows/:workflow_id/approve",
    summary: "Approve a workflow, which is then carried out",
    tags,
    auth: "key",
    params,
    body: approveBody,
    bodyAs: "any",
    example: { approved_by: "operator" },
    answers: {
      200: { description: "It is approved.", schema: approvedAnswer },
      400: invalid,
      404: unknown,
      409: decided,
    },
  },
  {
    method: "post",
    path: "/api/v1/workflows/:workflow_id/reject",
    summary: "Reject a workflow, which then ends",
    tags,
    auth: "key",
    params,
    body: rejectBody,
    bodyAs: "any",
    example: { reason: "Risk too high for production" },
    answers: {
      200: { description: "It is rejected.", schema: rejectedAnswer },
      400: invalid,
      404: unknown,
      409: decided,
    },
  },
];
