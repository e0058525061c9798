import type { Context } from "koa";
import { ApiError } from "../../http/errors.ts";
import type { MeasuredRun, RunStore } from "../../store/run-store.ts";
import { progressView } from "../runs/progress-view.ts";
import type { Runs } from "../runs/run-request.ts";

export interface EndedRunDeps {
  readonly runs: Pick<Runs, "progress">;
  readonly store: Pick<RunStore, "find">;
}

/** The run that the path names, once it is over; until then the answer is 202 with how far it is, and undefined comes back. */
export async function endedRun(
  ctx: Context,
  runId: string,
  { runs, store }: EndedRunDeps,
): Promise<MeasuredRun | undefined> {
  const run = await store.find(runId);
  if (run === undefined) throw new ApiError("NOT_FOUND", noSuchRun(runId));
  if (!isUnderWay(run)) return run;
  const progress = runs.progress(run.runId);
  const { progress: counts, ...rest } = progress === undefined ? { progress } : progressView(progress);
  ctx.status = 202;
  ctx.body = { run_id: run.runId, status: run.status, ...(counts && { progress: { ...counts, ...rest } }) };
  return undefined;
}

export function isUnderWay({ status }: Pick<MeasuredRun, "status">): boolean {
  return status === "pending" || status === "running";
}

export function noSuchRun(runId: string): string {
  return `There is no run ${JSON.stringify(runId.slice(0, 100))}.`;
}
