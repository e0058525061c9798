/** Runs in a process of their own, to be killed: is sent where and what, tells the run's id and how it goes. */

import type { RunRequest } from "../../server/load-tests/runs/run-request.ts";
import { createRuns } from "../../server/load-tests/runs/runs.ts";
import { createLog } from "../../server/log.ts";
import { openRunStore } from "../../server/store/open-run-store.ts";

export interface RunServerOrder {
  readonly databasePath: string;
  readonly dataDir: string;
  /** All are started; the second one waits for the first. */
  readonly requests: readonly RunRequest[];
}

export type RunServerNews = { readonly runIds: readonly string[] } | { readonly current: number };

process.once("message", async ({ databasePath, dataDir, requests }: RunServerOrder) => {
  const tell = (news: RunServerNews) => process.send?.(news);
  const store = await openRunStore({ kind: "sqlite", path: databasePath });
  const runs = await createRuns({ store, log: createLog(true), dataDir });
  const runIds: string[] = [];
  for (const request of requests) runIds.push((await runs.start(request)).runId);
  tell({ runIds });
  runs.subscribe(runIds[0]!, (event) => {
    if (event.kind === "progress") tell({ current: event.progress.current });
  });
});
process.once("disconnect", () => process.exit(0));
