import assert from "node:assert/strict";
import { test } from "node:test";
import { fastest, type ThreadPlan, threadsFor } from "../../../server/inference/thread-count.ts";

const plan: ThreadPlan = [
  { tokens: 1, threads: 1 },
  { tokens: 4, threads: 2 },
  { tokens: 8, threads: 8 },
];

for (const [tokens, threads, why] of [
  [1, 1, "that was measured"],
  [3, 1, "between two measured sizes the smaller one's threads do less harm"],
  [4, 2, "that was measured"],
  [8, 8, "that was measured"],
  [700, 8, "a prompt is more than any measured step"],
] as const) {
  test(`a step of ${tokens} tokens is computed by ${threads} threads: ${why}`, () => {
    assert.equal(threadsFor(plan, tokens), threads);
  });
}

/** Milliseconds of a step by its threads; what a round adds is the machine's own doing. */
function machine(stepMs: Readonly<Record<number, number>>, busy: readonly number[] = []) {
  let now = 0;
  let steps = 0;
  return {
    now: () => now,
    run: async (threads: number) => {
      now += stepMs[threads]! + (busy[steps++] ?? 0);
    },
  };
}

for (const [stepMs, busy, expected, why] of [
  [{ 1: 10, 2: 6 }, [], 2, "two threads are faster"],
  [{ 1: 10, 2: 100 }, [], 1, "two threads wait for each other"],
  [{ 1: 10, 2: 9.8 }, [], 1, "a second thread gains too little for a core"],
  [{ 1: 10, 2: 6, 4: 3 }, [], 4, "each doubling gains"],
  [{ 1: 10, 2: 6 }, [0, 0, 0, 90], 2, "one busy moment does not decide"],
  [{ 1: 10, 2: 6 }, [0, 90], 2, "the first round is not counted"],
] as const) {
  test(`of ${Object.keys(stepMs).join(", ")} threads ${expected} are chosen when ${why}`, async () => {
    const { now, run } = machine(stepMs, busy);
    const counts = Object.keys(stepMs).map(Number);
    assert.equal(await fastest(counts, Number.POSITIVE_INFINITY, run, now), expected);
  });
}

test("measuring ends at its deadline, but not before each count was seen once with its data in the caches", async () => {
  const { now, run } = machine({ 1: 1000, 2: 600 }, [0, 2000]);
  assert.equal(await fastest([1, 2], 0, run, now), 2);
  assert.equal(now(), 2 * 1600 + 2000);
});
