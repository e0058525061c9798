import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { bucketIndex, bucketLowerBound, bucketMidpoint, Histogram } from "../../src/summarize/histogram.ts";

const STATED_ERROR = 1 / 2048;
/** From a nanosecond to a day. */
const latency = fc.integer({ min: 1, max: 86_400e9 });

function histogramOf(values: readonly number[]): Histogram {
  const histogram = new Histogram();
  for (const value of values) histogram.record(value);
  return histogram;
}

test("a bucket's middle is within the stated error of every value in it", () => {
  fc.assert(
    fc.property(latency, (value) => {
      const index = bucketIndex(value);
      assert.ok(bucketLowerBound(index) <= value && value < bucketLowerBound(index + 1));
      assert.ok(Math.abs(bucketMidpoint(index) / value - 1) <= STATED_ERROR);
    }),
  );
});

test("every quantile is within the stated error of the exact one", () => {
  fc.assert(
    fc.property(
      fc.array(latency, { minLength: 1, maxLength: 200 }),
      fc.double({ min: 0.001, max: 0.999, noNaN: true }),
      (values, q) => {
        const sorted = values.toSorted((a, b) => a - b);
        const exact = sorted[Math.max(1, Math.ceil(q * values.length - 1e-9)) - 1]!;
        assert.ok(Math.abs(histogramOf(values).quantile(q)! / exact - 1) <= STATED_ERROR);
      },
    ),
  );
});

test("merging is the same as recording everything in one", () => {
  fc.assert(
    fc.property(fc.array(latency), fc.array(latency), (a, b) => {
      const merged = histogramOf(a);
      merged.merge(histogramOf(b));
      const whole = histogramOf([...a, ...b]);
      assert.deepEqual([...merged.buckets()], [...whole.buckets()]);
      assert.deepEqual([merged.count, merged.min, merged.max], [whole.count, whole.min, whole.max]);
      if (whole.count > 0) {
        assert.ok(Math.abs(merged.mean! / whole.mean! - 1) < 1e-9);
        assert.ok(Math.abs(merged.std! - whole.std!) <= 1e-6 * whole.max);
      }
    }),
  );
});

test("mean and standard deviation are those of the values, not of the buckets", () => {
  const histogram = histogramOf([2, 4, 4, 4, 5, 5, 7, 9]);
  assert.equal(histogram.mean, 5);
  assert.ok(Math.abs(histogram.std! - Math.sqrt(32 / 7)) < 1e-12);
});

test("without samples there is no quantile, no mean and no deviation", () => {
  const empty = new Histogram();
  assert.deepEqual([empty.quantile(0.5), empty.mean, empty.std], [undefined, undefined, undefined]);
});

test("a negative number or NaN is refused", () => {
  assert.throws(() => histogramOf([-1]), RangeError);
  assert.throws(() => histogramOf([Number.NaN]), RangeError);
});
