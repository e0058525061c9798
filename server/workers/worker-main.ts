import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { ConfigError, readConfig, secretsOf } from "../config.ts";
import { createLog } from "../log.ts";
import type { Environment } from "../settings/config-error.ts";
import { loadEnvironmentFile } from "../settings/environment-file.ts";
import { createTargets } from "../settings/targets.ts";
import { DatabaseError } from "../store/database-error.ts";
import { openStores } from "../store/open-stores.ts";
import { storeName } from "../store/store-config.ts";
import { openShardQueue } from "./shard-queue.ts";
import { work } from "./worker.ts";

/** Measures shards of the server's runs until a signal; exits with 2 and one message when it cannot begin. */
export async function main(): Promise<void> {
  try {
    loadEnvironmentFile(".env");
    const env: Environment = process.env;
    const config = readConfig(env);
    const { store } = config;
    if (store.kind !== "postgres") throw new ConfigError([NEEDS_POSTGRES]);
    const apiKey = env.GOODPUT_API_KEY?.trim() || config.virtualUsers.apiKey;
    const log = createLog(config.quiet, [...secretsOf(config), ...(apiKey === undefined ? [] : [apiKey])]);
    const stores = await openStores(store);
    const queue = await openShardQueue(store, log);
    const stop = new AbortController();
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      process.on(signal, () => {
        // Asked twice: whoever asks does not want to wait.
        if (stop.signal.aborted) process.exit(1);
        log.info({ signal }, "closing");
        stop.abort();
      });
    }
    // Ids of processes are the same in every container.
    const name = `${hostname()}-${randomUUID().slice(0, 8)}`;
    log.info({ worker: name, store: storeName(store) }, "waiting for shards");
    const targets = createTargets({ allowed: config.allowedTargets });
    await work({ store: stores.shards, queue, targets, log, name, apiKey, signal: stop.signal });
    await queue.close();
    await stores.close();
    log.info("closed");
  } catch (error) {
    if (!(error instanceof ConfigError || error instanceof DatabaseError)) throw error;
    const hint = error instanceof DatabaseError && error.hint !== undefined ? `\n${error.hint}` : "";
    process.stderr.write(`${error.message}${hint}\n`);
    process.exit(2);
  }
}

const NEEDS_POSTGRES =
  "A worker takes shards from a queue in PostgreSQL, and none is configured.\nSet DATABASE_URL or DB_HOST to the server's database.";
