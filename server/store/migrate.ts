import { type Kysely, sql, type Transaction } from "kysely";
import { DatabaseError } from "./database-error.ts";
import { COLUMN_TYPES, type Migration } from "./migrations.ts";
import type { StoreConfig } from "./store-config.ts";

/**
 * Takes the tables to the version of this program: all steps in one transaction, so that one that fails leaves
 * nothing behind, and under a lock, so that of two servers that start at once the second finds them done.
 */
export async function migrate(
  database: Kysely<unknown>,
  kind: StoreConfig["kind"],
  migrations: readonly Migration[],
): Promise<void> {
  await locked(database, kind, async (connection) => {
    const done = await seen(connection, kind);
    if (done > migrations.length) {
      throw new DatabaseError(
        `The database is of version ${done}, and this program knows versions up to ${migrations.length}: a newer one wrote it.`,
        { hint: "Start the newer program, or name another database." },
      );
    }
    if (done === 0 && migrations.length > 0) await refuseForeign(connection, kind);
    for (const [index, { name, up }] of migrations.entries()) {
      if (index < done) continue;
      await up(connection as Kysely<unknown>, COLUMN_TYPES[kind]);
      await connection
        .insertInto(HISTORY)
        .values({ version: index + 1, name, applied_at: new Date().toISOString() })
        .execute();
    }
  });
}

/** Named for the program, since a database may be shared with others. */
const HISTORY = "goodput_migrations";
/** Any number will do that no other program locks. */
const LOCK = 7_205_759_403;

interface History {
  readonly goodput_migrations: { version: number; name: string; applied_at: string };
}

async function locked(
  database: Kysely<unknown>,
  kind: StoreConfig["kind"],
  work: (connection: Kysely<History>) => Promise<void>,
): Promise<void> {
  if (kind === "postgres") {
    await database.transaction().execute(async (transaction) => {
      await sql`select pg_advisory_xact_lock(${sql.lit(LOCK)})`.execute(transaction);
      await work(transaction as Transaction<unknown> as Transaction<History>);
    });
    return;
  }
  await database.connection().execute(async (connection) => {
    // A plain BEGIN locks at the first write only: two servers would both have found no tables by then.
    await sql`begin immediate`.execute(connection);
    try {
      await work(connection as Kysely<unknown> as Kysely<History>);
      await sql`commit`.execute(connection);
    } catch (error) {
      await sql`rollback`.execute(connection);
      throw error;
    }
  });
}

/** How many migrations the database has seen. */
async function seen(connection: Kysely<History>, kind: StoreConfig["kind"]): Promise<number> {
  await connection.schema
    .createTable(HISTORY)
    .ifNotExists()
    .addColumn("version", "integer", (column) => column.primaryKey())
    .addColumn("name", "text", (column) => column.notNull())
    .addColumn("applied_at", COLUMN_TYPES[kind].time, (column) => column.notNull())
    .execute();
  const { version } = await connection
    .selectFrom(HISTORY)
    .select((expression) => expression.fn.max("version").as("version"))
    .executeTakeFirstOrThrow();
  return version ?? 0;
}

/** The documents this server follows were kept by other programs too, in files and tables of the same names. */
async function refuseForeign(connection: Kysely<History>, kind: StoreConfig["kind"]): Promise<void> {
  const { rows } =
    kind === "sqlite"
      ? await sql`select 1 from sqlite_master where name = 'benchmark_runs'`.execute(connection)
      : await sql`select 1 where to_regclass('benchmark_runs') is not null`.execute(connection);
  if (rows.length === 0) return;
  throw new DatabaseError("The database has a table benchmark_runs that another program made.", {
    hint: "Name another database: DATABASE_PATH for a file, DB_NAME or DATABASE_URL for PostgreSQL.",
  });
}
