import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { openDatabase } from "../../../server/store/database.ts";
import { DatabaseError } from "../../../server/store/database-error.ts";
import { openRunStore, runStore } from "../../../server/store/open-run-store.ts";
import type { MeasuredRun, Run, RunStore } from "../../../server/store/run-store.ts";
import type { StoreConfig } from "../../../server/store/store-config.ts";
import type { Result } from "../../../src/index.ts";
import { checkAgainstModel, storeCalls } from "../../support/store-model.ts";
import { newRun } from "../../support/stored-runs.ts";

/** What every store promises. `fresh` gives an empty database each time. */
export function storeContract(name: string, fresh: () => Promise<StoreConfig>): void {
  const withStore = async (work: (store: RunStore, config: StoreConfig) => Promise<void>): Promise<void> => {
    const config = await fresh();
    const store = await openRunStore(config);
    try {
      await work(store, config);
    } finally {
      await store.close();
    }
  };

  test(`${name}: [A-133] a run is stored in a database that was empty, as pending, with the first id`, () =>
    withStore(async (store) => {
      const asked = newRun(1, { framework: "vllm", notes: "before the upgrade" });
      const run = await store.create(asked);
      const expected: Run = {
        ...asked,
        id: 1,
        status: "pending",
        startedAt: undefined,
        completedAt: undefined,
        error: undefined,
        favorite: false,
      };
      assert.deepEqual(run, expected);
      assert.deepEqual(await store.find(asked.runId), { ...expected, result: undefined, report: undefined });
      assert.deepEqual(await store.findById(1), await store.find(asked.runId));
      assert.equal((await store.create(newRun(2))).id, 2);
    }));

  test(`${name}: what no run can be called is found nowhere`, () =>
    withStore(async (store) => {
      await store.create(newRun(1));
      for (const runId of ["", "run_id", "\0", "' or 1=1 --", "x".repeat(100_000), newRun(2).runId]) {
        assert.equal(await store.find(runId), undefined, runId);
        assert.equal(await store.update(runId, { notes: "x" }), false, runId);
        assert.equal(await store.update(runId, { report: {} }), false, runId);
        assert.equal(await store.remove(runId), false, runId);
      }
      for (const id of [0, -1, 2, 1.5, 2 ** 31, 2 ** 53, 1e300, Number.NaN, Number.POSITIVE_INFINITY]) {
        assert.equal(await store.findById(id), undefined, String(id));
      }
      assert.equal((await store.list({}, ALL)).total, 1);
    }));

  test(`${name}: [A-127] a change that is named stays, and what is not named stays as it was`, () =>
    withStore(async (store) => {
      const { runId } = await store.create(newRun(1, { framework: "vllm" }));
      await store.create(newRun(2));
      const untouched = await store.findById(2);
      const result = { schema: "x", levels: [{ rate: 0.1 }] } as unknown as Result;
      const steps: (readonly [Parameters<RunStore["update"]>[1], Partial<MeasuredRun>])[] = [
        [{ status: "running", startedAt: "2026-03-14T09:26:53Z" }, { startedAt: "2026-03-14T09:26:53.000Z" }],
        [{ result }, {}],
        [{ report: { slo_met: true } }, {}],
        [{ error: { code: "BENCHMARK_FAILED", message: "No answer." }, status: "failed" }, {}],
        [{ favorite: true, notes: "again", serverUrl: "http://b", model: "m", adapter: "triton" }, {}],
        [{ config: { b: 1, a: null } }, {}],
        [{ error: undefined, startedAt: undefined, framework: undefined, result: undefined }, {}],
        [{ favorite: false, completedAt: "2026-03-14T09:26:54.123Z" }, {}],
        [{}, {}],
      ];
      for (const [changes, shown] of steps) {
        const expected = { ...(await store.find(runId)), ...changes, ...shown };
        assert.equal(await store.update(runId, changes), true);
        assert.deepEqual(await store.find(runId), expected);
      }
      assert.deepEqual(await store.findById(2), untouched);
    }));

  test(`${name}: [A-125] runs are listed newest first, page by page, with a true total`, () =>
    withStore(async (store) => {
      // Stored in another order than they were made, and two of them at the same moment.
      for (const number of [3, 1, 5, 2, 4]) await store.create(newRun(number));
      await store.create(newRun(6, { createdAt: newRun(4).createdAt }));
      const order = [5, 6, 4, 3, 2, 1];
      const pages: (readonly [limit: number, offset: number, numbers: number[]])[] = [
        [10, 0, order],
        [2, 0, [5, 6]],
        [2, 2, [4, 3]],
        [2, 5, [1]],
        [2, 6, []],
        [0, 0, []],
        [500, 1_000_000_000, []],
      ];
      for (const [limit, offset, numbers] of pages) {
        const { runs, total } = await store.list({}, { limit, offset });
        assert.deepEqual(
          runs.map(({ runId }) => runId),
          numbers.map((number) => newRun(number).runId),
        );
        assert.equal(total, 6);
      }
      const [first] = (await store.list({}, { limit: 1, offset: 0 })).runs;
      const { result, report, ...run } = (await store.find(newRun(5).runId))!;
      assert.deepEqual([first, result, report], [run, undefined, undefined]);
    }));

  test(`${name}: a filter lets through what is equal in all that it names`, () =>
    withStore(async (store) => {
      await store.create(newRun(1, { model: "a" }));
      await store.create(newRun(2, { model: "b", kind: "recommendation" }));
      await store.create(newRun(3, { model: "a", kind: "virtual_users" }));
      await store.create(newRun(4, { model: "A" }));
      await store.update(newRun(3).runId, { status: "completed" });
      const rows: (readonly [Parameters<RunStore["list"]>[0], number[]])[] = [
        [{ model: "a" }, [3, 1]],
        [{ model: "" }, []],
        [{ model: "%" }, []],
        [{ kind: "recommendation" }, [2]],
        [{ status: "pending" }, [4, 2, 1]],
        [{ status: "pending", model: "a" }, [1]],
        [{ status: "completed", model: "a", kind: "virtual_users" }, [3]],
        [{ status: "completed", model: "a", kind: "load_test" }, []],
      ];
      for (const [filter, numbers] of rows) {
        const { runs, total } = await store.list(filter, ALL);
        assert.deepEqual(
          runs.map(({ runId }) => runId),
          numbers.map((number) => newRun(number).runId),
        );
        assert.equal(total, numbers.length);
        // The total does not depend on the page.
        assert.equal((await store.list(filter, { limit: 1, offset: 50 })).total, numbers.length);
      }
    }));

  test(`${name}: [A-128] a run that is removed is gone with what it measured, and its id does not come back`, async () => {
    const database = await openDatabase(await fresh());
    const store = runStore(database);
    try {
      const { runId } = await store.create(newRun(1));
      await store.create(newRun(2));
      await store.update(newRun(2).runId, { report: { a: 1 } });
      await store.update(runId, { report: { a: 1 } });
      assert.equal(await store.remove(newRun(2).runId), true);
      assert.equal(await store.remove(newRun(2).runId), false);
      assert.equal(await store.findById(2), undefined);
      const left = await database.selectFrom("benchmark_run_results").select("id").execute();
      assert.deepEqual(
        left.map(({ id }) => id),
        [1],
      );
      assert.ok((await store.create(newRun(3))).id > 2);
    } finally {
      await store.close();
    }
  });

  test(`${name}: [A-161] a second run of the same id is refused in words without its values`, () =>
    withStore(async (store) => {
      await store.create(newRun(1));
      const error = await rejection(store.create(newRun(1)));
      assert.equal(error.message, "The run cannot be stored: there is one of the same id already.");
      assert.deepEqual([error.code, error.status], ["DATABASE_ERROR", 500]);
      assert.equal((await store.list({}, ALL)).total, 1);
    }));

  test(`${name}: a moment comes back in UTC and milliseconds, however it was written`, () =>
    withStore(async (store) => {
      const rows = [
        ["2026-03-14T09:26:53Z", "2026-03-14T09:26:53.000Z"],
        ["2026-03-14T09:26:53.123456Z", "2026-03-14T09:26:53.123Z"],
        ["2026-03-14T18:26:53.5+09:00", "2026-03-14T09:26:53.500Z"],
        ["1999-12-31T23:59:59.999Z", "1999-12-31T23:59:59.999Z"],
      ] as const;
      for (const [index, [createdAt, expected]] of rows.entries()) {
        assert.equal((await store.create(newRun(index, { createdAt }))).createdAt, expected);
      }
      const error = await rejection(store.create(newRun(9, { createdAt: "yesterday" })));
      assert.equal(error.message, "The run cannot be stored: it has a time that is none.");
    }));

  test(`${name}: text that databases stumble over is kept, or marked where it cannot be`, () =>
    withStore(async (store) => {
      const hostile = "a\0b \ud800 \u{1f600} '; drop table benchmark_runs; -- $1 ? \\ \u2028 \x1b[31m";
      const kept = hostile.replace("\0", "\u{FFFD}").replace("\ud800", "\u{FFFD}");
      const config = { [hostile]: [hostile, { "": "", __proto__: null }], '"': "\\u0000", last: 1, first: 2 };
      const { runId } = await store.create(
        newRun(1, { model: hostile, serverUrl: hostile, notes: hostile, framework: hostile, config }),
      );
      const failure = { code: "X", message: hostile };
      await store.update(runId, { error: failure, report: { [hostile]: hostile } });
      const run = (await store.find(runId))!;
      assert.deepEqual([run.model, run.serverUrl, run.notes, run.framework], [kept, kept, kept, kept]);
      // Inside JSON every character is kept, and the order of the keys too.
      assert.equal(JSON.stringify(run.config), JSON.stringify(config));
      assert.deepEqual([run.error, run.report], [failure, { [hostile]: hostile }]);
      assert.equal((await store.list({ model: hostile }, ALL)).total, 1);

      const odd = await store.create(newRun(2, { runId: "odd\0id" }));
      assert.equal((await store.find("odd\0id"))?.id, odd.id);
      assert.equal(await store.update("odd\0id", { notes: "found" }), true);
      assert.equal(await store.remove("odd\0id"), true);
    }));

  test(`${name}: numbers come back as JSON has them, and a bigint without losing a digit`, () =>
    withStore(async (store) => {
      const numbers = [2 ** 53, 2 ** 53 + 2, -(2 ** 63), 1e21, 1.7e308, 5e-324, 0.1 + 0.2, 1e-7];
      const { runId } = await store.create(
        newRun(1, {
          config: { numbers, big: 123_456_789_012_345_678_901n, absent: undefined, none: Number.NaN },
        }),
      );
      assert.deepEqual((await store.find(runId))?.config, {
        numbers,
        big: "123456789012345678901",
        none: null,
      });
    }));

  test(`${name}: a result of 20 MB is kept whole, and costs nothing to those who list`, () =>
    withStore(async (store) => {
      const { runId } = await store.create(newRun(1));
      const result = {
        text: "é\n".repeat(1024),
        rows: Array.from({ length: 20_000 }, kilobyte),
      } as unknown as Result;
      assert.ok(JSON.stringify(result).length > 20e6);
      await store.update(runId, { status: "completed", result });
      assert.ok(!("result" in (await store.list({}, ALL)).runs[0]!));
      assert.deepEqual((await store.find(runId))?.result, result);
    }));

  test(`${name}: what is done at the same time is all done`, () =>
    withStore(async (store) => {
      const numbers = Array.from({ length: 40 }, (_, i) => i + 1);
      const created = await Promise.all(numbers.map((number) => store.create(newRun(number))));
      assert.equal(new Set(created.map(({ id }) => id)).size, 40);
      await Promise.all([
        ...numbers.map((number) => store.update(newRun(number).runId, { report: { number } })),
        ...numbers.map((number) =>
          store.update(newRun(1).runId, { report: { number }, notes: String(number) }),
        ),
        ...numbers.map(() => store.list({}, ALL)),
      ]);
      for (const number of numbers.slice(1)) {
        assert.deepEqual((await store.find(newRun(number).runId))?.report, { number });
      }
      assert.equal((await store.list({}, ALL)).total, 40);
    }));

  test(`${name}: [A-159] what was stored is there when the database is opened again`, () =>
    withStore(async (store, config) => {
      const { runId } = await store.create(newRun(1));
      await store.update(runId, { status: "completed", report: { a: [1, null] } });
      const before = await store.find(runId);
      await store.close();
      const again = await openRunStore(config);
      try {
        assert.deepEqual(await again.find(runId), before);
        assert.equal((await again.create(newRun(2))).id, 2);
      } finally {
        await again.close();
      }
    }));

  test(`${name}: a change that fails midway changes nothing`, async () => {
    const database = await openDatabase(await fresh());
    const store = runStore(database);
    try {
      const { runId } = await store.create(newRun(1));
      await database.schema.alterTable("benchmark_run_results").renameTo("elsewhere").execute();
      const error = await rejection(store.update(runId, { status: "completed", report: {} }));
      assert.match(error.message, /^The run cannot be changed: (SQLite|PostgreSQL) gave error \w+\.$/);
      await database.schema.alterTable("elsewhere").renameTo("benchmark_run_results").execute();
      assert.equal((await store.find(runId))?.status, "pending");
    } finally {
      await store.close();
    }
  });

  test(`${name}: a store that is closed says so, and may be closed twice`, () =>
    withStore(async (store) => {
      await store.ping();
      await store.close();
      await store.close();
      const calls: (readonly [Promise<unknown>, string])[] = [
        [store.create(newRun(1)), "The run cannot be stored: the store is closed."],
        [store.update("x", {}), "The run cannot be changed: the store is closed."],
        [store.find("x"), "The run cannot be read: the store is closed."],
        [store.findById(1), "The run cannot be read: the store is closed."],
        [store.list({}, ALL), "The runs cannot be listed: the store is closed."],
        [store.remove("x"), "The run cannot be deleted: the store is closed."],
        [store.ping(), "The database cannot be asked: the store is closed."],
      ];
      for (const [call, message] of calls) assert.equal((await rejection(call)).message, message);
    }));

  test(`${name}: any sequence of calls gives what a plain map would`, () =>
    withStore((store) =>
      fc.assert(
        fc.asyncProperty(storeCalls, async (calls) => {
          for (const { runId } of (await store.list({}, ALL)).runs) await store.remove(runId);
          await checkAgainstModel(store, calls);
        }),
        { seed: 20260314, numRuns: 25 },
      ),
    ));
}

const ALL = { limit: 500, offset: 0 };

function kilobyte(_: unknown, index: number): object {
  return { index, text: "0123456789abcdef".repeat(64), third: index / 3 };
}

async function rejection(call: Promise<unknown>): Promise<DatabaseError> {
  const error = await call.then(
    () => assert.fail("it did not fail"),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof DatabaseError, String(error));
  return error;
}
