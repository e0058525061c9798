import Router from "@koa/router";
import type { z } from "zod";
import { ApiError } from "../../http/errors.ts";
import { parameters } from "../../http/parameters.ts";
import { rounded } from "../../http/rounding.ts";
import { validateAgent } from "../agent-validation.ts";
import {
  approveBody,
  type approvedAnswer,
  rejectBody,
  type rejectedAnswer,
  type startedAnswer,
  type workflowAnswer,
  workflowBody,
  type workflowsAnswer,
  workflowsQuery,
} from "./schemas.ts";
import type { Stage, Workflow, Workflows } from "./workflow.ts";
import { currentStage, workflowProgress } from "./workflow-progress.ts";

export { workflowOperations } from "./schemas.ts";

export interface WorkflowRouteDeps {
  readonly workflows: Workflows;
}

/** Advice on an instance, decided on by an operator and carried out. */
export function workflowRoutes({ workflows }: WorkflowRouteDeps): Router {
  const router = new Router({ prefix: "/api/v1/workflows" });

  router.post("/", async (ctx) => {
    const { instance_id, instance_type, workflow_type, auto_approve } = validateAgent(
      workflowBody,
      parameters(ctx),
    );
    const workflow = await workflows.start({
      instanceId: instance_id,
      instanceType: instance_type,
      type: workflow_type,
      autoApprove: auto_approve,
    });
    ctx.status = 201;
    ctx.body = {
      workflow_id: workflow.workflowId,
      status: workflow.status,
      instance_id: workflow.instanceId,
      optimizations: workflow.optimizations,
      created_at: workflow.createdAt,
      requires_approval: workflow.status === "PENDING_APPROVAL",
      mode: workflow.mode,
      analysis: workflow.analysis,
    } satisfies Answer<typeof startedAnswer>;
  });

  router.get("/", async (ctx) => {
    const { status, instance_id, limit } = validateAgent(workflowsQuery, { ...ctx.query });
    const filter = {
      ...(status && { status }),
      ...(instance_id !== undefined && { instanceId: instance_id }),
    };
    const found = await workflows.list(filter, limit);
    ctx.body = found.map(entryOf) satisfies Answer<typeof workflowsAnswer>;
  });

  router.get("/:workflow_id", async (ctx) => {
    const id = ctx.params.workflow_id ?? "";
    ctx.body = viewOf((await workflows.find(id)) ?? notFound(id));
  });

  router.post("/:workflow_id/approve", async (ctx) => {
    const { approved_by } = validateAgent(approveBody, parameters(ctx));
    const workflow = await workflows.approve(ctx.params.workflow_id ?? "", approved_by);
    ctx.body = { ...decisionOn(workflow), ...approvalOf(workflow)! } satisfies Answer<typeof approvedAnswer>;
  });

  router.post("/:workflow_id/reject", async (ctx) => {
    const { reason, rejected_by } = validateAgent(rejectBody, parameters(ctx));
    const workflow = await workflows.reject(ctx.params.workflow_id ?? "", rejected_by, reason ?? undefined);
    ctx.body = { ...decisionOn(workflow), ...rejectionOf(workflow)! } satisfies Answer<typeof rejectedAnswer>;
  });

  return router;
}

/** The schema's lists may be written to, ours not; JSON knows no difference. */
type Answer<Schema extends z.ZodType> = ReadonlyOf<z.input<Schema>>;
type ReadonlyOf<Value> = Value extends object
  ? { readonly [Key in keyof Value]: ReadonlyOf<Value[Key]> }
  : Value;

function entryOf(workflow: Workflow) {
  return {
    workflow_id: workflow.workflowId,
    status: workflow.status,
    instance_id: workflow.instanceId,
    instance_type: workflow.instanceType,
    workflow_type: workflow.type,
    mode: workflow.mode,
    created_at: workflow.createdAt,
    updated_at: workflow.updatedAt,
  };
}

function viewOf(workflow: Workflow): Answer<typeof workflowAnswer> {
  const { stages, change } = workflow;
  return {
    ...entryOf(workflow),
    current_stage: currentStage(stages),
    progress: rounded(workflowProgress(workflow), 4),
    stages: stages.map(stageOf),
    analysis: workflow.analysis,
    optimizations: workflow.optimizations,
    change: {
      state: change.state,
      config_changes: change.configChanges,
      engine_args: change.engineArgs,
      previous_config: change.previousConfig ?? null,
      restored: change.restored ?? null,
    },
    before_run_id: workflow.beforeRunId ?? null,
    after_run_id: workflow.afterRunId ?? null,
    judgement: workflow.judgement ?? null,
    approval: approvalOf(workflow),
    rejection: rejectionOf(workflow),
    error: workflow.error ?? null,
  };
}

function stageOf({ name, status, startedAt, completedAt, progress, message }: Stage) {
  return {
    name,
    status,
    started_at: startedAt,
    ...(completedAt !== undefined && { completed_at: completedAt }),
    ...(progress !== undefined && { progress }),
    ...(message !== undefined && { message }),
  };
}

function decisionOn({ workflowId, status }: Workflow) {
  return { workflow_id: workflowId, status };
}

function approvalOf({ approval }: Workflow) {
  return approval === undefined ? null : { approved_at: approval.at, approved_by: approval.by };
}

function rejectionOf({ rejection }: Workflow) {
  if (rejection === undefined) return null;
  return { rejected_at: rejection.at, rejected_by: rejection.by, reason: rejection.reason ?? null };
}

function notFound(id: string): never {
  throw new ApiError("NOT_FOUND", `There is no workflow ${JSON.stringify(id.slice(0, 100))}.`);
}
