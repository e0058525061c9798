import assert from "node:assert/strict";
import fc from "fast-check";
import type {
  HistoryBounds,
  Instance,
  InstanceHistory,
  InstanceSnapshot,
  KnownInstance,
} from "../../server/agent/collect/instance-history.ts";
import type { InstanceMetrics } from "../../server/agent/collect/instance-metrics.ts";

/** One call of a history. */
export type HistoryCall =
  | { readonly call: "register"; readonly instance: Instance; readonly at: string }
  | { readonly call: "add"; readonly id: string; readonly snapshot: InstanceSnapshot }
  | { readonly call: "fail"; readonly id: string; readonly at: string }
  | { readonly call: "remove"; readonly id: string }
  | { readonly call: "snapshots"; readonly id: string; readonly limit: number };

/** Makes the calls on the history and on a plain map, and compares every answer. */
export async function checkHistory(
  history: InstanceHistory,
  bounds: HistoryBounds,
  calls: readonly HistoryCall[],
): Promise<void> {
  /** In the order of their last registration. */
  const model = new Map<string, { known: Omit<KnownInstance, "latest">; snapshots: InstanceSnapshot[] }>();
  for (const call of calls) {
    switch (call.call) {
      case "register": {
        const { instance, at } = call;
        const before = model.get(instance.instanceId);
        const same =
          before?.known.metricsUrl === instance.metricsUrl &&
          before.known.instanceType === instance.instanceType;
        model.delete(instance.instanceId);
        const anew = { known: { ...instance, registeredAt: at, failure: undefined }, snapshots: [] };
        model.set(instance.instanceId, before !== undefined && same ? before : anew);
        const [oldest] = model.keys();
        if (model.size > bounds.instances) model.delete(oldest!);
        await history.register(instance, at);
        break;
      }
      case "add": {
        const entry = model.get(call.id);
        if (entry !== undefined) {
          entry.known = { ...entry.known, failure: undefined };
          entry.snapshots = [...entry.snapshots, call.snapshot].slice(-bounds.snapshots);
        }
        await history.add(call.id, call.snapshot);
        break;
      }
      case "fail": {
        const entry = model.get(call.id);
        const failure = { at: call.at, message: "No answer." };
        if (entry !== undefined) entry.known = { ...entry.known, failure };
        await history.fail(call.id, failure);
        break;
      }
      case "remove":
        assert.equal(await history.remove(call.id), model.delete(call.id));
        break;
      case "snapshots": {
        const kept = model.get(call.id)?.snapshots ?? [];
        const last = call.limit === 0 ? [] : kept.slice(-call.limit);
        assert.deepEqual(await history.snapshots(call.id, call.limit), last);
        break;
      }
      default:
        call satisfies never;
    }
    const expected = [...model.values()].map(({ known, snapshots }) => ({
      ...known,
      latest: snapshots.at(-1),
    }));
    assert.deepEqual(await history.list(), expected);
  }
}

/** What an engine's page said at a moment; only the number of requests tells one from another. */
export function reading(
  running: number,
  at = `2026-01-01T00:00:${String(running % 60).padStart(2, "0")}.000Z`,
) {
  const metrics = { engine: "vLLM", gpu_metrics: { num_requests_running: running }, interval_seconds: null };
  return { at, metrics: metrics as unknown as InstanceMetrics } satisfies InstanceSnapshot;
}

/** Few ids, so that calls meet. */
const id = fc.constantFrom("a", "b", "c", "d");
const at = fc.integer({ min: 0, max: 59 }).map((second) => reading(second).at);
export const historyCalls: fc.Arbitrary<readonly HistoryCall[]> = fc.array(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        call: fc.constant("register" as const),
        instance: fc.record({
          instanceId: id,
          instanceType: fc.constantFrom("vllm" as const, "tgi" as const),
          metricsUrl: fc.constantFrom("http://a/metrics", "http://b/metrics"),
        }),
        at,
      }),
    },
    {
      weight: 6,
      arbitrary: fc.record({
        call: fc.constant("add" as const),
        id,
        snapshot: fc.nat(1000).map((n) => reading(n)),
      }),
    },
    { weight: 2, arbitrary: fc.record({ call: fc.constant("fail" as const), id, at }) },
    { weight: 1, arbitrary: fc.record({ call: fc.constant("remove" as const), id }) },
    {
      weight: 2,
      arbitrary: fc.record({
        call: fc.constant("snapshots" as const),
        id,
        limit: fc.integer({ min: 0, max: 5 }),
      }),
    },
  ),
  { minLength: 10, maxLength: 40 },
);
