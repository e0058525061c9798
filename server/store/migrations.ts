import { type ColumnDataType, type Kysely, type RawBuilder, sql } from "kysely";
import type { StoreConfig } from "./store-config.ts";

/**
 * One step of the tables, from the version before to its own. Steps are only ever added at the end: one that a
 * database has seen is never edited, and there is no way back.
 */
export interface Migration {
  readonly name: string;
  readonly up: (database: Kysely<unknown>, types: ColumnTypes) => Promise<void>;
}

/** What each database calls a column's type. */
export interface ColumnTypes {
  /** The primary key; counts up, and never gives a number twice. */
  readonly counter: RawBuilder<unknown>;
  readonly time: ColumnDataType;
  /** Kept as the text it was written as; nothing asks the database for what is inside. */
  readonly json: ColumnDataType;
  readonly truth: ColumnDataType;
  readonly no: RawBuilder<unknown>;
  readonly bytes: ColumnDataType;
}

export const COLUMN_TYPES: Readonly<Record<StoreConfig["kind"], ColumnTypes>> = {
  sqlite: {
    counter: sql`integer primary key autoincrement`,
    time: "text",
    json: "text",
    truth: "integer",
    no: sql`0`,
    bytes: "blob",
  },
  postgres: {
    counter: sql`integer generated always as identity primary key`,
    time: "timestamptz",
    json: "json",
    truth: "boolean",
    no: sql`false`,
    bytes: "bytea",
  },
};

/** A database's version is the number of these that it has seen. */
export const MIGRATIONS: readonly Migration[] = [
  { name: "runs and their results", up: createRuns },
  { name: "instances, their readings and workflows", up: createInstances },
  { name: "shards of runs", up: createShards },
];

async function createRuns(database: Kysely<unknown>, types: ColumnTypes): Promise<void> {
  const { schema } = database;
  await schema
    .createTable("benchmark_runs")
    .addColumn("id", types.counter)
    .addColumn("run_id", "text", (column) => column.notNull().unique())
    .addColumn("kind", "text", (column) => column.notNull())
    .addColumn("status", "text", (column) => column.notNull())
    .addColumn("server_url", "text", (column) => column.notNull())
    .addColumn("model", "text", (column) => column.notNull())
    .addColumn("adapter", "text", (column) => column.notNull())
    .addColumn("framework", "text")
    .addColumn("config", types.json, (column) => column.notNull())
    .addColumn("created_at", types.time, (column) => column.notNull())
    .addColumn("started_at", types.time)
    .addColumn("completed_at", types.time)
    .addColumn("error", types.json)
    .addColumn("notes", "text", (column) => column.notNull())
    .addColumn("favorite", types.truth, (column) => column.notNull().defaultTo(types.no))
    .execute();
  // A result may be megabytes: apart from its run it is neither read to list runs nor written to rename one.
  await schema
    .createTable("benchmark_run_results")
    .addColumn("id", "integer", (column) =>
      column.primaryKey().references("benchmark_runs.id").onDelete("cascade"),
    )
    .addColumn("result", types.json)
    .addColumn("report", types.json)
    .execute();
  // Each goes on in the order of pages, newest first, so that no page sorts what it does not show; the columns
  // after that let a page under several filters be found in the index alone.
  await schema
    .createIndex("idx_benchmark_runs_created_at")
    .on("benchmark_runs")
    .columns(["created_at desc", "id desc"])
    .execute();
  await schema
    .createIndex("idx_benchmark_runs_status_created")
    .on("benchmark_runs")
    .columns(["status", "created_at desc", "id desc"])
    .execute();
  await schema
    .createIndex("idx_benchmark_runs_model")
    .on("benchmark_runs")
    .columns(["model", "created_at desc", "id desc", "status"])
    .execute();
  await schema
    .createIndex("idx_benchmark_runs_kind")
    .on("benchmark_runs")
    .columns(["kind", "created_at desc", "id desc", "status", "model"])
    .execute();
  // These are for counting: the first is the narrowest, the second holds every column that a filter may name.
  await schema.createIndex("idx_benchmark_runs_status").on("benchmark_runs").column("status").execute();
  await schema
    .createIndex("idx_benchmark_runs_filters")
    .on("benchmark_runs")
    .columns(["kind", "status", "model"])
    .execute();
}

/** Named for the agent, since a database that is shared may have workflows of somebody else. */
async function createInstances({ schema }: Kysely<unknown>, types: ColumnTypes): Promise<void> {
  await schema
    .createTable("agent_instances")
    .addColumn("id", types.counter)
    .addColumn("instance_key", "text", (column) => column.notNull().unique())
    .addColumn("instance", types.json, (column) => column.notNull())
    .addColumn("registered_at", types.time, (column) => column.notNull())
    .addColumn("failure", types.json)
    .addColumn("turn", "bigint", (column) => column.notNull())
    .execute();
  // Its key is all the index there is: the last readings of an instance lie side by side at the end of its part.
  await schema
    .createTable("agent_instance_snapshots")
    .addColumn("instance_ref", "integer", (column) =>
      column.notNull().references("agent_instances.id").onDelete("cascade"),
    )
    .addColumn("number", "bigint", (column) => column.notNull())
    .addColumn("snapshot", types.json, (column) => column.notNull())
    .addPrimaryKeyConstraint("agent_instance_snapshots_pkey", ["instance_ref", "number"])
    .execute();
  await schema
    .createTable("agent_workflows")
    .addColumn("id", types.counter)
    .addColumn("workflow_id", "text", (column) => column.notNull().unique())
    .addColumn("instance_key", "text", (column) => column.notNull())
    .addColumn("status", "text", (column) => column.notNull())
    .addColumn("created_at", types.time, (column) => column.notNull())
    .addColumn("workflow", types.json, (column) => column.notNull())
    .execute();
  // As those of runs, in the order of the list; unfinished ones are found by their status.
  await schema
    .createIndex("idx_agent_workflows_created_at")
    .on("agent_workflows")
    .columns(["created_at desc", "id desc"])
    .execute();
  await schema
    .createIndex("idx_agent_workflows_status")
    .on("agent_workflows")
    .columns(["status", "created_at desc", "id desc"])
    .execute();
  await schema
    .createIndex("idx_agent_workflows_instance")
    .on("agent_workflows")
    .columns(["instance_key", "created_at desc", "id desc", "status"])
    .execute();
}

/** Of runs that go on: when one has ended nothing of it is left here. */
async function createShards({ schema }: Kysely<unknown>, types: ColumnTypes): Promise<void> {
  await schema
    .createTable("benchmark_run_shards")
    .addColumn("run_id", "text", (column) =>
      column.notNull().references("benchmark_runs.run_id").onDelete("cascade"),
    )
    .addColumn("shard", "integer", (column) => column.notNull())
    .addColumn("state", "text", (column) => column.notNull())
    .addColumn("worker", "text")
    .addColumn("start_at", types.time)
    .addColumn("stop", types.truth, (column) => column.notNull().defaultTo(types.no))
    .addColumn("heartbeat", types.time)
    .addColumn("watched_at", types.time, (column) => column.notNull())
    .addColumn("progress", types.json)
    .addColumn("failure", "text")
    .addPrimaryKeyConstraint("benchmark_run_shards_pkey", ["run_id", "shard"])
    .execute();
  // Compressed, and in parts, since a row is held in memory as a whole.
  await schema
    .createTable("benchmark_run_shard_records")
    .addColumn("run_id", "text", (column) => column.notNull())
    .addColumn("shard", "integer", (column) => column.notNull())
    .addColumn("part", "integer", (column) => column.notNull())
    .addColumn("bytes", types.bytes, (column) => column.notNull())
    .addPrimaryKeyConstraint("benchmark_run_shard_records_pkey", ["run_id", "shard", "part"])
    .addForeignKeyConstraint(
      "benchmark_run_shard_records_shard",
      ["run_id", "shard"],
      "benchmark_run_shards",
      ["run_id", "shard"],
      (constraint) => constraint.onDelete("cascade"),
    )
    .execute();
}
