import assert from "node:assert/strict";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { sql } from "kysely";
import { type Database, openDatabase } from "../../../server/store/database.ts";
import { instanceStore } from "../../../server/store/instance-store.ts";
import { MIGRATIONS, type Migration } from "../../../server/store/migrations.ts";
import { openRunStore, runStore } from "../../../server/store/open-run-store.ts";
import type { RunStore } from "../../../server/store/run-store.ts";
import type { StoreConfig } from "../../../server/store/store-config.ts";
import { workflowStore } from "../../../server/store/workflow-store.ts";
import { newRun } from "../../support/stored-runs.ts";
import { newWorkflow } from "../../support/stored-workflows.ts";

/** How every database comes to its tables. */
export function migrationContract(name: string, fresh: () => Promise<StoreConfig>): void {
  test(`${name}: a later step is done once, and what was stored before stays`, async () => {
    const config = await fresh();
    const old = await openRunStore(config);
    await old.create(newRun(1));
    await old.close();

    let done = 0;
    const later: Migration = {
      name: "colour",
      up: async ({ schema }) => {
        done += 1;
        await schema
          .alterTable("benchmark_runs")
          .addColumn("colour", "text", (column) => column.notNull().defaultTo("red"))
          .execute();
      },
    };
    for (let start = 0; start < 2; start++) {
      const database = await openDatabase(config, [...MIGRATIONS, later]);
      assert.deepEqual(await versions(database), [...STEPS, `${STEPS.length + 1} colour`]);
      const { rows } = await sql<{ colour: string }>`select colour from benchmark_runs`.execute(database);
      assert.deepEqual(
        rows.map(({ colour }) => colour),
        ["red"],
      );
      await database.destroy();
    }
    assert.equal(done, 1);
  });

  test(`${name}: a database of version 1 gets instances and workflows, and loses no run`, async () => {
    const config = await fresh();
    const old = await openDatabase(config, MIGRATIONS.slice(0, 1));
    assert.deepEqual(await versions(old), ["1 runs and their results"]);
    const runs = runStore(old);
    for (let number = 1; number <= 30; number++) {
      const { runId } = await runs.create(newRun(number, { notes: `run ${number}` }));
      if (number % 2 === 0) await runs.update(runId, { status: "completed", report: { number } });
    }
    await runs.remove(newRun(30).runId);
    const before = await everything(runs);
    assert.equal(before.length, 29);
    await old.destroy();

    const database = await openDatabase(config);
    assert.deepEqual(await versions(database), STEPS);
    assert.deepEqual(await everything(runStore(database)), before);
    assert.ok((await runStore(database).create(newRun(31))).id > 30);
    const workflows = workflowStore(database);
    await workflows.create(newWorkflow(1));
    assert.deepEqual(await workflows.list({}, 10), [newWorkflow(1)]);
    assert.deepEqual(await instanceStore(database).list(), []);
    await database.destroy();
  });

  test(`${name}: a database that a newer program wrote is refused, and left as it is`, async () => {
    const config = await fresh();
    const newer = await openDatabase(config, [...MIGRATIONS, nothing, nothing]);
    await runStore(newer).create(newRun(1));
    await newer.destroy();
    await assert.rejects(openDatabase(config), {
      name: "DatabaseError",
      message: `The database is of version ${MIGRATIONS.length + 2}, and this program knows versions up to ${MIGRATIONS.length}: a newer one wrote it.`,
      hint: "Start the newer program, or name another database.",
    });
    const again = await openDatabase(config, [...MIGRATIONS, nothing, nothing]);
    assert.equal((await runStore(again).list({}, { limit: 1, offset: 0 })).total, 1);
    await again.destroy();
  });

  test(`${name}: a step that fails leaves nothing of any step, and the next start does them all`, async () => {
    const config = await fresh();
    const failing: Migration = {
      name: "half",
      up: async (database) => {
        await database.schema.createTable("half_done").addColumn("id", "integer").execute();
        await sql`insert into half_done values (1)`.execute(database);
        await sql`select nonsense from nowhere`.execute(database);
      },
    };
    await assert.rejects(openDatabase(config, [...MIGRATIONS, failing]), {
      code: "DATABASE_ERROR",
      message: /cannot be opened: (SQLite gave error 1|PostgreSQL gave error 42P01)\.$/,
    });
    const database = await openDatabase(config);
    const tables = (await database.introspection.getTables()).map((table) => table.name).toSorted();
    assert.deepEqual(tables, [
      "agent_instance_snapshots",
      "agent_instances",
      "agent_workflows",
      "benchmark_run_results",
      "benchmark_run_shard_records",
      "benchmark_run_shards",
      "benchmark_runs",
      "goodput_migrations",
    ]);
    assert.deepEqual(await versions(database), STEPS);
    await database.destroy();
  });

  test(`${name}: a table of the same name that another program made is not touched`, async () => {
    const config = await fresh();
    const foreign = await openDatabase(config, []);
    await sql`create table benchmark_runs (uuid text)`.execute(foreign);
    await foreign.destroy();
    await assert.rejects(openRunStore(config), {
      message: "The database has a table benchmark_runs that another program made.",
      hint: /^Name another database: /,
    });
    const left = await openDatabase(config, []);
    const { rows } = await sql`select uuid from benchmark_runs`.execute(left);
    assert.deepEqual(rows, []);
    await left.destroy();
  });

  for (const [reason, prepared] of [
    ["an empty database", false],
    ["a database of an older version", true],
  ] as const) {
    test(`${name}: [A-133] of servers that start at once on ${reason} one makes the tables`, async () => {
      const config = await fresh();
      if (prepared) await (await openDatabase(config, [])).destroy();
      const ready = new Int32Array(new SharedArrayBuffer(4));
      const threads = Array.from({ length: 4 }, (_, number) => openInThread({ config, ready, number }));
      assert.deepEqual(await Promise.all(threads), ["stored", "stored", "stored", "stored"]);
      const database = await openDatabase(config);
      assert.deepEqual(await versions(database), STEPS);
      assert.equal((await runStore(database).list({}, { limit: 1, offset: 0 })).total, 4);
      await database.destroy();
    });
  }
}

const STEPS = ["1 runs and their results", "2 instances, their readings and workflows", "3 shards of runs"];

async function everything(runs: RunStore) {
  const { runs: listed } = await runs.list({}, { limit: 500, offset: 0 });
  return Promise.all(listed.map(({ runId }) => runs.find(runId)));
}

const nothing: Migration = { name: "nothing", up: async () => {} };

async function versions(database: Database): Promise<string[]> {
  const { rows } = await sql<{ version: number; name: string }>`
    select version, name from goodput_migrations order by version`.execute(database);
  return rows.map((row) => `${row.version} ${row.name}`);
}

/** SQLite is waited for without an event loop, so that two stores on one file need a thread each. */
function openInThread({
  number,
  ...given
}: {
  readonly config: StoreConfig;
  readonly ready: Int32Array;
  readonly number: number;
}): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const worker = new Worker(new URL("../../support/open-store-thread.ts", import.meta.url), {
    workerData: { ...given, run: newRun(number), threads: 4 },
  });
  worker.once("message", resolve);
  worker.once("error", reject);
  return promise;
}
