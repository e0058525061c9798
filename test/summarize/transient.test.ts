import assert from "node:assert/strict";
import { test } from "node:test";
import { dependent, openQueue } from "../../bench/lib/services.ts";
import { random } from "../../src/random.ts";
import { transientOf } from "../../src/summarize/transient.ts";

const RUNS = 200;

/** Of seeded series, how many have a start that is cut. */
function cuts(make: (run: number) => Float64Array): number {
  return Array.from({ length: RUNS }, (_, run) => transientOf(make(run))).filter(
    (found) => found.kind === "settled" && found.length > 0,
  ).length;
}

for (const [name, make] of Object.entries({
  "independent latencies": (run: number) => dependent(0, 1000, random(1, "independent", run)),
  "latencies that depend on the one before": (run: number) =>
    dependent(0.9, 1000, random(1, "dependent", run)),
  "a queue in its steady state": (run: number) =>
    openQueue({ load: 0.8, slots: 8 }, 3000, 1000, random(1, "queue", run)),
})) {
  test(`hardly ever is a start seen in ${name}`, () => {
    const seen = cuts(make);
    assert.ok(seen <= 0.02 * RUNS, `${seen} of ${RUNS}`);
  });
}

test("a slow start is seen, and where it ends", () => {
  for (const [slow, factor] of [
    [50, 3],
    [200, 2],
    [20, 5],
  ] as const) {
    for (let run = 0; run < 20; run++) {
      const values = dependent(0, 1000, random(2, slow, run)).map((value, i) =>
        i < slow ? factor * value : value,
      );
      const found = transientOf(values);
      assert.ok(
        found.kind === "settled" && found.length >= slow - 20 && found.length <= slow + 80,
        `${slow} times ${factor}: ${JSON.stringify(found)}`,
      );
    }
  }
});

test("a rest that grows calmer does not move the end of a start that is many times slower", () => {
  for (let run = 0; run < 20; run++) {
    const calm = (i: number) => (i < 300 ? 0.2 : 0.05);
    const noise = dependent(0.5, 400, random(6, "calmer", run));
    const values = noise.map((value, i) => (i < 50 ? 30 : 1) * (value / 1e9) ** calm(i));
    const found = transientOf(values.map((value) => 50e6 * value));
    assert.deepEqual(found, { kind: "settled", length: 50 }, `run ${run}`);
  }
});

test("a rest that drifts a little does not keep a start that is many times slower", () => {
  const noise = dependent(0, 400, random(7, "drifts"));
  const values = noise.map((value, i) => 50e6 * (i < 50 ? 10 : 1 + 0.1 * (i / 400)) * (value / 1e9) ** 0.01);
  assert.deepEqual(transientOf(values), { kind: "settled", length: 50 });
});

test("a start that is faster than the rest is one too", () => {
  const values = dependent(0.5, 1000, random(3, "fast")).map((value, i) => (i < 100 ? value / 4 : value));
  const found = transientOf(values);
  assert.ok(found.kind === "settled" && Math.abs(found.length - 100) <= 20, JSON.stringify(found));
});

test("one slow request takes hardly another with it, however slow", () => {
  for (let run = 0; run < 20; run++) {
    const values = dependent(0, 1000, random(4, run));
    values[0] = 1e15;
    const found = transientOf(values);
    assert.ok(found.kind === "settled" && found.length <= 25, JSON.stringify(found));
  }
});

test("what rises from its start to its end never settles", () => {
  const overloaded = openQueue({ load: 1.3, slots: 8 }, 0, 1000, random(5, "overload"));
  assert.deepEqual(transientOf(overloaded), { kind: "unsettled" });
});

test("few values, and values that are all the same, have no start", () => {
  const none = { kind: "settled", length: 0 };
  assert.deepEqual(transientOf(Float64Array.of()), none);
  assert.deepEqual(transientOf(Float64Array.of(9e9, 1e9, 1e9)), none);
  assert.deepEqual(transientOf(new Float64Array(500).fill(7e9)), none);
});

test("a slow time that comes later is no start, however long", () => {
  for (const [from, to] of [
    [17, 160],
    [100, 150],
    [150, 400],
    [300, 480],
  ] as const) {
    for (let run = 0; run < 20; run++) {
      const values = dependent(0, 1000, random(6, from, run)).map((value, i) =>
        i >= from && i < to ? 20 * value : value,
      );
      const found = transientOf(values);
      assert.ok(found.kind === "unsettled" || found.length === 0, `${from} to ${to}`);
    }
  }
});
