import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import type { Targets } from "../settings/targets.ts";
import type { ShardStore } from "../store/shard-store.ts";
import { measureShard } from "./measure-shard.ts";
import type { ShardJob, ShardQueue } from "./shard-queue.ts";

export interface WorkerOptions {
  readonly store: ShardStore;
  readonly queue: Pick<ShardQueue, "take">;
  /** Which servers this machine may put load on. */
  readonly targets: Pick<Targets, "check">;
  readonly log: Logger;
  /** Differs from every other worker's. */
  readonly name: string;
  /** For targets. */
  readonly apiKey?: string | undefined;
  /** Ends the shard that goes on, and takes no other. */
  readonly signal: AbortSignal;
  readonly limits?: Partial<WorkerLimits>;
}

export interface WorkerLimits {
  /** Between looks at an empty queue. */
  readonly idleMs: number;
  readonly beatMs: number;
  readonly lostMs: number;
}

export const WORKER_LIMITS: WorkerLimits = { idleMs: 500, beatMs: 500, lostMs: 15_000 };

/** Takes one shard after the other, as long as it may. */
export async function work(options: WorkerOptions): Promise<void> {
  const { store, queue, targets, log, name: worker, apiKey, signal } = options;
  const { idleMs, beatMs, lostMs } = { ...WORKER_LIMITS, ...options.limits };
  while (!signal.aborted) {
    try {
      const job = await queue.take();
      if (job === undefined) {
        await sleep(idleMs, undefined, { signal }).catch(() => {});
        continue;
      }
      // Of a run that has ended meanwhile nothing is left to claim.
      if (!(await store.claim(job.run_id, job.index, worker))) continue;
      const { run_id, index, of } = job;
      log.info({ event: "shard_taken", run_id, shard: index + 1, of }, "shard taken");
      const refusal = await refusalOf(job, targets);
      if (refusal === undefined) {
        await measureShard(job, { store, worker, apiKey, log, signal, beatMs, lostMs }).catch(
          async (error: Error) => {
            log.error({ event: "shard_failed", run_id, shard: index + 1, of, err: error }, "shard failed");
            await store.end(run_id, index, worker, { failure: error.message });
          },
        );
      } else {
        await store.end(run_id, index, worker, { failure: refusal });
        log.warn({ event: "shard_refused", run_id, shard: index + 1, of, failure: refusal }, "shard refused");
      }
    } catch (error) {
      log.warn({ err: error }, "the queue does not answer");
      await sleep(idleMs, undefined, { signal }).catch(() => {});
    }
  }
}

async function refusalOf({ plan }: ShardJob, targets: Pick<Targets, "check">): Promise<string | undefined> {
  try {
    await targets.check(String(plan.url), "url");
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
