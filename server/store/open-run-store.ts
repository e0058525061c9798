import { sql } from "kysely";
import { again, attempt } from "./attempt.ts";
import { storableText } from "./column-values.ts";
import { type Database, openDatabase } from "./database.ts";
import { historyQuery, measuredRuns } from "./run-queries.ts";
import { changedResult, changedRow, measuredRunOf, newRow, runOf } from "./run-rows.ts";
import type { RunStore } from "./run-store.ts";
import type { StoreConfig } from "./store-config.ts";

/** Opens the database, makes or updates its tables, and keeps runs in it. */
export async function openRunStore(config: StoreConfig): Promise<RunStore> {
  return runStore(await openDatabase(config));
}

/** The same on every database that Kysely speaks to; closing the store closes the database. */
export function runStore(database: Database): RunStore {
  return {
    create: (run) =>
      attempt("The run cannot be stored", async () =>
        runOf(
          await database
            .insertInto("benchmark_runs")
            .values(newRow(run))
            .returningAll()
            .executeTakeFirstOrThrow(),
        ),
      ),
    update: (runId, changes) =>
      again("The run cannot be changed", () => update(database, storableText(runId), changes)),
    find: (runId) =>
      again("The run cannot be read", async () => {
        const row = await measuredRuns(database).where("run_id", "=", storableText(runId)).executeTakeFirst();
        return row && measuredRunOf(row);
      }),
    findById: (id) =>
      again("The run cannot be read", async () => {
        // PostgreSQL has an error for a number that no id can be, SQLite has none.
        if (!Number.isInteger(id) || id < 1 || id > LARGEST_ID) return undefined;
        const row = await measuredRuns(database).where("benchmark_runs.id", "=", id).executeTakeFirst();
        return row && measuredRunOf(row);
      }),
    list: (filter, page) =>
      again("The runs cannot be listed", async () => {
        const rows = await historyQuery(database, filter, page).execute();
        return {
          runs: rows.flatMap((row) => (row.id === null ? [] : [runOf(row as Parameters<typeof runOf>[0])])),
          total: Number(rows[0]?.total ?? 0),
        };
      }),
    remove: (runId) =>
      attempt("The run cannot be deleted", async () => {
        const { numDeletedRows } = await database
          .deleteFrom("benchmark_runs")
          .where("run_id", "=", storableText(runId))
          .executeTakeFirstOrThrow();
        return numDeletedRows > 0n;
      }),
    ping: () =>
      again("The database cannot be asked", async () => {
        await sql`select 1 from benchmark_runs limit 1`.execute(database);
      }),
    close: () => attempt("The database cannot be closed", () => database.destroy()),
  };
}

const LARGEST_ID = 2 ** 31 - 1;

/** What a run is and what it measured change together or not at all. */
async function update(
  database: Database,
  runId: string,
  changes: Parameters<RunStore["update"]>[1],
): Promise<boolean> {
  const result = changedResult(changes);
  const row = { ...changedRow(changes), run_id: runId };
  return database.transaction().execute(async (transaction) => {
    // Its own id is written anew, so that the run is locked even when nothing else of it changes.
    const changed = await transaction
      .updateTable("benchmark_runs")
      .set(row)
      .where("run_id", "=", runId)
      .returning("id")
      .executeTakeFirst();
    if (changed === undefined) return false;
    if (result === undefined) return true;
    await transaction
      .insertInto("benchmark_run_results")
      .values({ id: changed.id, result: null, report: null, ...result })
      .onConflict((conflict) => conflict.column("id").doUpdateSet(result))
      .execute();
    return true;
  });
}
