import { randomUUID } from "node:crypto";
import type { Logger } from "pino";
import { parseConfig, type Result } from "../../../src/index.ts";
import { ApiError } from "../../http/errors.ts";
import { patiently } from "../../store/patiently.ts";
import type { MeasuredRun, RunChanges, RunFailure, RunStore } from "../../store/run-store.ts";
import type { Shards } from "../../workers/shards.ts";
import { ActiveRun } from "./active-run.ts";
import { noProgress } from "./progress.ts";
import { recoverRuns } from "./recover-runs.ts";
import { type RunChild, startRunProcess } from "./run-child.ts";
import { failed, nothingAnswered } from "./run-failure.ts";
import { runFiles } from "./run-files.ts";
import { createRunQueue } from "./run-queue.ts";
import type { Conclusion, RunProgress, Runs } from "./run-request.ts";

export interface RunsOptions {
  readonly store: RunStore;
  readonly log: Logger;
  /** Runs keep their records below it. */
  readonly dataDir: string;
  /** Runs at the same time: two on one machine measure each other. */
  readonly concurrency?: number;
  /** Given: runs may be split among workers. */
  readonly shards?: Shards | undefined;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

/** Finds what an earlier server left unfinished, and is then ready for runs. */
export async function createRuns(options: RunsOptions): Promise<Runs> {
  const { store, log, dataDir, concurrency = 1, shards, now = Date.now } = options;
  const files = runFiles(dataDir);
  const timestamp = () => new Date(now()).toISOString();
  await recoverRuns({ store, log, files, shards, timestamp });

  const queue = createRunQueue(concurrency);
  const active = new Map<string, ActiveRun>();
  let closing = false;

  /** Never rejects: a run that cannot be stored is found again when the server starts the next time. */
  const settle = async (one: ActiveRun, changes: RunChanges): Promise<void> => {
    const { runId } = one.run;
    const all: RunChanges = { ...changes, completedAt: timestamp() };
    const ended = await patiently(async () => {
      await store.update(runId, all);
      return await store.find(runId);
    }).catch((error: unknown) => {
      log.error({ event: "benchmark_unsaved", ...one.marks, err: error }, "the run's end cannot be stored");
      return undefined;
    });
    const run: MeasuredRun = ended ?? { ...one.run, result: undefined, report: undefined, ...all };
    logEnd(log, one, run);
    active.delete(runId);
    one.end(run);
  };

  const begin = (one: ActiveRun, split: boolean): RunChild => {
    const { plan, apiKey } = one.request;
    const onProgress = (progress: RunProgress) => one.advance(progress);
    const { runId } = one.run;
    const outDir = files.folder(runId);
    return split && shards !== undefined
      ? shards.start({ runId, plan, outDir }, onProgress)
      : startRunProcess({ plan, outDir, ...(apiKey !== undefined && { apiKey }) }, onProgress);
  };

  const measure = async (one: ActiveRun, split: boolean): Promise<void> => {
    const { runId } = one.run;
    const began: RunChanges = { status: "running", startedAt: timestamp() };
    one.run = { ...one.run, ...began };
    log.info({ event: "benchmark_started", ...one.marks, model: one.run.model }, "benchmark started");
    try {
      await store.update(runId, began);
      if (one.ending !== undefined) return await settle(one, one.endedWith(undefined));
      const child = begin(one, split);
      one.child = child;
      if (child.pid !== undefined) await files.begin(runId, child.pid);
      const outcome = await child.ended;
      await files.end(runId);
      if ("failure" in outcome && outcome.stderr !== undefined) {
        log.error({ event: "benchmark_process", ...one.marks, stderr: outcome.stderr }, "load process ended");
      }
      // What came last may have been lost with the process; its records were not.
      const result =
        "result" in outcome
          ? { ...outcome.result, run_id: runId }
          : await files.result(runId).catch(() => undefined);
      const failure = "failure" in outcome ? failed(outcome.failure) : undefined;
      await settle(one, await concluded(one, result, failure));
    } catch (error) {
      one.child?.stop();
      await one.child?.ended;
      log.error({ event: "benchmark_error", ...one.marks, err: error }, "the run cannot be done");
      const result = await files.result(runId).catch(() => undefined);
      await settle(one, { ...one.endedWith(failed((error as Error).message)), ...(result && { result }) });
    }
  };

  const concluded = async (
    one: ActiveRun,
    result: Result | undefined,
    failure: RunFailure | undefined,
  ): Promise<RunChanges> => {
    const measured = { ...(result && { result }) };
    const cause = failure ?? (result && nothingAnswered(result));
    if (one.ending !== undefined || cause !== undefined || result === undefined) {
      return { ...one.endedWith(cause), ...measured };
    }
    const { conclude } = one.request;
    if (conclude === undefined) return { status: "completed", ...measured };
    // What was measured is safe before anything is made of it, which may take long or fail.
    await store.update(one.run.runId, measured);
    try {
      const concluding = conclude(result, one.run, (step) => one.tell({ kind: "validation", ...step }));
      const { report, error } = await Promise.race([concluding, one.stopped.then(() => ({}) as Conclusion)]);
      const told = { ...measured, ...(report && { report }) };
      if (one.ending !== undefined) return { ...one.endedWith(undefined), ...told };
      return error === undefined ? { status: "completed", ...told } : { status: "failed", error, ...told };
    } catch (error) {
      return { ...one.endedWith(failed((error as Error).message)), ...measured };
    }
  };

  const stop = (one: ActiveRun, how: NonNullable<ActiveRun["ending"]>): void => {
    one.endAs(how);
    if (queue.takeOut(one.run.runId)) void settle(one, one.endedWith(undefined));
    else one.child?.stop();
  };

  return {
    async start(request) {
      if (closing) {
        throw new ApiError("SERVICE_UNAVAILABLE", "The server is being shut down and takes no more runs.");
      }
      const plan = parseConfig(request.plan, (key) => key);
      const { split = false, reason } = shards?.decide(request, plan) ?? {};
      const createdAt = timestamp();
      const run = await store.create({ ...request.run, runId: randomUUID(), createdAt });
      const one = new ActiveRun(run, request, noProgress(plan, createdAt));
      active.set(run.runId, one);
      if (reason !== undefined) {
        log.info({ event: "benchmark_not_split", ...one.marks, reason }, "benchmark is not split");
      }
      void queue.add(run.runId, () => measure(one, split));
      if (closing) stop(one, "interrupted");
      return run;
    },
    async ended(runId) {
      const one = active.get(runId);
      return one === undefined ? store.find(runId) : one.ended;
    },
    async stop(runId) {
      const one = active.get(runId);
      if (one === undefined) return false;
      stop(one, "cancelled");
      return true;
    },
    async remove(runId, requestId) {
      const one = active.get(runId);
      if (one !== undefined) {
        stop(one, "removed");
        await one.ended;
      }
      const removed = await store.remove(runId);
      if (removed) {
        await files.remove(runId);
        const marks = { run_id: runId, ...(requestId !== undefined && { request_id: requestId }) };
        log.info({ event: "benchmark_deleted", ...marks }, "benchmark deleted");
      }
      return removed;
    },
    progress: (runId) => active.get(runId)?.progress,
    subscribe(runId, listener) {
      const one = active.get(runId);
      return one?.subscribe(listener) ?? (() => {});
    },
    async close() {
      closing = true;
      const all = [...active.values()];
      for (const one of all) stop(one, "interrupted");
      await Promise.all(all.map((one) => one.ended));
    },
  };
}

function logEnd(
  log: Logger,
  { marks }: ActiveRun,
  { status, error, startedAt, completedAt }: MeasuredRun,
): void {
  const seconds =
    startedAt === undefined || completedAt === undefined
      ? {}
      : { duration_seconds: (Date.parse(completedAt) - Date.parse(startedAt)) / 1000 };
  if (status === "failed") {
    log.error({ event: "benchmark_failed", ...marks, ...seconds, error }, "benchmark failed");
  } else {
    log.info({ event: `benchmark_${status}`, ...marks, ...seconds }, `benchmark ${status}`);
  }
}
