import type { Logger } from "pino";
import type { Run, RunStore } from "../../store/run-store.ts";
import type { Shards } from "../../workers/shards.ts";
import { INTERRUPTED } from "./run-failure.ts";
import type { RunFiles } from "./run-files.ts";

const PAGE = 500;

/** What a server that is gone left pending or running has failed; what was measured of it is kept. */
export async function recoverRuns({
  store,
  log,
  files,
  shards,
  timestamp,
}: {
  readonly store: RunStore;
  readonly log: Logger;
  readonly files: RunFiles;
  readonly shards: Pick<Shards, "recover"> | undefined;
  readonly timestamp: () => string;
}): Promise<void> {
  const orphans = [...(await allOf(store, "running")), ...(await allOf(store, "pending"))];
  for (const { runId } of orphans) {
    await shards?.recover(runId, files.folder(runId)).catch((error: unknown) => {
      log.warn({ run_id: runId, err: error }, "the shards of an interrupted run cannot be gathered");
    });
    const result = await files.result(runId).catch((error: unknown) => {
      log.warn({ run_id: runId, err: error }, "the records of an interrupted run cannot be read");
      return undefined;
    });
    await files.end(runId).catch(() => {});
    await store.update(runId, {
      status: "failed",
      error: INTERRUPTED,
      completedAt: timestamp(),
      ...(result && { result }),
    });
    log.error({ event: "benchmark_failed", run_id: runId, error: INTERRUPTED }, "benchmark failed");
  }
}

async function allOf(store: RunStore, status: "running" | "pending"): Promise<Run[]> {
  const all: Run[] = [];
  for (;;) {
    const { runs } = await store.list({ status }, { limit: PAGE, offset: all.length });
    all.push(...runs);
    if (runs.length < PAGE) return all;
  }
}
