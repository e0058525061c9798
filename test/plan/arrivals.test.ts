import assert from "node:assert/strict";
import { test } from "node:test";
import { arrivalOffsets } from "../../src/plan/arrivals.ts";
import type { Arrivals } from "../../src/plan/plan.ts";
import { syntheticPrompt } from "../../src/plan/prompts.ts";
import { NS_PER_S } from "../../src/units.ts";

const offsets = (arrivals: Arrivals, rate: number, seconds: number, burstiness = 1, seed = 1) =>
  arrivalOffsets(
    { kind: "open", requestsPerSecond: rate, arrivals, burstiness },
    { durationNs: seconds * NS_PER_S },
    seed,
    0,
  );

function gapVariation(moments: Float64Array): number {
  const gaps = [...moments].slice(1).map((moment, i) => moment - moments[i]!);
  const mean = gaps.reduce((a, b) => a + b, 0) / gaps.length;
  return Math.sqrt(gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length) / mean;
}

test("a constant rate is even to the nanosecond and exact in number", () => {
  const moments = offsets("constant", 300, 10);
  assert.equal(moments.length, 3000);
  assert.ok(gapVariation(moments) < 1e-6);
});

test("Poisson arrivals are as dispersed as Poisson's, over a hundred windows", () => {
  const moments = offsets("poisson", 100, 100);
  const counts = Array.from(
    { length: 100 },
    (_, i) => moments.filter((moment) => Math.floor(moment / NS_PER_S) === i).length,
  );
  const mean = counts.reduce((a, b) => a + b) / 100;
  const dispersion = counts.reduce((sum, count) => sum + (count - mean) ** 2, 0) / 99 / mean;
  assert.ok(dispersion > 0.7 && dispersion < 1.35, `index of dispersion ${dispersion}`);
  assert.ok(Math.abs(mean - 100) < 4, `mean ${mean}`);
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

test("the same seed writes the same prompt; no two requests begin alike", () => {
  assert.equal(syntheticPrompt(64, 7, 0, 3), syntheticPrompt(64, 7, 0, 3));
  assert.equal(syntheticPrompt(64, 7, 0, 3).split(" ").length, 64);
  const beginnings = new Set(Array.from({ length: 500 }, (_, i) => syntheticPrompt(4, 7, 0, i)));
  assert.equal(beginnings.size, 500);
});
