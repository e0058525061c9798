import { ApiError } from "../../http/errors.ts";
import { INTERRUPTED } from "../../load-tests/runs/run-failure.ts";
import type { RunRequest, Runs } from "../../load-tests/runs/run-request.ts";
import type { MeasuredRun } from "../../store/run-store.ts";
import type { InstancePlan } from "./instance-plan.ts";
import type { StoredWorkflow } from "./stored-workflow.ts";
import type { Workflow } from "./workflow.ts";

/** The server stops: what was begun stays as it is stored, for the next one to take up. */
export class Interruption extends Error {}

/** How much of CANARY is its load test; what follows is over in moments. */
export const LOAD_SHARE = { CANARY: 0.8, VALIDATION: 1 } as const;

/**
 * A load test of the instance, kept in the history of runs, however it ended; undefined when it was deleted.
 * Rejects with an Interruption when the server stops.
 */
export async function measureLoad(
  one: StoredWorkflow,
  plan: InstancePlan,
  which: "before" | "after",
  runs: Pick<Runs, "start" | "ended" | "stop">,
  signal: AbortSignal,
): Promise<MeasuredRun | undefined> {
  if (signal.aborted) throw new Interruption();
  const { runId } = await runs.start(loadRequest(one.is, plan, which)).catch((error: unknown) => {
    // Runs may have been told earlier than workflows that the server stops.
    if (error instanceof ApiError && error.code === "SERVICE_UNAVAILABLE") throw new Interruption();
    throw error;
  });
  const stop = () => void runs.stop(runId);
  signal.addEventListener("abort", stop, { once: true });
  try {
    await one.saveAnyhow({ [which === "before" ? "beforeRunId" : "afterRunId"]: runId });
    if (signal.aborted) stop();
    const run = await runs.ended(runId);
    if (signal.aborted || run?.error?.code === INTERRUPTED.code) throw new Interruption();
    return run;
  } finally {
    signal.removeEventListener("abort", stop);
    // Of a workflow that cannot be stored nobody would end it.
    await runs.stop(runId);
  }
}

/** With how far the load test of the stage in progress is. */
export function withLiveProgress(workflow: Workflow, runs: Pick<Runs, "progress">): Workflow {
  const stages = workflow.stages.map((stage) => {
    if (stage.status !== "IN_PROGRESS" || !(stage.name in LOAD_SHARE)) return stage;
    const runId = stage.name === "CANARY" ? workflow.beforeRunId : workflow.afterRunId;
    const progress = runId === undefined ? undefined : runs.progress(runId);
    if (progress === undefined) return stage;
    const share = LOAD_SHARE[stage.name as keyof typeof LOAD_SHARE];
    return { ...stage, progress: (share * progress.overallPercent) / 100 };
  });
  return { ...workflow, stages };
}

function loadRequest(
  { workflowId, instanceType }: Workflow,
  { load, apiKey }: InstancePlan,
  which: "before" | "after",
): RunRequest {
  const { url, model, protocol, ...settings } = load;
  return {
    run: {
      kind: "load_test",
      serverUrl: String(url),
      // Without a name the target's first model is asked, which the result tells.
      model: typeof model === "string" ? model : "default",
      adapter: typeof protocol === "string" ? protocol : "openai-chat",
      framework: instanceType,
      config: { ...settings, workflow_id: workflowId },
      notes: `Workflow ${workflowId}, ${which} the change`,
    },
    plan: load,
    ...(apiKey !== undefined && { apiKey }),
  };
}
