import { randomUUID } from "node:crypto";
import type { Logger } from "pino";
import { ApiError } from "../../http/errors.ts";
import type { Agent } from "../agent.ts";
import { detectBottlenecks } from "../analysis/detect-bottlenecks.ts";
import { factsOf } from "../analysis/facts.ts";
import { type Optimization, recommendOptimizations } from "../analysis/recommend-optimizations.ts";
import { reasonOf } from "../collect/collector.ts";
import type { Instance, InstanceSnapshot } from "../collect/instance-history.ts";
import { type Config, readConfig } from "./instance-config.ts";
import type { InstancePlan, RunHook } from "./instance-plan.ts";
import { begin, end, skipRest } from "./stages.ts";
import type { Stage, Workflow, WorkflowRequest } from "./workflow.ts";

export interface BeginDeps {
  readonly log: Pick<Logger, "error">;
  readonly agent: Pick<Agent, "collect" | "history">;
  readonly plan: InstancePlan | undefined;
  readonly runHook: RunHook;
  readonly signal: AbortSignal;
  /** ISO 8601, UTC. */
  readonly timestamp: () => string;
}

/** Looks at an instance and advises: a workflow that is ready for a decision, or has come to its end with the advice. */
export async function beginWorkflow(request: WorkflowRequest, deps: BeginDeps): Promise<Workflow> {
  const { plan, timestamp } = deps;
  const empty = emptyWorkflow(request, timestamp());

  let stages = begin([], "ANALYSIS", empty.createdAt);
  const seen = await lookAt(request, deps);
  const bottlenecks = "snapshot" in seen ? findingsIn(seen.snapshot, timestamp()) : [];
  const analysis: Workflow["analysis"] =
    "snapshot" in seen
      ? { source: "metrics", bottlenecks }
      : { source: "none", reason: seen.reason, bottlenecks };
  stages =
    "snapshot" in seen
      ? end(stages, "COMPLETED", timestamp(), findingsSentence(bottlenecks))
      : skipRest([], timestamp(), `There were no metrics to look at: ${seen.reason}`, "RECOMMENDATION");

  stages = begin(stages, "RECOMMENDATION", timestamp());
  const current = await currentConfig(empty, deps);
  const engine =
    "snapshot" in seen && seen.snapshot.metrics.engine === "llamacpp" ? "llamacpp" : request.instanceType;
  const optimizations = recommendOptimizations(bottlenecks, engine, current.config ?? {});
  const told = [adviceSentence(optimizations), current.failure].filter((one) => one !== undefined).join(" ");
  stages = end(stages, "COMPLETED", timestamp(), told);

  const change = { ...empty.change, ...mergedChanges(optimizations), previousConfig: current.config };
  const applies = request.type === "optimization" && plan !== undefined && optimizations.length > 0;
  const advised: Workflow = {
    ...empty,
    mode: applies ? "applied" : "advisory",
    analysis,
    optimizations,
    change,
    stages,
    updatedAt: timestamp(),
  };
  return { ...advised, ...decided(advised, request, timestamp) };
}

/** Where this server has no more to do, it is over; else somebody has to decide, or has done so beforehand. */
function decided(
  { stages }: Workflow,
  { type, autoApprove }: WorkflowRequest,
  timestamp: () => string,
): Pick<Workflow, "status" | "stages" | "approval"> {
  if (type === "analysis") {
    const skipped = skipRest(stages, timestamp(), "Only an analysis was asked for.", "COMPLETION");
    const completed = end(begin(skipped, "COMPLETION", timestamp()), "COMPLETED", timestamp());
    return { status: "COMPLETED", stages: completed, approval: undefined };
  }
  const pending = begin(stages, "APPROVAL", timestamp());
  if (!autoApprove) return { status: "PENDING_APPROVAL", stages: pending, approval: undefined };
  const approval = { at: timestamp(), by: "auto_approve" };
  const approved = end(pending, "COMPLETED", approval.at, "Approved beforehand.");
  return { status: "APPROVED", stages: approved, approval };
}

function emptyWorkflow(request: WorkflowRequest, createdAt: string): Workflow {
  const { type, instanceId, instanceType } = request;
  return {
    workflowId: `wf-${randomUUID()}`,
    type,
    instanceId,
    instanceType,
    status: "PENDING_APPROVAL",
    mode: "advisory",
    analysis: { source: "none", bottlenecks: [] },
    optimizations: [],
    change: {
      state: "not_applied",
      configChanges: {},
      engineArgs: [],
      previousConfig: undefined,
      restored: undefined,
    },
    beforeRunId: undefined,
    afterRunId: undefined,
    judgement: undefined,
    stages: [] as readonly Stage[],
    approval: undefined,
    rejection: undefined,
    error: undefined,
    createdAt,
    updatedAt: createdAt,
  };
}

/** The instance's metrics as they are now, or one sentence on why there are none. */
export async function lookAt(
  { instanceId, instanceType }: Pick<WorkflowRequest, "instanceId" | "instanceType">,
  { agent, plan, log }: Pick<BeginDeps, "agent" | "plan" | "log">,
): Promise<{ readonly snapshot: InstanceSnapshot } | { readonly reason: string }> {
  try {
    const known = await agent.history.find(instanceId);
    const metricsUrl = plan?.metricsUrl ?? guessedUrl(instanceId);
    // One that is watched stays under the type and address it is watched by.
    const instance: Instance | undefined =
      known ?? (metricsUrl === undefined ? undefined : { instanceId, instanceType, metricsUrl });
    if (instance === undefined) {
      return { reason: "Nobody has said where the instance's metrics are: collect them once." };
    }
    return { snapshot: await agent.collect(instance) };
  } catch (error) {
    if (!(error instanceof ApiError)) {
      const event = { event: "workflow_error", instance_id: instanceId, err: error };
      log.error(event, "the instance's metrics cannot be looked at");
    }
    return { reason: reasonOf(error) };
  }
}

export function findingsIn({ metrics }: InstanceSnapshot, at: string) {
  const { request_metrics, gpu_metrics, throughput_metrics } = metrics;
  const sections = {
    request_metrics: { ...request_metrics },
    gpu_metrics: { ...gpu_metrics },
    throughput_metrics: { ...throughput_metrics },
  };
  return detectBottlenecks(factsOf(sections), at);
}

/** An id that says where the instance listens says where its metrics are, too. */
function guessedUrl(instanceId: string): string | undefined {
  const url = `http://${instanceId}/metrics`;
  return /^([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):\d{1,5}$/.test(instanceId) && URL.canParse(url)
    ? url
    : undefined;
}

async function currentConfig(
  workflow: Workflow,
  { plan, runHook, signal }: BeginDeps,
): Promise<{ readonly config?: Config | undefined; readonly failure?: string }> {
  if (plan === undefined) return {};
  try {
    return { config: await readConfig(plan, workflow, runHook, signal) };
  } catch (error) {
    return { failure: `The configuration as it is could not be read: ${(error as Error).message}` };
  }
}

/** Where two set the same thing, the more pressing one holds. */
function mergedChanges(optimizations: readonly Optimization[]) {
  return {
    configChanges: Object.assign(
      {},
      ...optimizations.map((one) => one.config_changes).toReversed(),
    ) as Config,
    engineArgs: optimizations.flatMap((one) => one.engine_args),
  };
}

function findingsSentence(bottlenecks: Workflow["analysis"]["bottlenecks"]): string {
  if (bottlenecks.length === 0) return "No bottleneck was found.";
  return `Found: ${bottlenecks.map(({ type, severity }) => `${type} (${severity})`).join(", ")}.`;
}

function adviceSentence(optimizations: readonly Optimization[]): string {
  if (optimizations.length === 0) return "There is nothing to advise.";
  return `Advised: ${optimizations.map(({ description }) => description).join("; ")}.`;
}
