import assert from "node:assert/strict";
import { test } from "node:test";
import { addGrowths, latencyOf, quantileOf } from "../../src/observe/histogram.ts";

const INF = Number.POSITIVE_INFINITY;
const buckets = (...pairs: [number, number][]) => new Map(pairs);

const ROWS: readonly {
  why: string;
  of: Map<number, number>;
  q: number;
  is?: { value: number; above: boolean };
}[] = [
  {
    why: "lies within its bucket in proportion",
    of: buckets([1, 10], [2, 30], [INF, 30]),
    q: 0.5,
    is: { value: 1.25, above: false },
  },
  {
    why: "the first bucket begins at 0",
    of: buckets([1, 10], [2, 10], [INF, 10]),
    q: 0.5,
    is: { value: 0.5, above: false },
  },
  {
    why: "a bucket's bound is in it",
    of: buckets([1, 5], [2, 10], [INF, 10]),
    q: 0.5,
    is: { value: 1, above: false },
  },
  {
    why: "empty buckets are stepped over",
    of: buckets([1, 0], [2, 0], [3, 4], [INF, 4]),
    q: 0.5,
    is: { value: 2.5, above: false },
  },
  {
    why: "beyond the last bound it is that bound",
    of: buckets([1, 1], [2, 2], [INF, 10]),
    q: 0.95,
    is: { value: 2, above: true },
  },
  {
    why: "the first bound may be 0",
    of: buckets([0, 10], [1, 10], [INF, 10]),
    q: 0.5,
    is: { value: 0, above: false },
  },
  {
    why: "order does not matter",
    of: buckets([INF, 30], [2, 30], [1, 10]),
    q: 0.5,
    is: { value: 1.25, above: false },
  },
  {
    why: "a count that lags behind the one before it is read as that one",
    of: buckets([1, 10], [2, 9], [3, 20], [INF, 20]),
    q: 0.75,
    is: { value: 2.5, above: false },
  },
  { why: "nothing observed has no quantile", of: buckets([1, 0], [INF, 0]), q: 0.5 },
  { why: "a histogram without its infinite bucket has none", of: buckets([1, 1], [2, 3]), q: 0.5 },
  { why: "one bucket says nothing", of: buckets([INF, 3]), q: 0.5 },
];

for (const { why, of, q, is } of ROWS) {
  test(`a quantile from buckets: ${why}`, () => assert.deepEqual(quantileOf(of, q), is));
}

test("seconds become milliseconds, and quantiles beyond the last bound are named", () => {
  assert.deepEqual(latencyOf({ sum: 1.4, count: 4, buckets: buckets([0.1, 2], [0.2, 3], [INF, 4]) }), {
    count: 4,
    mean: 350,
    p50: 100,
    p95: 200,
    p99: 200,
    above: ["p95", "p99"],
  });
});

test("a count stands in the infinite bucket too; without a sum there is no latency", () => {
  assert.equal(latencyOf({ sum: 1, buckets: buckets([1, 2], [INF, 2]) })?.count, 2);
  assert.equal(latencyOf({ count: 2, buckets: buckets([1, 2], [INF, 2]) }), undefined);
  assert.equal(latencyOf({ sum: 0, count: 0, buckets: buckets() }), undefined);
  assert.deepEqual(latencyOf({ sum: 1, count: 2, buckets: buckets() }), { count: 2, mean: 500 });
});

test("histograms of unlike bounds meet at the bounds they share", () => {
  assert.deepEqual(
    addGrowths([
      { sum: 1, count: 3, buckets: buckets([1, 1], [2, 2], [INF, 3]) },
      { sum: 2, count: 5, buckets: buckets([1, 2], [3, 4], [INF, 5]) },
    ]),
    { sum: 3, count: 8, buckets: buckets([1, 3], [INF, 8]) },
  );
  assert.equal(addGrowths([]), undefined);
});
