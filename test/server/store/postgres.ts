import assert from "node:assert/strict";
import { test } from "node:test";
import { sql } from "kysely";
import { MOST_CONNECTIONS, openDatabase } from "../../../server/store/database.ts";
import type { DatabaseError } from "../../../server/store/database-error.ts";
import { openRunStore, runStore } from "../../../server/store/open-run-store.ts";
import { openStores } from "../../../server/store/open-stores.ts";
import { type StoreConfig, storeConfig } from "../../../server/store/store-config.ts";
import { reading } from "../../support/instance-model.ts";
import { POSTGRES_PASSWORD, type Postgres } from "../../support/postgres.ts";
import { newRun } from "../../support/stored-runs.ts";
import { newWorkflow } from "../../support/stored-workflows.ts";

const INSTANCE = { instanceId: "a", instanceType: "vllm", metricsUrl: "http://a/metrics" } as const;

/** What only a database beyond a network can do wrong. */
export function postgresTests(postgres: Postgres): void {
  const { port } = postgres;
  const named = (env: Record<string, string>): StoreConfig =>
    storeConfig({ DB_HOST: "127.0.0.1", DB_PORT: String(port), DB_PASSWORD: POSTGRES_PASSWORD, ...env });

  test("PostgreSQL: [A-120] [A-137] DB_HOST and its like, or DATABASE_URL, open the same database", async () => {
    const { connection } = await postgres.fresh();
    const { database } = connection as { database: string };
    const byName = await openRunStore(named({ DB_NAME: database }));
    await byName.create(newRun(1));
    await byName.close();
    const url = `postgres://:${encodeURIComponent(POSTGRES_PASSWORD)}@127.0.0.1:${port}/${database}`;
    const byUrl = await openRunStore(storeConfig({ DATABASE_URL: url }));
    assert.equal((await byUrl.list({}, { limit: 1, offset: 0 })).total, 1);
    await byUrl.close();
  });

  const rows: readonly (readonly [
    reason: string,
    env: Record<string, string>,
    message: string,
    hint: RegExp,
  ])[] = [
    [
      "the password is wrong",
      { DB_PASSWORD: "hunter2-hunter2" },
      `PostgreSQL at 127.0.0.1:${port}, database benchmark_db cannot be opened: PostgreSQL refuses the user or the password.`,
      /DB_PASSWORD/,
    ],
    [
      "there is no such user",
      { DB_USER: "nobody-of-this-name" },
      `PostgreSQL at 127.0.0.1:${port}, database benchmark_db cannot be opened: PostgreSQL refuses the user or the password.`,
      /DB_USER/,
    ],
    [
      "there is no such database",
      { DB_NAME: "nowhere" },
      `PostgreSQL at 127.0.0.1:${port}, database nowhere cannot be opened: PostgreSQL has no such database.`,
      /^Create it, or check DB_NAME/,
    ],
    [
      "nobody listens",
      { DB_PORT: "1" },
      "PostgreSQL at 127.0.0.1:1, database benchmark_db cannot be opened: the connection is refused.",
      /DB_HOST and DB_PORT/,
    ],
    [
      "there is no socket",
      { DB_HOST: "/no/such/folder" },
      `PostgreSQL at /no/such/folder:${port}, database benchmark_db cannot be opened: PostgreSQL has no socket in that folder.`,
      /DB_HOST/,
    ],
  ];
  for (const [reason, env, message, hint] of rows) {
    test(`PostgreSQL: a start fails with a sentence and no password when ${reason}`, async () => {
      await assert.rejects(openRunStore(named(env)), (error: DatabaseError) => {
        assert.equal(error.message, message);
        assert.match(error.hint ?? "", hint);
        const told = `${error.message} ${error.hint} ${error.cause}`;
        assert.ok(!told.includes(POSTGRES_PASSWORD) && !told.includes("hunter2"), told);
        return error.code === "DATABASE_ERROR" && error.status === 500;
      });
    });
  }

  test("PostgreSQL: an address that speaks no TLS where TLS is asked for is told as such", async () => {
    const url = `postgres://postgres:${encodeURIComponent(POSTGRES_PASSWORD)}@127.0.0.1:${port}/x?sslmode=verify-full`;
    await assert.rejects(openRunStore(storeConfig({ DATABASE_URL: url })), {
      message: `PostgreSQL at 127.0.0.1:${port}, database x cannot be opened: PostgreSQL there speaks no TLS.`,
      hint: "Set sslmode=disable in DATABASE_URL.",
    });
  });

  test("PostgreSQL: connections that the server ends are replaced, and neither the process nor a run is lost", async () => {
    const config = await postgres.fresh();
    const store = await openRunStore(config);
    await store.create(newRun(1));
    // As many connections as the store has at most.
    await Promise.all(Array.from({ length: MOST_CONNECTIONS }, () => store.ping()));
    const admin = await openDatabase(await postgres.fresh());
    const { rows: ended } = await sql<{ ended: boolean }>`
      select pg_terminate_backend(pid) as ended from pg_stat_activity
      where datname = ${config.connection.database}`.execute(admin);
    assert.ok(ended.length > 0);
    await admin.destroy();
    const [changed] = await Promise.all([
      store.update(newRun(1).runId, { status: "completed", report: { a: 1 } }),
      store.find(newRun(1).runId),
      store.ping(),
    ]);
    assert.equal(changed, true);
    assert.equal((await store.list({}, { limit: 1, offset: 0 })).total, 1);
    await store.close();
  });

  test("PostgreSQL: a connection that the server ends loses no reading and no step of a workflow", async () => {
    const config = await postgres.fresh();
    const stores = await openStores(config);
    await stores.instances.register(INSTANCE, "2026-01-01T00:00:00.000Z");
    await stores.workflows.create(newWorkflow(1));
    const admin = await openDatabase(await postgres.fresh());
    const works: (readonly [work: () => Promise<unknown>, expected: unknown])[] = [
      [() => stores.instances.add("a", reading(1)), undefined],
      [() => stores.instances.register(INSTANCE, "2026-01-02T00:00:00.000Z"), undefined],
      [() => stores.instances.snapshots("a", 10), [reading(1)]],
      [() => stores.workflows.update(newWorkflow(1, { status: "APPROVED" }), "PENDING_APPROVAL"), true],
      [() => stores.workflows.unfinished(), [newWorkflow(1, { status: "APPROVED" })]],
    ];
    for (const [work, expected] of works) {
      const { rows: ended } = await sql`
        select pg_terminate_backend(pid) from pg_stat_activity
        where datname = ${config.connection.database}`.execute(admin);
      assert.ok(ended.length > 0);
      assert.deepEqual(await work(), expected);
    }
    await admin.destroy();
    await stores.close();
  });

  test("PostgreSQL: a user who may only read gets a sentence at the start", async () => {
    const { connection } = await postgres.fresh();
    const database = await openDatabase({ kind: "postgres", connection });
    await runStore(database).create(newRun(1));
    await sql`create role reader login password 'reader'`.execute(database);
    await sql`grant select on all tables in schema public to reader`.execute(database);
    await database.destroy();
    const env = { DB_NAME: connection.database, DB_USER: "reader", DB_PASSWORD: "reader" };
    await assert.rejects(openRunStore(named(env)), {
      message: /the user may not do this\.$/,
      hint: "Let the user create tables in the database.",
    });
  });
}
