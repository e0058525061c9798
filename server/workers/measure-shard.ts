import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import { type RunChild, type RunOutcome, startRunProcess } from "../load-tests/runs/run-child.ts";
import type { RunProgress } from "../load-tests/runs/run-request.ts";
import type { ShardOrders, ShardStore } from "../store/shard-store.ts";
import { DatabaseTime } from "./database-time.ts";
import { handInRecords } from "./hand-in-records.ts";
import type { ShardJob } from "./shard-queue.ts";

export interface ShardWork {
  readonly store: ShardStore;
  /** Has claimed the shard. */
  readonly worker: string;
  /** For targets. */
  readonly apiKey?: string | undefined;
  readonly log: Logger;
  /** Ends the shard like a run that is stopped; what was measured is handed in. */
  readonly signal: AbortSignal;
  readonly beatMs: number;
  /** Without a server or a database for longer the load ends. */
  readonly lostMs: number;
}

/** Waits for the start that all shards of a run have in common, measures, and hands in what came of it. Rejects only before it began. */
export async function measureShard(job: ShardJob, work: ShardWork): Promise<void> {
  const { store, worker, log } = work;
  const { run_id: runId, index } = job;
  const marks = { run_id: runId, shard: index + 1, of: job.of };
  const folder = await mkdtemp(join(tmpdir(), "goodput-shard-"));
  const load = new ShardLoad(job, folder, work);
  const handedIn = new AbortController();
  const beating = beat(load, job, work, handedIn.signal);
  try {
    const outcome = await load.ended;
    const failure = load.reason ?? (outcome && "failure" in outcome ? outcome.failure : undefined);
    if (outcome && "failure" in outcome && outcome.stderr !== undefined) {
      log.error({ event: "shard_process", ...marks, stderr: outcome.stderr }, "load process ended");
    }
    const records = join(folder, "records.jsonl");
    if (!load.disowned && existsSync(records)) {
      await handInRecords(records, (part, bytes) => store.addRecords(runId, index, part, bytes));
    }
    const { progress } = load;
    const ours = !load.disowned && (await store.end(runId, index, worker, { failure, progress }));
    const { completed = 0, failed = 0 } = progress?.metrics ?? {};
    const told = { ...marks, completed, failed, ...(failure !== undefined && { failure }) };
    if (ours) {
      log.info({ event: "shard_ended", ...told }, "shard ended");
      await rm(folder, { recursive: true, force: true });
    } else {
      // What was measured stays where it is.
      log.warn({ event: "shard_disowned", ...told, folder }, "the run went on without this shard");
    }
  } catch (error) {
    load.stop();
    log.error({ event: "shard_kept", ...marks, folder, err: error }, "the shard cannot be handed in");
  } finally {
    handedIn.abort();
    await beating;
  }
}

/** The process that measures, from before it is there to its end. */
class ShardLoad {
  progress: RunProgress | undefined;
  /** Why it ended before its time, where that is a failure. */
  reason: string | undefined;
  /** The run is over, or was given up, as far as the server is concerned. */
  disowned = false;
  readonly #job: ShardJob;
  readonly #folder: string;
  readonly #apiKey: string | undefined;
  readonly #ended = Promise.withResolvers<RunOutcome | undefined>();
  #child: RunChild | undefined;
  #stopped = false;

  constructor(job: ShardJob, folder: string, { apiKey, signal }: ShardWork) {
    this.#job = job;
    this.#folder = folder;
    this.#apiKey = apiKey;
    const stop = () => this.stop("its worker was shut down before it was done.");
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
    void this.ended.then(() => signal.removeEventListener("abort", stop));
  }

  /** Undefined when it never began. */
  get ended(): Promise<RunOutcome | undefined> {
    return this.#ended.promise;
  }

  begin(startAtMs: number): void {
    if (this.#child !== undefined || this.#stopped) return;
    const { plan, index, of } = this.#job;
    this.#child = startRunProcess(
      {
        plan,
        outDir: this.#folder,
        shard: { index, of },
        startAtMs,
        ...(this.#apiKey !== undefined && { apiKey: this.#apiKey }),
      },
      (progress) => {
        this.progress = progress;
      },
    );
    void this.#child.ended.then((outcome) => this.#ended.resolve(outcome));
  }

  stop(reason?: string): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.reason = reason;
    if (this.#child === undefined) this.#ended.resolve(undefined);
    else this.#child.stop();
  }
}

/** Tells the server that the worker is there and how far it is, and does as it is told, until all is handed in. */
async function beat(
  load: ShardLoad,
  { run_id: runId, index, of }: ShardJob,
  { store, worker, log, beatMs, lostMs }: ShardWork,
  handedIn: AbortSignal,
): Promise<void> {
  const time = new DatabaseTime();
  const obey = ({ startAtMs, stop, unwatchedMs }: ShardOrders) => {
    if (stop) load.stop();
    else if (unwatchedMs > lostMs) load.stop("its server was not heard of any more.");
    else if (startAtMs !== undefined) load.begin(time.here(startAtMs));
  };
  let heard = performance.now();
  while (!handedIn.aborted) {
    const askedMs = Date.now();
    try {
      const orders = await store.beat(runId, index, worker, load.progress);
      heard = performance.now();
      if (orders === undefined) {
        load.disowned = !handedIn.aborted;
        load.stop();
        return;
      }
      time.heard(askedMs, Date.now(), orders.nowMs);
      obey(orders);
    } catch (error) {
      log.warn(
        { run_id: runId, shard: index + 1, of, err: error },
        "the database cannot be told of the shard",
      );
      if (performance.now() - heard > lostMs) load.stop("the database was not heard of any more.");
    }
    await sleep(beatMs, undefined, { signal: handedIn }).catch(() => {});
  }
}
