import type { Logger } from "pino";
import type { InstancePlan } from "../agent/workflows/instance-plan.ts";
import { ConfigError, type ServerConfig } from "../config.ts";
import type { ShardStore } from "../store/shard-store.ts";
import { openShardQueue } from "./shard-queue.ts";
import { createShards, type Shards } from "./shards.ts";

export interface Sharding {
  readonly shards: Shards;
  close(): Promise<void>;
}

/** Undefined with SQLite, which one process has for itself. */
export async function openSharding(
  { store, runShards: of, virtualUsers }: ServerConfig,
  given: {
    readonly shards: ShardStore;
    readonly plans: ReadonlyMap<string, InstancePlan>;
    readonly log: Logger;
  },
): Promise<Sharding | undefined> {
  if (store.kind !== "postgres") {
    if (of > 1) throw new ConfigError([`RUN_SHARDS: ${of} needs PostgreSQL.`]);
    return undefined;
  }
  const { log } = given;
  // Also without one: an earlier server may have left shards behind.
  const queue = of > 1 ? await openShardQueue(store, log) : undefined;
  const shards = createShards({
    store: given.shards,
    ...(queue && { queue }),
    log,
    of,
    workersKey: virtualUsers.apiKey,
    serversKeys: [...given.plans.values()].flatMap(({ apiKey }) => (apiKey === undefined ? [] : [apiKey])),
  });
  return { shards, close: async () => queue?.close() };
}
