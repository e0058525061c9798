import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { sql } from "kysely";
import type {
  HistoryBounds,
  Instance,
  InstanceHistory,
} from "../../../server/agent/collect/instance-history.ts";
import { type Database, openDatabase } from "../../../server/store/database.ts";
import { instanceStore } from "../../../server/store/instance-store.ts";
import type { StoreConfig } from "../../../server/store/store-config.ts";
import { checkHistory, historyCalls, reading } from "../../support/instance-model.ts";
import { HOSTILE_IDS } from "../../support/stored-workflows.ts";

/** What every history of instances promises. `fresh` gives an empty database each time. */
export function instanceContract(name: string, fresh: () => Promise<StoreConfig>): void {
  const withHistory = async (
    work: (history: InstanceHistory, database: Database, config: StoreConfig) => Promise<void>,
    bounds?: HistoryBounds,
  ): Promise<void> => {
    const config = await fresh();
    const database = await openDatabase(config);
    try {
      await work(instanceStore(database, bounds), database, config);
    } finally {
      await database.destroy();
    }
  };

  test(`${name}: an instance is known with its last reading, and why the last one failed`, () =>
    withHistory(async (history) => {
      await history.register(named("a"), AT);
      const known = { ...named("a"), registeredAt: AT, latest: undefined, failure: undefined };
      assert.deepEqual(await history.find("a"), known);
      await history.add("a", reading(1));
      await history.add("a", reading(2));
      assert.deepEqual(await history.find("a"), { ...known, latest: reading(2) });
      const failure = { at: AT, message: "HTTP 503" };
      await history.fail("a", failure);
      assert.deepEqual(await history.list(), [{ ...known, latest: reading(2), failure }]);
      await history.add("a", reading(3));
      assert.deepEqual(await history.find("a"), { ...known, latest: reading(3) });
      assert.deepEqual(await history.snapshots("a", 100), [reading(1), reading(2), reading(3)]);
    }));

  test(`${name}: nothing is kept of an instance that is not registered, nor of one that was removed`, () =>
    withHistory(async (history, database) => {
      await history.add("a", reading(1));
      await history.fail("a", { at: AT, message: "x" });
      assert.deepEqual([await history.find("a"), await history.list()], [undefined, []]);
      await history.register(named("a"), AT);
      await history.register(named("b"), AT);
      await history.add("a", reading(1));
      await history.add("b", reading(2));
      assert.equal(await history.remove("a"), true);
      assert.equal(await history.remove("a"), false);
      assert.deepEqual(await history.snapshots("a", 10), []);
      assert.deepEqual(await history.snapshots("b", 10), [reading(2)]);
      assert.equal((await snapshotTexts(database)).length, 1, "its readings are gone with it");
      await history.register(named("a"), AT);
      assert.deepEqual(await history.snapshots("a", 10), []);
    }));

  test(`${name}: a history has bounds: the last readings, and the instances that were registered last`, () =>
    withHistory(
      async (history, database) => {
        for (const id of ["a", "b"]) await history.register(named(id), AT);
        for (const running of [1, 2, 3, 4]) await history.add("a", reading(running));
        await history.add("b", reading(9));
        const rows: (readonly [limit: number, running: number[]])[] = [
          [10, [2, 3, 4]],
          [2, [3, 4]],
          [1, [4]],
          [0, []],
          [-1, []],
          [1e300, [2, 3, 4]],
          [Number.POSITIVE_INFINITY, [2, 3, 4]],
        ];
        for (const [limit, running] of rows) {
          assert.deepEqual(
            await history.snapshots("a", limit),
            running.map((number) => reading(number)),
          );
        }
        assert.equal((await snapshotTexts(database)).length, 4, "what is beyond the bound is deleted");
        await history.register(named("a"), LATER);
        await history.register(named("c"), AT);
        assert.deepEqual(await ids(history), ["a", "c"]);
        assert.equal((await history.snapshots("a", 10)).length, 3, "the same instance goes on");
        assert.equal((await history.find("a"))?.registeredAt, AT);
        assert.equal((await snapshotTexts(database)).length, 3, "a forgotten one's readings are gone");
        // Under a smaller bound, as a later version may have.
        await instanceStore(database, { instances: 2, snapshots: 1 }).add("a", reading(5));
        assert.deepEqual(await history.snapshots("a", 10), [reading(5)]);
      },
      { instances: 2, snapshots: 3 },
    ));

  for (const [what, change] of [
    ["address", { metricsUrl: "http://b/metrics" }],
    ["type", { instanceType: "tgi" }],
  ] as const satisfies readonly (readonly [string, Partial<Instance>])[]) {
    test(`${name}: under another ${what} an instance starts anew`, () =>
      withHistory(async (history) => {
        await history.register(named("a"), AT);
        await history.add("a", reading(1));
        await history.fail("a", { at: AT, message: "x" });
        const other = { ...named("a"), ...change };
        await history.register(other, LATER);
        assert.deepEqual(await history.snapshots("a", 10), []);
        const known = { ...other, registeredAt: LATER, latest: undefined, failure: undefined };
        assert.deepEqual(await history.list(), [known]);
        await history.add("a", reading(2));
        assert.deepEqual(await history.snapshots("a", 10), [reading(2)]);
      }));
  }

  test(`${name}: [A-294] the query of an address, which may be a key, is never in the database`, () =>
    withHistory(async (history, database) => {
      const address = "http://a/metrics?key=hunter2#hunter2";
      await history.register({ ...named("a"), metricsUrl: address }, AT);
      await history.add("a", reading(1));
      assert.equal(
        (await history.find("a"))?.metricsUrl,
        address,
        "it is asked with it while the server runs",
      );
      const { rows } = await sql<{ instance: string }>`select * from agent_instances`.execute(database);
      assert.doesNotMatch(JSON.stringify(rows), /hunter2/);
      const restarted = instanceStore(database);
      assert.equal((await restarted.find("a"))?.metricsUrl, "http://a/metrics");
      // A new key is no new instance.
      await restarted.register({ ...named("a"), metricsUrl: "http://a/metrics?key=hunter3" }, LATER);
      assert.deepEqual(await restarted.snapshots("a", 10), [reading(1)]);
      assert.equal((await restarted.find("a"))?.metricsUrl, "http://a/metrics?key=hunter3");
      await restarted.register({ ...named("a"), metricsUrl: "http://a/metrics" }, LATER);
      assert.equal((await restarted.find("a"))?.metricsUrl, "http://a/metrics");
      await history.register({ ...named("a"), metricsUrl: "http://b/metrics?key=hunter2" }, LATER);
      await restarted.register({ ...named("a"), metricsUrl: "http://a/metrics?key=hunter4" }, LATER);
      assert.equal(
        (await history.find("a"))?.metricsUrl,
        "http://a/metrics",
        "no key is sent to another address",
      );
    }));

  test(`${name}: instances of any id are kept apart and come back as they were`, () =>
    withHistory(async (history, database) => {
      const kept = [...HOSTILE_IDS, "a\0", "a\u{FFFD}", "a\ud800", "a\udc00"];
      for (const id of kept) assert.equal(await history.find(id), undefined);
      for (const [index, id] of kept.entries()) {
        await history.register(named(id), AT);
        await history.add(id, reading(index, id));
        await history.fail(id, { at: id, message: id });
      }
      assert.deepEqual(await ids(history), kept);
      for (const [index, id] of kept.entries()) {
        assert.deepEqual(await history.snapshots(id, 5), [reading(index, id)]);
        assert.deepEqual((await history.find(id))?.failure, { at: id, message: id });
        assert.equal(await history.remove(id), true);
      }
      assert.deepEqual(await snapshotTexts(database), []);
    }));

  test(`${name}: what is done to instances at the same time is all done`, () =>
    withHistory(async (history) => {
      await history.register(named("a"), AT);
      const numbers = Array.from({ length: 20 }, (_, i) => i);
      await Promise.all([
        ...numbers.map((number) => history.add("a", reading(number))),
        ...numbers.map((number) => history.register(named(`b${number}`), AT)),
        ...numbers.map(() => history.register(named("a"), AT)),
        ...numbers.map(() => history.register(named("new"), AT)),
        ...numbers.map(() => history.list()),
      ]);
      const running = (await history.snapshots("a", 100)).map(
        ({ metrics }) => metrics.gpu_metrics.num_requests_running!,
      );
      assert.deepEqual(
        running.toSorted((a, b) => a - b),
        numbers,
      );
      assert.deepEqual((await ids(history)).length, 22);
    }));

  test(`${name}: instances and their readings are there when the database is opened again`, () =>
    withHistory(async (history, database, config) => {
      await history.register(named("a"), AT);
      await history.register(named("b"), AT);
      await history.add("a", reading(1));
      await history.fail("b", { at: AT, message: "x" });
      await history.register(named("a"), LATER);
      const before = await history.list();
      await database.destroy();
      const again = await openDatabase(config);
      try {
        const restarted = instanceStore(again);
        assert.deepEqual(await restarted.list(), before);
        await restarted.add("a", reading(2));
        assert.deepEqual(await restarted.snapshots("a", 10), [reading(1), reading(2)]);
      } finally {
        await again.destroy();
      }
    }));

  test(`${name}: a reading that cannot be stored leaves the instance as it was`, () =>
    withHistory(async (history, database) => {
      await history.register(named("a"), AT);
      await history.fail("a", { at: AT, message: "x" });
      await database.schema.alterTable("agent_instance_snapshots").renameTo("elsewhere").execute();
      await assert.rejects(history.add("a", reading(1)), {
        code: "DATABASE_ERROR",
        message: /^The reading cannot be stored: (SQLite|PostgreSQL) gave error \w+\.$/,
      });
      await database.schema.alterTable("elsewhere").renameTo("agent_instance_snapshots").execute();
      assert.deepEqual((await history.find("a"))?.failure, { at: AT, message: "x" });
    }));

  test(`${name}: a history that is closed says so`, async () => {
    const database = await openDatabase(await fresh());
    const history = instanceStore(database);
    await history.ping();
    await database.destroy();
    const calls: (readonly [Promise<unknown>, string])[] = [
      [history.register(named("a"), AT), "The instance cannot be stored"],
      [history.find("a"), "The instance cannot be read"],
      [history.list(), "The instances cannot be listed"],
      [history.add("a", reading(1)), "The reading cannot be stored"],
      [history.fail("a", { at: AT, message: "" }), "The failed reading cannot be stored"],
      [history.snapshots("a", 1), "The readings cannot be read"],
      [history.remove("a"), "The instance cannot be deleted"],
      [history.ping(), "The database cannot be asked"],
    ];
    for (const [call, message] of calls) {
      await assert.rejects(call, { code: "DATABASE_ERROR", message: `${message}: the store is closed.` });
    }
  });

  test(`${name}: any sequence of calls on a history gives what a plain map would`, () =>
    withHistory(
      (history) =>
        fc.assert(
          fc.asyncProperty(historyCalls, async (calls) => {
            for (const { instanceId } of await history.list()) await history.remove(instanceId);
            await checkHistory(history, { instances: 2, snapshots: 3 }, calls);
          }),
          { seed: 20260314, numRuns: 20 },
        ),
      { instances: 2, snapshots: 3 },
    ));
}

const AT = "2026-01-01T00:00:00.000Z";
const LATER = "2026-01-02T00:00:00.000Z";

function named(instanceId: string): Instance {
  return { instanceId, instanceType: "vllm", metricsUrl: "http://a/metrics" };
}

async function ids(history: InstanceHistory): Promise<string[]> {
  return (await history.list()).map(({ instanceId }) => instanceId);
}

async function snapshotTexts(database: Database): Promise<string[]> {
  const rows = await database.selectFrom("agent_instance_snapshots").select("snapshot").execute();
  return rows.map(({ snapshot }) => snapshot);
}
