import assert from "node:assert/strict";
import fc from "fast-check";
import {
  type MeasuredRun,
  type NewRun,
  RUN_STATUSES,
  type RunChanges,
  type RunFilter,
  type RunKind,
  type RunStore,
} from "../../server/store/run-store.ts";
import type { Result } from "../../src/index.ts";

/** One call of a store. */
export type StoreCall =
  | { readonly call: "create"; readonly run: NewRun }
  | { readonly call: "update"; readonly runId: string; readonly changes: RunChanges }
  | { readonly call: "remove"; readonly runId: string }
  | { readonly call: "find"; readonly runId: string }
  | { readonly call: "list"; readonly filter: RunFilter; readonly limit: number; readonly offset: number };

/** Makes the calls on the store and on a plain map, and compares every answer. */
export async function checkAgainstModel(store: RunStore, calls: readonly StoreCall[]): Promise<void> {
  const model = new Map<string, MeasuredRun>();
  let latestId = 0;
  for (const call of calls) {
    switch (call.call) {
      case "create": {
        const { run } = call;
        if (model.has(run.runId)) {
          await assert.rejects(store.create(run), { code: "DATABASE_ERROR" });
          break;
        }
        const { id, ...stored } = await store.create(run);
        assert.ok(id > latestId, "ids count up");
        latestId = id;
        const expected = {
          ...run,
          status: "pending",
          startedAt: undefined,
          completedAt: undefined,
          error: undefined,
          favorite: false,
        } as const;
        assert.deepEqual(stored, expected);
        model.set(run.runId, { ...expected, id, result: undefined, report: undefined });
        break;
      }
      case "update": {
        const before = model.get(call.runId);
        assert.equal(await store.update(call.runId, call.changes), before !== undefined);
        if (before !== undefined) model.set(call.runId, { ...before, ...call.changes });
        break;
      }
      case "remove":
        assert.equal(await store.remove(call.runId), model.delete(call.runId));
        break;
      case "find": {
        const expected = model.get(call.runId);
        assert.deepEqual(await store.find(call.runId), expected);
        if (expected !== undefined) assert.deepEqual(await store.findById(expected.id), expected);
        break;
      }
      case "list": {
        const { filter, limit, offset } = call;
        const all = [...model.values()]
          .filter((run) =>
            Object.entries(filter).every(([name, value]) => run[name as keyof RunFilter] === value),
          )
          .toSorted((a, b) => compare(b.createdAt, a.createdAt) || b.id - a.id)
          .map(({ result: _, report: __, ...run }) => run);
        assert.deepEqual(await store.list(filter, { limit, offset }), {
          runs: all.slice(offset, offset + limit),
          total: all.length,
        });
        break;
      }
      default:
        call satisfies never;
    }
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Few ids, moments and models, so that calls meet. */
const runId = fc.constantFrom("a", "b", "c", "d", "e");
const moment = fc
  .integer({ min: 0, max: 5 })
  .map((seconds) => new Date(Date.UTC(2026, 2, 14) + seconds * 1000).toISOString());
const kind = fc.constantFrom<RunKind>("load_test", "virtual_users", "recommendation");
const status = fc.constantFrom(...RUN_STATUSES);
const model = fc.constantFrom("", "m", "M", "모델");
// What JSON cannot say comes back otherwise: -0 as 0.
const json = fc.dictionary(fc.string(), fc.jsonValue()).map((value) => JSON.parse(JSON.stringify(value)));
const text = fc.string({ unit: "grapheme" }).map((value) => value.replaceAll("\0", ""));

const change = fc.record(
  {
    status,
    serverUrl: text,
    model,
    adapter: text,
    framework: fc.option(text, { nil: undefined }),
    config: json,
    startedAt: fc.option(moment, { nil: undefined }),
    completedAt: fc.option(moment, { nil: undefined }),
    error: fc.option(fc.record({ code: text, message: text }, { noNullPrototype: true }), { nil: undefined }),
    notes: text,
    favorite: fc.boolean(),
    result: fc.option(json as fc.Arbitrary<unknown> as fc.Arbitrary<Result>, { nil: undefined }),
    report: fc.option(json, { nil: undefined }),
  },
  { requiredKeys: [] },
);

const newRun = fc.record({
  runId,
  kind,
  serverUrl: text,
  model,
  adapter: text,
  framework: fc.option(text, { nil: undefined }),
  config: json,
  createdAt: moment,
  notes: text,
});

/** Mostly created first, so that there is something to change. */
export const storeCalls: fc.Arbitrary<readonly StoreCall[]> = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ call: fc.constant("create" as const), run: newRun }) },
    {
      weight: 4,
      arbitrary: fc.record({ call: fc.constant("update" as const), runId, changes: change }),
    },
    { weight: 1, arbitrary: fc.record({ call: fc.constant("remove" as const), runId }) },
    { weight: 2, arbitrary: fc.record({ call: fc.constant("find" as const), runId }) },
    {
      weight: 3,
      arbitrary: fc.record({
        call: fc.constant("list" as const),
        filter: fc.record({ kind, status, model }, { requiredKeys: [] }),
        limit: fc.integer({ min: 0, max: 6 }),
        offset: fc.integer({ min: 0, max: 6 }),
      }),
    },
  ),
  { minLength: 10, maxLength: 60 },
);
