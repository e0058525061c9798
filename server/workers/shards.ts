import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import { mergeRecords, type Plan, parseConfig } from "../../src/index.ts";
import { ApiError } from "../http/errors.ts";
import type { RunChild, RunOutcome } from "../load-tests/runs/run-child.ts";
import { shardFile } from "../load-tests/runs/run-files.ts";
import type { RunProgress, RunRequest } from "../load-tests/runs/run-request.ts";
import type { Shard, ShardStore } from "../store/shard-store.ts";
import { combinedProgress } from "./combined-progress.ts";
import { gatherRecords } from "./gather-records.ts";
import type { ShardQueue } from "./shard-queue.ts";
import { whyNotSplit } from "./why-not-split.ts";

/** Runs that workers do together, on any number of machines. */
export interface Shards {
  /** @throws ApiError VALIDATION_ERROR for a key that no worker has: it is never stored. */
  decide(request: RunRequest, plan: Plan): ShardDecision;
  start(order: ShardedRun, onProgress: (progress: RunProgress) => void): RunChild;
  /** Ends what a server that is gone left going on, and writes down what came of it. */
  recover(runId: string, outDir: string): Promise<void>;
}

export interface ShardDecision {
  readonly split: boolean;
  /** Why it is not, though there are workers. */
  readonly reason?: string;
}

export interface ShardedRun {
  readonly runId: string;
  readonly plan: Readonly<Record<string, unknown>>;
  /** The run's own folder. */
  readonly outDir: string;
}

export interface ShardsOptions {
  readonly store: ShardStore;
  /** Without one nothing is split. */
  readonly queue?: Pick<ShardQueue, "add">;
  readonly log: Logger;
  /** Into how many shards a run is split. */
  readonly of: number;
  /** What workers send to targets by themselves. */
  readonly workersKey?: string | undefined;
  /** Keys that only the server has. */
  readonly serversKeys?: readonly string[];
  readonly limits?: Partial<ShardLimits>;
}

export interface ShardLimits {
  /** All shards must have been taken within. */
  readonly waitMs: number;
  /** A worker that is not heard of for longer is lost. */
  readonly lostMs: number;
  readonly lookMs: number;
  /** From when all are taken to when all begin: each has to hear of it and to start its process. */
  readonly delayMs: number;
}

export const SHARD_LIMITS: ShardLimits = { waitMs: 60_000, lostMs: 15_000, lookMs: 250, delayMs: 2_000 };

export function createShards(options: ShardsOptions): Shards {
  const { store, queue, log, of, workersKey, serversKeys = [] } = options;
  const limits = { ...SHARD_LIMITS, ...options.limits };

  const conduct = async (
    { runId, plan, outDir }: ShardedRun,
    progress: (shards: readonly Shard[]) => void,
    signal: AbortSignal,
  ): Promise<RunOutcome> => {
    try {
      await store.create(runId, of);
      // What prompts share they share among all shards.
      const salted = plan["prompt-cache"] === "warm" ? plan : { "prompt-salt": runId, ...plan };
      await queue?.add(
        Array.from({ length: of }, (_, index) => ({ run_id: runId, index, of, plan: salted })),
      );
      const deadline = performance.now() + limits.waitMs;
      let started = false;
      let failure: string | undefined;
      await untilEnded(runId, async (shards) => {
        progress(shards);
        failure ??= failureOf(shards);
        if (signal.aborted || failure !== undefined) return "stop";
        const taken = shards.filter(({ state }) => state !== "waiting").length;
        if (started) return "go on";
        if (taken === of) {
          started = true;
          await store.startIn(runId, limits.delayMs);
        } else if (performance.now() > deadline) {
          failure = `${taken} of ${of} shards were taken within ${limits.waitMs / 1000} s: start more workers (goodput worker).`;
          return "stop";
        }
        return "go on";
      });
      const gathered = await gatherRecords(store, runId, of, outDir);
      if (failure !== undefined) return { failure };
      // Whoever stops a run before all have begun gets what there is.
      if (gathered.length < of) return { failure: "The run was stopped before all of its shards had begun." };
      return { result: await mergeRecords(gathered.map((index) => shardFile(outDir, index))) };
    } catch (error) {
      await store.stop(runId).catch(() => {});
      throw error;
    } finally {
      await store.remove(runId).catch((error: unknown) => {
        log.warn({ run_id: runId, err: error }, "the shards of a run that has ended cannot be deleted");
      });
    }
  };

  /** Looks at the shards until each has ended, and stops them when that is the answer. */
  const untilEnded = async (
    runId: string,
    look: (shards: readonly Shard[]) => Promise<"go on" | "stop">,
  ): Promise<void> => {
    let stopped = false;
    let lastLook = performance.now();
    for (;;) {
      try {
        const shards = await store.watch(runId);
        const seen = await Promise.all(shards.map((shard) => orLost(runId, shard)));
        lastLook = performance.now();
        const answer = await look(seen);
        if (answer === "stop" && !stopped) {
          await store.stop(runId);
          stopped = true;
          continue;
        }
        if (seen.every(({ state }) => state !== "waiting" && state !== "taken")) return;
      } catch (error) {
        // Workers go on for as long without their server.
        if (performance.now() - lastLook > limits.lostMs) throw error;
        log.warn({ run_id: runId, err: error }, "the shards of a run cannot be looked at");
      }
      await sleep(limits.lookMs);
    }
  };

  const orLost = async (runId: string, shard: Shard): Promise<Shard> => {
    if (shard.state !== "taken" || (shard.silentMs ?? 0) <= limits.lostMs) return shard;
    await store.lose(runId, shard.index);
    return { ...shard, state: "lost" };
  };

  const failureOf = (shards: readonly Shard[]): string | undefined => {
    for (const { index, state, worker, failure } of shards) {
      const name = `Shard ${index + 1} of ${of} (worker ${worker})`;
      if (state === "lost") return `${name} is missing: its worker was not heard of any more.`;
      if (failure !== undefined) return `${name}: ${failure}`;
    }
    return undefined;
  };

  return {
    decide({ apiKey }, plan) {
      if (queue === undefined || of < 2) return { split: false };
      const reason = whyNotSplit(plan);
      if (reason !== undefined) return { split: false, reason };
      if (apiKey === undefined || apiKey === workersKey) return { split: true };
      if (serversKeys.includes(apiKey)) {
        return { split: false, reason: "its key is one that only the server has" };
      }
      const message =
        "cannot be given here: runs are split among workers, and a key is never stored; start the workers with GOODPUT_API_KEY";
      throw new ApiError("VALIDATION_ERROR", `api_key: ${message}`, {
        details: [{ field: "api_key", message }],
      });
    },
    start(order, onProgress) {
      const stop = new AbortController();
      const combined = combinedProgress(parseConfig(order.plan, (key) => key));
      const tell = (shards: readonly Shard[]) => {
        const progress = combined.add(shards.map((shard) => shard.progress as RunProgress | undefined));
        if (progress !== undefined) onProgress(progress);
      };
      const ended = conduct(order, tell, stop.signal).catch((error: unknown): RunOutcome => {
        log.error({ run_id: order.runId, err: error }, "the shards of a run cannot be conducted");
        return { failure: (error as Error).message };
      });
      return { pid: undefined, ended, stop: () => stop.abort() };
    },
    async recover(runId, outDir) {
      const shards = await store.watch(runId);
      if (shards.length === 0) return;
      await untilEnded(runId, async () => "stop");
      await gatherRecords(store, runId, shards.length, outDir);
      await store.remove(runId);
    },
  };
}
