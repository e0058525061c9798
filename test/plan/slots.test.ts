import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Stage } from "../../src/plan/plan.ts";
import { concurrencySlots, type SlotTimes, userSlots } from "../../src/plan/slots.ts";
import { NS_PER_S } from "../../src/units.ts";

const stages = (...parts: readonly (readonly [seconds: number, target: number])[]): Stage[] =>
  parts.map(([seconds, target]) => ({ durationNs: seconds * NS_PER_S, target }));

const openAt = (slots: readonly SlotTimes[], ns: number) =>
  slots.filter(({ startNs, endNs }) => startNs <= ns && ns < endNs).length;

const ROWS: readonly (readonly [why: string, stages: Stage[], seconds: number, open: number])[] = [
  ["the line begins at 0", stages([10, 10]), 0, 0],
  ["a ramp is rounded: 4.4 is 4", stages([10, 10]), 4.4, 4],
  ["a ramp is rounded: 4.6 is 5", stages([10, 10]), 4.6, 5],
  ["a plateau is exact", stages([10, 10], [10, 10]), 15, 10],
  ["a way down closes what opened last", stages([10, 10], [10, 0]), 15.6, 4],
  ["a second hill opens again", stages([10, 10], [10, 0], [10, 10]), 29.9, 10],
  ["nothing is open after the end", stages([10, 10]), 10, 0],
];
for (const [why, line, seconds, open] of ROWS) {
  test(`slots follow the stages: ${why}`, () => {
    assert.equal(openAt(concurrencySlots(line), seconds * NS_PER_S), open);
  });
}

test("at any moment as many slots are open as the line says, rounded", () => {
  const stage = fc.record({ seconds: fc.integer({ min: 1, max: 100 }), target: fc.nat(40) });
  fc.assert(
    fc.property(
      fc.array(stage, { minLength: 1, maxLength: 6 }),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      (parts, share) => {
        const line = stages(...parts.map(({ seconds, target }) => [seconds, target] as const));
        const slots = concurrencySlots(line);
        let from = 0;
        let startNs = 0;
        for (const { durationNs, target } of line) {
          const height = from + (target - from) * share;
          const open = openAt(slots, startNs + durationNs * share);
          // Moments are whole nanoseconds, so that just at a crossing either number is right.
          assert.ok(Math.abs(open - height) <= 0.5 + 1e-6, `${open} open where the line is at ${height}`);
          from = target;
          startNs += durationNs;
        }
      },
    ),
    { seed: 1, numRuns: 300 },
  );
});

test("slots come in the order they open", () => {
  const starts = concurrencySlots(stages([5, 8], [5, 2], [5, 9])).map(({ startNs }) => startNs);
  assert.deepEqual(
    starts,
    starts.toSorted((a, b) => a - b),
  );
});

test("users come one after the other and stay", () => {
  assert.deepEqual(userSlots(3, 2), [
    { startNs: 0, endNs: Number.POSITIVE_INFINITY },
    { startNs: 0.5 * NS_PER_S, endNs: Number.POSITIVE_INFINITY },
    { startNs: NS_PER_S, endNs: Number.POSITIVE_INFINITY },
  ]);
});
