import { end, skipRest } from "./stages.ts";
import { isHalfDone, type StoredWorkflow } from "./stored-workflow.ts";
import { type InstanceWork, undoChange } from "./undo-change.ts";
import type { Workflow, WorkflowStore } from "./workflow.ts";

/** Those among which one may be that failed while its change was being undone. */
const FAILED_LOOKED_AT = 1_000;

/** What an earlier server left, in the order it is to be gone on with: what is begun before what only waits. */
export async function leftUnfinished(store: Pick<WorkflowStore, "list" | "unfinished">): Promise<Workflow[]> {
  const failed = await store.list({ status: "FAILED" }, FAILED_LOOKED_AT);
  const unfinished = await store.unfinished();
  const waiting = unfinished.filter(({ status }) => status === "APPROVED");
  return [
    ...failed.filter(({ change }) => isHalfDone(change)).toReversed(),
    ...unfinished.filter(({ status }) => status !== "APPROVED"),
    ...waiting.toSorted((a, b) => (approvedAt(a) < approvedAt(b) ? -1 : 1)),
  ];
}

/** A server died while it changed the instance: it has failed, and nobody knows what of it is there. */
export async function undoInterrupted(work: InstanceWork): Promise<void> {
  const { one } = work;
  const doing = one.is.change.state === "applying" ? "the change was applied" : "the change was undone";
  const interrupted = { code: "INTERRUPTED", message: `The server was stopped while ${doing}.` };
  // Why it was being undone says more than that this was interrupted.
  const error = one.is.error ?? interrupted;
  if (one.is.status !== "FAILED") {
    const stages = end(one.is.stages, "FAILED", one.timestamp(), interrupted.message);
    await one.saveAnyhow({ status: "FAILED", error, stages });
  }
  await undoChange(work, error, "ROLLED_BACK");
}

/** The change is on the instance, and the operator's file has no hooks for it any more. */
export async function abandon(one: StoredWorkflow): Promise<void> {
  const at = one.timestamp();
  const message =
    "The change was begun, and no hook tells any more how to undo it: the instance may have any part of it.";
  const stages = skipRest(end(one.is.stages, "FAILED", at, message), at, "Nobody can go on with it.");
  await one.saveAnyhow({
    status: "FAILED",
    change: { ...one.is.change, state: "rollback_failed" },
    error: { code: "WORKFLOW_ERROR", message },
    stages,
  });
}

function approvedAt({ approval, createdAt }: Workflow): string {
  return approval?.at ?? createdAt;
}
