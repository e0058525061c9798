import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { arrivalOffsets } from "../../src/plan/arrivals.ts";
import { ARRIVALS, type Arrivals, type Stage } from "../../src/plan/plan.ts";
import { NS_PER_S } from "../../src/units.ts";

const offsets = (arrivals: Arrivals, rate: number, seconds: number, burstiness = 1, seed = 1) =>
  arrivalOffsets(
    { kind: "open", requestsPerSecond: rate, arrivals, burstiness },
    { durationNs: seconds * NS_PER_S },
    seed,
    0,
  );

const staged = (
  arrivals: Arrivals,
  parts: readonly (readonly [seconds: number, target: number])[],
  { seed = 1, burstiness = 1, stop = {} } = {},
) => {
  const stages: Stage[] = parts.map(([seconds, target]) => ({ durationNs: seconds * NS_PER_S, target }));
  return arrivalOffsets({ kind: "stages", of: "rate", stages, arrivals, burstiness }, stop, seed, 0);
};

function gapVariation(moments: Float64Array): number {
  const gaps = [...moments].slice(1).map((moment, i) => moment - moments[i]!);
  const mean = gaps.reduce((a, b) => a + b, 0) / gaps.length;
  return Math.sqrt(gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length) / mean;
}

const between = (moments: Float64Array, fromSeconds: number, toSeconds: number) =>
  moments.filter((ns) => ns >= fromSeconds * NS_PER_S && ns < toSeconds * NS_PER_S).length;

/** Variance of the counts of 100 windows over their mean: 1 for Poisson. */
function dispersion(counts: readonly number[]): number {
  const mean = counts.reduce((a, b) => a + b, 0) / counts.length;
  return counts.reduce((sum, count) => sum + (count - mean) ** 2, 0) / (counts.length - 1) / mean;
}

/** One index over 100 windows is itself off by 14 %; the mean of 64 of them by 1.8 %. */
function meanDispersion(moments: (seed: number) => Float64Array, edges: readonly number[]): number {
  const seeds = Array.from({ length: 64 }, (_, i) => i + 1);
  const indices = seeds.map((seed) => {
    const all = moments(seed);
    return dispersion(edges.slice(1).map((edge, i) => between(all, edges[i]!, edge)));
  });
  return indices.reduce((a, b) => a + b) / indices.length;
}

test("a constant rate is even to the nanosecond and exact in number", () => {
  const moments = offsets("constant", 300, 10);
  assert.equal(moments.length, 3000);
  assert.ok(gapVariation(moments) < 1e-6);
});

test("Poisson arrivals are as dispersed as Poisson's, over a hundred windows", () => {
  const edges = Array.from({ length: 101 }, (_, i) => i);
  const index = meanDispersion((seed) => offsets("poisson", 20, 100, 1, seed), edges);
  assert.ok(index > 0.95 && index < 1.05, `index of dispersion ${index}`);
  const moments = offsets("poisson", 100, 100);
  assert.ok(Math.abs(moments.length / 10_000 - 1) < 0.04, `${moments.length} arrivals`);
  assert.ok(Math.abs(gapVariation(moments) - 1) < 0.05);
});

for (const burstiness of [0.25, 1, 4]) {
  test(`gamma arrivals of burstiness ${burstiness} vary as 1/√${burstiness}`, () => {
    const moments = offsets("gamma", 200, 100, burstiness);
    assert.ok(Math.abs(gapVariation(moments) * Math.sqrt(burstiness) - 1) < 0.05);
    assert.ok(Math.abs(moments.length / 20_000 - 1) < 0.05);
  });
}

test("the same seed arrives at the same moments, another one at others", () => {
  assert.deepEqual(offsets("poisson", 50, 5), offsets("poisson", 50, 5));
  assert.notDeepEqual(offsets("poisson", 50, 5), offsets("poisson", 50, 5, 1, 2));
});

test("an even ramp from 0 to 100/s over 10 s has 500 arrivals, each where the line has added up to it", () => {
  const moments = staged("constant", [[10, 100]]);
  assert.equal(moments.length, 500);
  // The line adds up to 5 t² requests, so that the i-th comes after √(i/5) seconds.
  for (const [i, ns] of moments.entries()) assert.equal(ns, Math.round(Math.sqrt(i / 5) * NS_PER_S));
  for (let second = 0; second < 10; second++) {
    const expected = 5 * (second + 1) ** 2 - 5 * second ** 2;
    assert.equal(between(moments, second, second + 1), expected);
  }
});

test("stages go up, stay and come down, and the number is exact", () => {
  const moments = staged("constant", [
    [10, 100],
    [10, 100],
    [5, 0],
  ]);
  assert.equal(between(moments, 0, 10), 500);
  assert.equal(between(moments, 10, 20), 1000);
  assert.equal(moments.length, 1750);
  assert.ok(gapVariation(moments.filter((ns) => ns >= 10 * NS_PER_S && ns < 20 * NS_PER_S)) < 1e-6);
});

test("nothing arrives while the rate is 0", () => {
  const moments = staged("constant", [
    [10, 0],
    [10, 10],
    [10, 0],
    [10, 0],
    [10, 10],
  ]);
  assert.equal(moments[0], 10 * NS_PER_S);
  assert.equal(between(moments, 0, 10) + between(moments, 30, 40), 0);
  assert.equal(moments.length, 150);
  assert.equal(staged("poisson", [[10, 0]]).length, 0);
});

test("Poisson arrivals on a ramp are as dispersed as Poisson's, in windows of equal expectation", () => {
  // 2,000 arrivals expected; the line adds up to 10 t², so windows end at √(2i) seconds.
  const edges = Array.from({ length: 101 }, (_, i) => Math.sqrt(2 * i));
  const index = meanDispersion(
    (seed) => staged("poisson", [[Math.sqrt(200), 20 * Math.sqrt(200)]], { seed }),
    edges,
  );
  assert.ok(index > 0.95 && index < 1.05, `index of dispersion ${index}`);
});

test("gamma arrivals on a plateau between ramps vary as 1/√burstiness", () => {
  const moments = staged(
    "gamma",
    [
      [10, 200],
      [100, 200],
      [10, 0],
    ],
    { burstiness: 4 },
  );
  const plateau = moments.filter((ns) => ns >= 10 * NS_PER_S && ns < 110 * NS_PER_S);
  assert.ok(Math.abs(gapVariation(plateau) * 2 - 1) < 0.05);
  assert.ok(Math.abs(moments.length / 22_000 - 1) < 0.02);
});

for (const arrivals of ARRIVALS) {
  test(`a stop by requests or by time cuts ${arrivals} stages and draws nothing anew`, () => {
    const all = staged(arrivals, [[10, 100]]);
    assert.deepEqual(staged(arrivals, [[10, 100]], { stop: { requests: 50 } }), all.slice(0, 50));
    const early = staged(arrivals, [[10, 100]], { stop: { durationNs: 5 * NS_PER_S } });
    assert.deepEqual(
      early,
      all.filter((ns) => ns < 5 * NS_PER_S),
    );
  });
}

test("however the arrivals are split among workers, together they are all, ascending whole nanoseconds", () => {
  const part = fc.tuple(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 0, max: 60 }));
  fc.assert(
    fc.property(
      fc.constantFrom(...ARRIVALS),
      fc.array(part, { minLength: 1, maxLength: 5 }),
      fc.integer({ min: 1, max: 7 }),
      (arrivals, parts, workers) => {
        const draw = () => staged(arrivals, parts, { burstiness: 0.5 });
        const all = draw();
        const split = Array.from({ length: workers }, (_, worker) =>
          draw().filter((_, i) => i % workers === worker),
        );
        assert.deepEqual(Float64Array.from(split.flatMap((moments) => [...moments])).toSorted(), all);
        assert.ok(all.every((ns, i) => Number.isInteger(ns) && ns >= (all[i - 1] ?? 0)));
        const seconds = parts.reduce((sum, [length]) => sum + length, 0);
        assert.ok(all.every((ns) => ns <= seconds * NS_PER_S));
      },
    ),
    { seed: 1, numRuns: 100 },
  );
});
