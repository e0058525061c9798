/** A server's start in a thread of its own, at the same moment as others: opens the store and stores one run. */
import { parentPort, workerData } from "node:worker_threads";
import { openRunStore } from "../../server/store/open-run-store.ts";
import type { NewRun } from "../../server/store/run-store.ts";
import type { StoreConfig } from "../../server/store/store-config.ts";

const { config, run, ready, threads } = workerData as {
  readonly config: StoreConfig;
  readonly run: NewRun;
  /** How many threads have come this far. */
  readonly ready: Int32Array<SharedArrayBuffer>;
  readonly threads: number;
};

// None starts before all of them are there.
Atomics.add(ready, 0, 1);
Atomics.notify(ready, 0);
for (let seen = Atomics.load(ready, 0); seen < threads; seen = Atomics.load(ready, 0)) {
  Atomics.wait(ready, 0, seen);
}
try {
  const store = await openRunStore(config);
  await store.create(run);
  await store.close();
  parentPort!.postMessage("stored");
} catch (error) {
  parentPort!.postMessage(`${error} ${(error as Error).cause ?? ""}`);
}
