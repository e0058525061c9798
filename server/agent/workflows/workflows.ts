import type { Logger } from "pino";
import { ApiError } from "../../http/errors.ts";
import type { Runs } from "../../load-tests/runs/run-request.ts";
import { beginWorkflow } from "./begin-workflow.ts";
import { type CarryOutDeps, carryOut } from "./carry-out.ts";
import { Interruption, withLiveProgress } from "./measure-load.ts";
import { leftUnfinished } from "./recover.ts";
import { end, skipRest } from "./stages.ts";
import { isOver, marksOf, noSuchWorkflow, StoredWorkflow, type WorkflowKeeping } from "./stored-workflow.ts";
import type { Workflow, WorkflowStore, Workflows } from "./workflow.ts";

export interface WorkflowsDeps extends Omit<CarryOutDeps, "signal" | "runs"> {
  readonly store: WorkflowStore;
  readonly runs: Pick<Runs, "start" | "ended" | "stop" | "progress">;
  readonly log: Pick<Logger, "info" | "warn" | "error">;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

/** Takes up what an earlier server left unfinished, and is then ready for more. Closed before `runs` are. */
export async function createWorkflows(deps: WorkflowsDeps): Promise<Workflows> {
  const { store, log, plans, runs, now = Date.now } = deps;
  const stopping = new AbortController();
  const { signal } = stopping;
  const watched = new Map<string, PromiseWithResolvers<Workflow | undefined>>();
  const tellEnd = (workflowId: string, workflow: Workflow | undefined) => {
    watched.get(workflowId)?.resolve(workflow);
    watched.delete(workflowId);
  };
  const keeping: WorkflowKeeping = {
    store,
    log,
    now,
    onOver: (workflow) => tellEnd(workflow.workflowId, workflow),
  };
  /** The end of what is to be done about each instance so far. */
  const queues = new Map<string, Promise<void>>();

  const work = async (workflow: Workflow): Promise<void> => {
    if (signal.aborted) return;
    try {
      await carryOut(new StoredWorkflow(workflow, keeping), { ...deps, signal });
    } catch (error) {
      if (error instanceof Interruption) return;
      const marks = marksOf(workflow);
      log.error({ event: "workflow_error", ...marks, err: error }, "a workflow stays unfinished");
    }
  };

  const enqueue = (workflow: Workflow): void => {
    const { instanceId } = workflow;
    const mine = (queues.get(instanceId) ?? Promise.resolve())
      .then(() => work(workflow))
      .finally(() => {
        if (queues.get(instanceId) === mine) queues.delete(instanceId);
      });
    queues.set(instanceId, mine);
  };

  const pending = async (workflowId: string): Promise<StoredWorkflow> => {
    const found = await store.find(workflowId);
    if (found === undefined) throw noSuchWorkflow(workflowId);
    return new StoredWorkflow(found, keeping);
  };

  for (const workflow of await leftUnfinished(store)) enqueue(workflow);

  return {
    async start(request) {
      if (signal.aborted) throw new ApiError("SERVICE_UNAVAILABLE", "The server is being shut down.");
      const plan = plans.get(request.instanceId);
      const timestamp = () => new Date(now()).toISOString();
      const workflow = await stored(async () => {
        const begun = await beginWorkflow(request, { ...deps, plan, signal, timestamp });
        await store.create(begun);
        return begun;
      });
      logStart(log, workflow);
      if (workflow.status === "APPROVED") enqueue(workflow);
      return workflow;
    },
    async find(workflowId) {
      const found = await store.find(workflowId);
      return found && withLiveProgress(found, runs);
    },
    list: (filter, limit) => store.list(filter, limit),
    async approve(workflowId, by) {
      const one = await pending(workflowId);
      const at = one.timestamp();
      const stages = end(one.is.stages, "COMPLETED", at);
      const approved = await one.save({ status: "APPROVED", approval: { at, by }, stages });
      enqueue(approved);
      return approved;
    },
    async reject(workflowId, by, reason) {
      const one = await pending(workflowId);
      const at = one.timestamp();
      const stages = skipRest(end(one.is.stages, "COMPLETED", at, "Rejected."), at, "It was rejected.");
      return one.save({ status: "REJECTED", rejection: { at, by, reason }, stages });
    },
    async ended(workflowId) {
      // Before it is looked up, or its end could come between.
      const watching = watched.get(workflowId) ?? Promise.withResolvers<Workflow | undefined>();
      watched.set(workflowId, watching);
      const found = await store.find(workflowId);
      if (found === undefined || isOver(found) || signal.aborted) tellEnd(workflowId, found);
      return watching.promise;
    },
    async close() {
      stopping.abort();
      await Promise.all(queues.values());
      // Nobody waits for what this server does not see any more: it is told as it is.
      await Promise.all(
        [...watched.keys()].map(async (id) => tellEnd(id, await store.find(id).catch(() => undefined))),
      );
    },
  };
}

async function stored(work: () => Promise<Workflow>): Promise<Workflow> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof ApiError) throw cause;
    throw new ApiError("WORKFLOW_ERROR", "The workflow could not be started.", { cause });
  }
}

function logStart(log: WorkflowsDeps["log"], workflow: Workflow): void {
  const { type, mode, status, optimizations } = workflow;
  const marks = { ...marksOf(workflow), workflow_type: type };
  const told = { mode, optimizations: optimizations.length };
  log.info({ event: "workflow_started", ...marks, ...told }, "workflow started");
  if (status === "APPROVED") log.info({ event: "workflow_approved", ...marks }, "workflow approved");
  if (status === "COMPLETED") log.info({ event: "workflow_completed", ...marks }, "workflow completed");
}
