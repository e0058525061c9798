import assert from "node:assert/strict";
import { test } from "node:test";
import { confidenceAtLook, looksFor } from "../../src/judge/decisive.ts";
import { quantileRanks } from "../../src/judge/intervals.ts";
import { random } from "../../src/random.ts";

test("each look has twice the requests of the one before, and the last is at the budget", () => {
  assert.deepEqual(looksFor(10_000), [156, 312, 625, 1250, 2500, 5000, 10_000]);
  assert.deepEqual(looksFor(200), [100, 200]);
  assert.deepEqual(looksFor(199), [199]);
  assert.deepEqual(looksFor(20), [20], "a budget too small for a look before its end has one");
  assert.deepEqual(looksFor(0), [1]);
  assert.deepEqual(looksFor(60, 10), [15, 30, 60], "seconds, with a first look of one's own");
});

for (const looks of [1, 2, 3, 7, 20]) {
  test(`the risks of ${looks} looks add up to the risk of the run`, () => {
    const risks = Array.from({ length: looks }, (_, look) => 1 - confidenceAtLook(0.95, look, looks));
    assert.ok(Math.abs(risks.reduce((sum, risk) => sum + risk, 0) - 0.05) < 1e-12);
    assert.ok(risks.every((risk) => risk > 0));
    if (looks > 1) assert.ok(Math.abs(risks.at(-1)! - 0.025) < 1e-12, "the last look keeps half");
  });
}

const BUDGET = 4000;
const Q = 0.95;

/** Judges "p95 within its limit" at every look; a request is over the limit with probability `share`. */
function run(seed: number, share: number, corrected: boolean): { outcome: string; requests: number } {
  const chance = random(seed, "decisive", share);
  const looks = looksFor(BUDGET);
  let n = 0;
  let over = 0;
  for (const [i, look] of looks.entries()) {
    for (; n < look; n++) if (chance.uniform() < share) over++;
    const confidence = corrected ? confidenceAtLook(0.95, i, looks.length) : 0.95;
    const [lower, upper] = quantileRanks(n, Q, confidence);
    if (upper !== undefined && upper <= n - over) return { outcome: "met", requests: n };
    if (lower !== undefined && lower > n - over) return { outcome: "violated", requests: n };
  }
  return { outcome: "inconclusive", requests: n };
}

function many(share: number, corrected = true): { met: number; violated: number; requests: number } {
  const runs = Array.from({ length: 1000 }, (_, seed) => run(seed, share, corrected));
  const rate = (outcome: string) => runs.filter((one) => one.outcome === outcome).length / runs.length;
  const requests = runs.reduce((sum, one) => sum + one.requests, 0) / runs.length;
  return { met: rate("met"), violated: rate("violated"), requests };
}

test("a figure at its limit is called met, or violated, in at most one run of twenty", () => {
  const { met, violated } = many(1 - Q);
  assert.ok(met <= 0.05, `met ${met}`);
  assert.ok(violated <= 0.05, `violated ${violated}`);
});

test("without dividing the risk it would be wrong more often than that", () => {
  const { met } = many(1 - Q, false);
  assert.ok(met > 0.05, `met ${met}`);
});

test("clear cases end after a fraction of the budget", () => {
  const fast = many(0.01);
  assert.ok(fast.met > 0.99 && fast.requests < BUDGET / 8, JSON.stringify(fast));
  const slow = many(0.12);
  assert.ok(slow.violated > 0.99 && slow.requests < BUDGET / 8, JSON.stringify(slow));
});

test("what one look at the whole budget would nearly always decide is still decided", () => {
  const { met, requests } = many(0.035);
  assert.ok(met > 0.9, `met ${met}`);
  assert.ok(requests < BUDGET, `${requests}`);
});
