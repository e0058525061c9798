import type { InstanceHistory } from "../agent/collect/instance-history.ts";
import type { WorkflowStore } from "../agent/workflows/workflow.ts";
import { openDatabase } from "./database.ts";
import { instanceStore } from "./instance-store.ts";
import { runStore } from "./open-run-store.ts";
import type { RunStore } from "./run-store.ts";
import { type ShardStore, shardStore } from "./shard-store.ts";
import type { StoreConfig } from "./store-config.ts";
import { workflowStore } from "./workflow-store.ts";

/** Everything the server keeps, in one database. */
export interface Stores {
  readonly runs: RunStore;
  readonly instances: InstanceHistory;
  readonly workflows: WorkflowStore;
  /** Usable with PostgreSQL alone. */
  readonly shards: ShardStore;
  /** Rejects when the database does not answer. */
  ping(): Promise<void>;
  close(): Promise<void>;
}

/** Opens the database, and makes or updates its tables. */
export async function openStores(config: StoreConfig): Promise<Stores> {
  const database = await openDatabase(config);
  const runs = runStore(database);
  return {
    runs,
    instances: instanceStore(database),
    workflows: workflowStore(database),
    shards: shardStore(database),
    ping: () => runs.ping(),
    close: () => runs.close(),
  };
}
