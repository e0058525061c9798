import { existsSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import type { SqliteDatabase, SqliteStatement } from "kysely";
import { DatabaseError } from "./database-error.ts";

/** Node's own SQLite in the shape that Kysely's dialect knows. */
export function openNodeSqlite(path: string): SqliteDatabase {
  if (path !== ":memory:") checkPlace(resolve(path));
  const database = new DatabaseSync(path, {
    enableForeignKeyConstraints: true,
    // Another server or a backup may hold the file for a moment.
    timeout: BUSY_TIMEOUT_MS,
  });
  try {
    // Readers and a writer do not wait for each other; what was committed survives a loss of power.
    patiently(() => database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"));
  } catch (error) {
    database.close();
    throw error;
  }
  return { close: () => database.close(), prepare: (sql) => new Statement(database, sql) };
}

const BUSY_TIMEOUT_MS = 5000;
const BUSY_PAUSE_MS = 10;

/** SQLite waits for a lock by itself, but not while the journal's mode is changed by two programs at once. */
function patiently(work: () => void): void {
  for (let waitedMs = 0; ; waitedMs += BUSY_PAUSE_MS) {
    try {
      work();
      return;
    } catch (error) {
      const busy = (error as { errcode?: number }).errcode === SQLITE_BUSY;
      if (!busy || waitedMs >= BUSY_TIMEOUT_MS) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, BUSY_PAUSE_MS);
    }
  }
}

const SQLITE_BUSY = 5;

/** SQLite says "unable to open database file" to each of these. */
function checkPlace(path: string): void {
  const folder = dirname(path);
  if (!existsSync(folder)) {
    throw new DatabaseError(`The database file ${path} cannot be opened: there is no folder ${folder}.`, {
      hint: "Create the folder, or set DATABASE_PATH to another file.",
    });
  }
  if (existsSync(path) && statSync(path).isDirectory()) {
    throw new DatabaseError(`The database file ${path} cannot be opened: it is a folder.`, {
      hint: "Set DATABASE_PATH to a file.",
    });
  }
}

class Statement implements SqliteStatement {
  readonly reader: boolean;
  readonly #database: DatabaseSync;
  readonly #sql: string;
  readonly #statement: StatementSync;

  constructor(database: DatabaseSync, sql: string) {
    this.#database = database;
    this.#sql = sql;
    this.#statement = database.prepare(sql);
    this.reader = this.#statement.columns().length > 0;
  }

  all(parameters: readonly unknown[]): unknown[] {
    return this.#statement.all(...parameters.map(bindable));
  }

  run(parameters: readonly unknown[]): { changes: number | bigint; lastInsertRowid: number | bigint } {
    // A full disk has ended the transaction already; a complaint about that would take the place of the cause.
    if (this.#sql === "rollback" && !this.#database.isTransaction) return { changes: 0, lastInsertRowid: 0 };
    return this.#statement.run(...parameters.map(bindable));
  }

  iterate(parameters: readonly unknown[]): IterableIterator<unknown> {
    return this.#statement.iterate(...parameters.map(bindable));
  }
}

/** SQLite has no truth values of its own. */
function bindable(value: unknown): SQLInputValue {
  return typeof value === "boolean" ? Number(value) : (value as SQLInputValue);
}
