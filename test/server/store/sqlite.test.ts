import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { sql } from "kysely";
import { openDatabase } from "../../../server/store/database.ts";
import type { DatabaseError } from "../../../server/store/database-error.ts";
import { openRunStore, runStore } from "../../../server/store/open-run-store.ts";
import type { Result } from "../../../src/index.ts";
import { newRun } from "../../support/stored-runs.ts";

/** What only a file can do wrong. */
const folder = mkdtempSync(join(tmpdir(), "goodput-sqlite-"));
after(() => rmSync(folder, { recursive: true, force: true }));
writeFileSync(join(folder, "text.db"), "This is a letter, and no database at all.\n".repeat(100));
mkdirSync(join(folder, "folder.db"));

const PLACES: readonly (readonly [reason: string, path: string, message: string, hint: RegExp])[] = [
  [
    "its folder is missing",
    "no/such/runs.db",
    `The database file ${folder}/no/such/runs.db cannot be opened: there is no folder ${folder}/no/such.`,
    /^Create the folder, or set DATABASE_PATH/,
  ],
  [
    "its folder is a file",
    "text.db/runs.db",
    `SQLite file ${folder}/text.db/runs.db cannot be opened: the file cannot be opened.`,
    /DATABASE_PATH/,
  ],
  [
    "it is a folder",
    "folder.db",
    `The database file ${folder}/folder.db cannot be opened: it is a folder.`,
    /^Set DATABASE_PATH to a file/,
  ],
  [
    "it is something else",
    "text.db",
    `SQLite file ${folder}/text.db cannot be opened: the file is no SQLite database.`,
    /^Set DATABASE_PATH/,
  ],
];
for (const [reason, path, message, hint] of PLACES) {
  test(`a database file that cannot be opened since ${reason} ends the start with a sentence`, async () => {
    await assert.rejects(
      openRunStore({ kind: "sqlite", path: join(folder, path) }),
      (error: DatabaseError) => {
        assert.equal(error.message, message);
        assert.match(error.hint ?? "", hint);
        return error.code === "DATABASE_ERROR" && error.status === 500;
      },
    );
  });
}

test("a folder that may not be written to ends the start with a sentence", async (t) => {
  const closed = join(folder, "closed");
  mkdirSync(closed, { mode: 0o555 });
  chmodSync(folder, 0o755);
  // Root may write anywhere, so it becomes somebody else for a moment.
  const isRoot = process.geteuid?.() === 0;
  if (process.seteuid === undefined) return t.skip("There are no such rights on this system.");
  if (isRoot) process.seteuid(65_534);
  try {
    await assert.rejects(openRunStore({ kind: "sqlite", path: join(closed, "runs.db") }), {
      message: `SQLite file ${closed}/runs.db cannot be opened: the file cannot be opened.`,
      hint: /^Let the server's user write to the file and its folder/,
    });
  } finally {
    if (isRoot) process.seteuid(0);
  }
});

test("[A-115] the database is the file that is named, and it is journalled so that readers never wait", async () => {
  const path = join(folder, "mine.db");
  const database = await openDatabase({ kind: "sqlite", path });
  const { rows } = await sql<{ journal_mode: string }>`pragma journal_mode`.execute(database);
  assert.deepEqual(
    rows.map((row) => row.journal_mode),
    ["wal"],
  );
  // 2 is FULL: what was answered survives a loss of power.
  const { rows: synchronous } = await sql<{ synchronous: number }>`pragma synchronous`.execute(database);
  assert.deepEqual(
    synchronous.map((row) => row.synchronous),
    [2],
  );
  await database.destroy();
  assert.ok(existsSync(path));
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.startsWith("mine.db-")),
    [],
  );
});

test("a full disk fails the change that does not fit, and what was stored before is still there", async () => {
  const database = await openDatabase({ kind: "sqlite", path: join(folder, "full.db") });
  const store = runStore(database);
  const { runId } = await store.create(newRun(1));
  const { rows } = await sql<{ page_count: number }>`pragma page_count`.execute(database);
  await sql.raw(`pragma max_page_count = ${rows[0]!.page_count + 10}`).execute(database);
  const result = { text: "x".repeat(1_000_000) } as unknown as Result;
  await assert.rejects(store.update(runId, { status: "completed", result }), {
    code: "DATABASE_ERROR",
    message: "The run cannot be changed: the disk is full.",
    hint: "Free some space on the database's disk.",
  });
  assert.equal((await store.find(runId))?.status, "pending");

  await sql.raw("pragma max_page_count = 100000").execute(database);
  assert.equal(await store.update(runId, { status: "completed", result }), true);
  assert.deepEqual((await store.find(runId))?.result, result);
  await store.close();
});

test("a file that is damaged is told as such", async () => {
  const path = join(folder, "damaged.db");
  const config = { kind: "sqlite", path } as const;
  const store = await openRunStore(config);
  await store.create(newRun(1));
  await store.close();
  // The head of the file stays, its tables do not.
  writeFileSync(path, Buffer.alloc(3 * 4096, 0xa5), { flag: "r+" });
  writeFileSync(path, "SQLite format 3\0", { flag: "r+" });
  await assert.rejects(openRunStore(config), {
    message: new RegExp(
      `^SQLite file ${path} cannot be opened: the file is (damaged|no SQLite database)\\.$`,
    ),
  });
});

test("two servers on one file see each other's runs at once", async () => {
  const config = { kind: "sqlite", path: join(folder, "shared.db") } as const;
  const [one, other] = [await openRunStore(config), await openRunStore(config)];
  await one.create(newRun(1));
  await other.create(newRun(2));
  assert.equal((await one.list({}, { limit: 1, offset: 0 })).total, 2);
  await other.remove(newRun(1).runId);
  assert.equal(await one.find(newRun(1).runId), undefined);
  await one.close();
  assert.equal((await other.list({}, { limit: 1, offset: 0 })).total, 1);
  await other.close();
});

test("a database in memory is gone when it is closed", async () => {
  for (let start = 0; start < 2; start++) {
    const store = await openRunStore({ kind: "sqlite", path: ":memory:" });
    assert.equal((await store.create(newRun(1))).id, 1);
    await store.close();
  }
  assert.ok(!existsSync(":memory:"));
});
