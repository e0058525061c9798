import { resolve } from "node:path";
import { type Dialect, type Generated, Kysely, PostgresDialect, SqliteDialect } from "kysely";
import type { Pool } from "pg";
import { databaseError } from "./database-error.ts";
import { migrate } from "./migrate.ts";
import { MIGRATIONS, type Migration } from "./migrations.ts";
import { openNodeSqlite } from "./node-sqlite.ts";
import { type StoreConfig, storeName } from "./store-config.ts";

/** The tables, as both databases give and take their columns. */
export interface Tables {
  readonly benchmark_runs: RunRow;
  readonly benchmark_run_results: ResultRow;
  readonly agent_instances: InstanceRow;
  readonly agent_instance_snapshots: SnapshotRow;
  readonly agent_workflows: WorkflowRow;
  readonly benchmark_run_shards: ShardRow;
  readonly benchmark_run_shard_records: ShardRecordsRow;
}

export interface RunRow {
  readonly id: Generated<number>;
  readonly run_id: string;
  readonly kind: string;
  readonly status: string;
  readonly server_url: string;
  readonly model: string;
  readonly adapter: string;
  readonly framework: string | null;
  readonly config: string;
  readonly created_at: string | Date;
  readonly started_at: string | Date | null;
  readonly completed_at: string | Date | null;
  readonly error: string | null;
  readonly notes: string;
  readonly favorite: boolean | number;
}

export interface ResultRow {
  /** The run's id. */
  readonly id: number;
  readonly result: string | null;
  readonly report: string | null;
}

export interface InstanceRow {
  readonly id: Generated<number>;
  readonly instance_key: string;
  /** Its id, type and address; the address without its query. */
  readonly instance: string;
  readonly registered_at: string | Date;
  readonly failure: string | null;
  /** Counts registrations up: the lowest is the one that was registered longest ago. */
  readonly turn: number;
}

export interface SnapshotRow {
  /** The instance's own number. */
  readonly instance_ref: number;
  /** Counts up from 1 for each instance. */
  readonly number: number;
  readonly snapshot: string;
}

export interface WorkflowRow {
  readonly id: Generated<number>;
  readonly workflow_id: string;
  readonly instance_key: string;
  readonly status: string;
  readonly created_at: string | Date;
  /** All of it. */
  readonly workflow: string;
}

/** Only PostgreSQL has rows of these. */
export interface ShardRow {
  readonly run_id: string;
  /** From 0. */
  readonly shard: number;
  readonly state: string;
  readonly worker: string | null;
  /** All shards of a run begin at it. */
  readonly start_at: Date | null;
  readonly stop: boolean;
  /** When its worker was last heard of. */
  readonly heartbeat: Date | null;
  /** When its server was. */
  readonly watched_at: Date;
  readonly progress: string | null;
  readonly failure: string | null;
}

export interface ShardRecordsRow {
  readonly run_id: string;
  readonly shard: number;
  /** From 0; all together are one gzip file. */
  readonly part: number;
  readonly bytes: Buffer;
}

export type Database = Kysely<Tables>;

/** To PostgreSQL; SQLite has one. */
export const MOST_CONNECTIONS = 10;

/** Opens the database and brings it up to the tables of this program. */
export async function openDatabase(
  config: StoreConfig,
  migrations: readonly Migration[] = MIGRATIONS,
): Promise<Database> {
  const name =
    config.kind === "sqlite" && config.path !== ":memory:"
      ? storeName({ ...config, path: resolve(config.path) })
      : storeName(config);
  const attempt = `${name} cannot be opened`;
  let database: Database;
  try {
    database = new Kysely<Tables>({ dialect: await dialectOf(config) });
  } catch (error) {
    throw databaseError(attempt, error);
  }
  try {
    await migrate(database as Kysely<unknown>, config.kind, migrations);
  } catch (error) {
    await database.destroy();
    throw databaseError(attempt, error);
  }
  return database;
}

async function dialectOf(config: StoreConfig): Promise<Dialect> {
  return config.kind === "sqlite"
    ? new SqliteDialect({ database: openNodeSqlite(config.path) })
    : new PostgresDialect({ pool: await openPool(config.connection) });
}

/** Loaded only by who uses it. */
async function openPool(connection: Extract<StoreConfig, { kind: "postgres" }>["connection"]): Promise<Pool> {
  const { default: pg } = await import("pg");
  const pool = new pg.Pool({
    ...(typeof connection === "string" ? { connectionString: connection } : connection),
    application_name: "goodput",
    keepAlive: true,
    max: MOST_CONNECTIONS,
    // A request waits this long for a database that is gone, not for ever.
    connectionTimeoutMillis: 5000,
    types: {
      getTypeParser: (oid, format) =>
        // JSON stays text, as SQLite gives it: one place reads it for both.
        oid === pg.types.builtins.JSON
          ? (text: string | Buffer) => text
          : pg.types.getTypeParser(oid as number, format as "text"),
    },
  });
  // A connection that breaks would end the process, both while it lies idle and between two statements of a
  // transaction; the pool replaces it by itself, and the next statement on it fails.
  pool.on("error", () => {});
  pool.on("connect", (client) => client.on("error", () => {}));
  return pool;
}
