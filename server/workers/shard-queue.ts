import type { Logger } from "pino";
import { databaseError } from "../store/database-error.ts";
import type { StoreConfig } from "../store/store-config.ts";

/** What a worker needs to know of a shard; never a key. */
export interface ShardJob {
  readonly run_id: string;
  /** From 0. */
  readonly index: number;
  readonly of: number;
  /** In the words of the config file. */
  readonly plan: Readonly<Record<string, unknown>>;
}

/** Hands each shard to one worker, once. What becomes of it is no business of the queue's. */
export interface ShardQueue {
  add(jobs: readonly ShardJob[]): Promise<void>;
  /** The one that waits longest; undefined when none does. */
  take(): Promise<ShardJob | undefined>;
  close(): Promise<void>;
}

const QUEUE = "shards";
/** A run whose shards nobody takes has failed long before. */
const KEPT_SECONDS = 3_600;

export async function openShardQueue(
  { connection }: Extract<StoreConfig, { kind: "postgres" }>,
  log: Logger,
): Promise<ShardQueue> {
  // Loaded only by who uses it.
  const { PgBoss } = await import("pg-boss");
  const boss = new PgBoss({
    ...(typeof connection === "string" ? { connectionString: connection } : connection),
    application_name: "goodput queue",
    schema: "goodput_queue",
    max: 2,
    connectionTimeoutMillis: 5_000,
    schedule: false,
  });
  boss.on("error", (error) => log.warn({ err: databaseError("The queue cannot be kept", error) }, "queue"));
  try {
    await boss.start();
    await boss.createQueue(QUEUE, {
      // A shard that went wrong has put load on the target already, and is not done twice.
      retryLimit: 0,
      retentionSeconds: KEPT_SECONDS,
      deleteAfterSeconds: KEPT_SECONDS,
    });
  } catch (error) {
    await boss.stop({ graceful: false }).catch(() => {});
    throw databaseError("The queue of shards cannot be opened", error);
  }
  return {
    async add(jobs) {
      try {
        await boss.insert(
          QUEUE,
          jobs.map((data) => ({ data })),
        );
      } catch (error) {
        throw databaseError("The shards cannot be queued", error);
      }
    },
    async take() {
      try {
        const [job] = await boss.fetch<ShardJob>(QUEUE);
        if (job === undefined) return undefined;
        await boss.deleteJob(QUEUE, job.id);
        return job.data;
      } catch (error) {
        throw databaseError("No shard can be taken", error);
      }
    },
    close: () => boss.stop({ graceful: false }),
  };
}
