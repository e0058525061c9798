import { sql } from "kysely";
import { again, attempt } from "./attempt.ts";
import { json, parsed, storableText } from "./column-values.ts";
import type { Database } from "./database.ts";

/**
 * - `waiting`: in the queue
 * - `taken`: a worker has it, and waits for the common start or measures
 * - `done`: its worker has told all it will tell
 * - `lost`: its worker was not heard of any more
 * - `withdrawn`: nobody had taken it when the run was ended
 */
export type ShardState = "waiting" | "taken" | "done" | "lost" | "withdrawn";

/** One part of a run, as the server sees it. */
export interface Shard {
  /** From 0. */
  readonly index: number;
  readonly state: ShardState;
  readonly worker: string | undefined;
  /** Since its worker was last heard of, by the database's clock. */
  readonly silentMs: number | undefined;
  readonly progress: unknown;
  readonly failure: string | undefined;
}

/** What a worker is told with each sign of life. */
export interface ShardOrders {
  /** Milliseconds since the epoch, like `nowMs`; undefined until all shards are taken. */
  readonly startAtMs: number | undefined;
  readonly nowMs: number;
  readonly stop: boolean;
  /** Since the server last looked at the run. */
  readonly unwatchedMs: number;
}

export interface ShardEnd {
  readonly failure?: string | undefined;
  readonly progress?: unknown;
}

/** Where the server and its workers meet; times are the database's, so that no two machines' clocks are compared. */
export interface ShardStore {
  create(runId: string, of: number): Promise<void>;
  /** All shards in order; their workers see that somebody still looks. */
  watch(runId: string): Promise<readonly Shard[]>;
  startIn(runId: string, delayMs: number): Promise<void>;
  /** Ends all shards: those taken are to end their load, the others are not to be taken any more. */
  stop(runId: string): Promise<void>;
  /** Its worker is told that it has the shard no longer. */
  lose(runId: string, index: number): Promise<void>;
  /** False when it is no longer to be had. */
  claim(runId: string, index: number, worker: string): Promise<boolean>;
  /** Undefined when the worker has the shard no longer. */
  beat(runId: string, index: number, worker: string, progress: unknown): Promise<ShardOrders | undefined>;
  /** What is there of the same number is replaced. */
  addRecords(runId: string, index: number, part: number, bytes: Buffer): Promise<void>;
  /** Part by part, in order. */
  records(runId: string, index: number): AsyncIterable<Buffer>;
  /** False when the worker has the shard no longer. */
  end(runId: string, index: number, worker: string, end: ShardEnd): Promise<boolean>;
  remove(runId: string): Promise<void>;
}

export function shardStore(database: Database): ShardStore {
  return {
    create: (runId, of) =>
      attempt("The run's shards cannot be stored", async () => {
        await sql`insert into benchmark_run_shards (run_id, shard, state, watched_at)
          select ${runId}, shard, 'waiting', clock_timestamp() from generate_series(0, ${of}::int - 1) shard`.execute(
          database,
        );
      }),
    watch: (runId) =>
      again("The run's shards cannot be read", async () => {
        const { rows } = await sql<WatchedRow>`update benchmark_run_shards set watched_at = clock_timestamp()
          where run_id = ${runId}
          returning shard, state, worker, progress, failure,
            (extract(epoch from clock_timestamp() - heartbeat) * 1000)::float8 as silent_ms`.execute(
          database,
        );
        return rows.map(shardOf).toSorted((a, b) => a.index - b.index);
      }),
    startIn: (runId, delayMs) =>
      again("The run's shards cannot be started", async () => {
        await sql`update benchmark_run_shards
          set start_at = coalesce(start_at, clock_timestamp() + ${delayMs}::float8 * interval '1 millisecond')
          where run_id = ${runId}`.execute(database);
      }),
    stop: (runId) =>
      again("The run's shards cannot be stopped", async () => {
        await sql`update benchmark_run_shards
          set stop = true, state = case state when 'waiting' then 'withdrawn' else state end
          where run_id = ${runId}`.execute(database);
      }),
    lose: (runId, index) =>
      again("The run's shard cannot be changed", async () => {
        await sql`update benchmark_run_shards set state = 'lost'
          where run_id = ${runId} and shard = ${index} and state = 'taken'`.execute(database);
      }),
    claim: (runId, index, worker) =>
      attempt("The shard cannot be taken", async () => {
        const { numAffectedRows } = await sql`update benchmark_run_shards
          set state = 'taken', worker = ${storableText(worker)}, heartbeat = clock_timestamp()
          where run_id = ${runId} and shard = ${index} and state = 'waiting'`.execute(database);
        return numAffectedRows === 1n;
      }),
    beat: (runId, index, worker, progress) =>
      again("The shard's progress cannot be stored", async () => {
        const { rows } = await sql<OrdersRow>`update benchmark_run_shards
          set heartbeat = clock_timestamp(), progress = ${json(progress)}::json
          where run_id = ${runId} and shard = ${index} and worker = ${storableText(worker)} and state = 'taken'
          returning stop, (extract(epoch from start_at) * 1000)::float8 as start_at_ms,
            (extract(epoch from clock_timestamp()) * 1000)::float8 as now_ms,
            (extract(epoch from clock_timestamp() - watched_at) * 1000)::float8 as unwatched_ms`.execute(
          database,
        );
        const [row] = rows;
        return (
          row && {
            startAtMs: row.start_at_ms ?? undefined,
            nowMs: row.now_ms,
            stop: row.stop,
            unwatchedMs: row.unwatched_ms,
          }
        );
      }),
    addRecords: (runId, index, part, bytes) =>
      again("The shard's records cannot be stored", async () => {
        await database
          .insertInto("benchmark_run_shard_records")
          .values({ run_id: runId, shard: index, part, bytes })
          .onConflict((conflict) => conflict.columns(["run_id", "shard", "part"]).doUpdateSet({ bytes }))
          .execute();
      }),
    async *records(runId, index) {
      for (let part = 0; ; part++) {
        const row = await again("The shard's records cannot be read", () =>
          database
            .selectFrom("benchmark_run_shard_records")
            .select("bytes")
            .where("run_id", "=", runId)
            .where("shard", "=", index)
            .where("part", "=", part)
            .executeTakeFirst(),
        );
        if (row === undefined) return;
        yield row.bytes;
      }
    },
    end: (runId, index, worker, { failure, progress }) =>
      again("The shard's end cannot be stored", async (retried) => {
        const { numAffectedRows } = await sql`update benchmark_run_shards
          set state = 'done', heartbeat = clock_timestamp(), progress = ${json(progress)}::json,
            failure = ${failure === undefined ? null : storableText(failure)}
          where run_id = ${runId} and shard = ${index} and worker = ${storableText(worker)}
            and state = 'taken'`.execute(database);
        return numAffectedRows === 1n || retried;
      }),
    remove: (runId) =>
      again("The run's shards cannot be deleted", async () => {
        await database.deleteFrom("benchmark_run_shards").where("run_id", "=", runId).execute();
      }),
  };
}

interface WatchedRow {
  readonly shard: number;
  readonly state: ShardState;
  readonly worker: string | null;
  readonly progress: string | null;
  readonly failure: string | null;
  readonly silent_ms: number | null;
}

interface OrdersRow {
  readonly stop: boolean;
  readonly start_at_ms: number | null;
  readonly now_ms: number;
  readonly unwatched_ms: number;
}

function shardOf({ shard, state, worker, progress, failure, silent_ms }: WatchedRow): Shard {
  return {
    index: shard,
    state,
    worker: worker ?? undefined,
    silentMs: silent_ms ?? undefined,
    progress: parsed(progress),
    failure: failure ?? undefined,
  };
}
