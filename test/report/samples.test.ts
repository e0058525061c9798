import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { Samples } from "../../src/report/exports/samples.ts";

describe("Samples", () => {
  const one = of([3, 1, 2, 10]);

  // numpy: np.percentile([3, 1, 2, 10], [50, 90, 95, 99]), np.std, np.mean.
  const rows: readonly (readonly [name: string, value: number | undefined, expected: number])[] = [
    ["mean", one.mean, 4],
    ["median between two ranks", one.linearQuantile(0.5), 2.5],
    ["90th percentile", one.linearQuantile(0.9), 7.9],
    ["99th percentile", one.linearQuantile(0.99), 9.79],
    ["population deviation", one.populationStd, 3.5355339059327378],
    ["sample deviation", one.sampleStd, 4.08248290463863],
    ["lowest", one.min, 1],
    ["highest", one.max, 10],
  ];
  for (const [name, value, expected] of rows) {
    test(`give numpy's ${name}`, () => assert.ok(Math.abs(value! - expected) < 1e-9, `${value}`));
  }

  test("of nothing give nothing", () => {
    const none = of([]);
    for (const value of [
      none.mean,
      none.populationStd,
      none.linearQuantile(0.5),
      none.weightedQuantile(0.5),
    ]) {
      assert.equal(value, undefined);
    }
  });

  test("weigh each value", () => {
    const samples = new Samples();
    samples.add(10, 1);
    samples.add(20, 8);
    samples.add(30, 1);
    assert.equal(samples.mean, 20);
    assert.equal(samples.weightedQuantile(0.5), 20);
    assert.equal(samples.weightedQuantile(0.1), 10);
    assert.equal(samples.weightedQuantile(0.95), 30);
  });

  test("keep their figures in any order and past any size", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 1e6 }), { minLength: 1, maxLength: 3000 }), (values) => {
        const samples = of(values);
        const sorted = values.toSorted((a, b) => a - b);
        assert.equal(samples.count, values.length);
        assert.equal(samples.linearQuantile(0), sorted[0]);
        assert.equal(samples.linearQuantile(1), sorted.at(-1));
        const median = samples.linearQuantile(0.5)!;
        assert.ok(sorted.filter((value) => value <= median).length >= values.length / 2);
      }),
      { seed: 7, numRuns: 50 },
    );
  });
});

function of(values: readonly number[]): Samples {
  const samples = new Samples();
  for (const value of values) samples.add(value);
  return samples;
}
