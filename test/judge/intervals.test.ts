import assert from "node:assert/strict";
import { test } from "node:test";
import {
  binomialCdf,
  quantileRanks,
  samplesToEstablish,
  studentQuantile,
  wilsonInterval,
} from "../../src/judge/intervals.ts";
import { random } from "../../src/random.ts";

/** Smallest n with which a quantile is shown to be within its limit when t samples are over it (exact binomial). */
const GOLDEN: readonly (readonly [confidence: number, q: number, n: Readonly<Record<number, number>>])[] = [
  [0.95, 0.5, { 0: 5, 1: 8, 2: 11, 3: 13, 5: 18, 10: 30 }],
  [0.95, 0.9, { 0: 29, 1: 46, 2: 61, 3: 76, 5: 103, 10: 167 }],
  [0.95, 0.95, { 0: 59, 1: 93, 2: 124, 3: 153, 5: 208, 10: 336 }],
  [0.95, 0.99, { 0: 299, 1: 473, 2: 628, 3: 773, 5: 1049, 10: 1693 }],
  [0.99, 0.95, { 0: 90, 1: 130, 2: 165, 3: 198, 5: 259, 10: 398 }],
  [0.99, 0.99, { 0: 459, 1: 662, 2: 838, 3: 1001, 5: 1307, 10: 2010 }],
];

for (const [confidence, q, row] of GOLDEN) {
  for (const [over, n] of Object.entries(row).map(([over, n]) => [Number(over), n] as const)) {
    test(`p${q * 100} with ${over} over needs ${n} samples at ${confidence * 100} %`, () => {
      assert.equal(samplesToEstablish(q, over, confidence), n);
      // The interval says the same: its upper end is a sample that is not over.
      assert.equal(quantileRanks(n, q, confidence)[1], n - over);
      const fewer = quantileRanks(n - 1, q, confidence)[1];
      assert.ok(fewer === undefined || fewer > n - 1 - over);
    });
  }
}

test("the binomial distribution agrees with its sum", () => {
  let sum = 0;
  let term = 0.7 ** 40;
  for (let k = 0; k <= 40; k++) {
    sum += term;
    assert.ok(Math.abs(binomialCdf(k, 40, 0.3) - sum) < 1e-12, `k=${k}`);
    term *= ((40 - k) / (k + 1)) * (0.3 / 0.7);
  }
});

test("a quantile's bounds hold at least as often as they say", () => {
  const chance = random(1, "coverage");
  const trials = 2000;
  let belowUpper = 0;
  let aboveLower = 0;
  for (let i = 0; i < trials; i++) {
    const samples = Array.from({ length: 150 }, () => chance.exponential()).toSorted((a, b) => a - b);
    const [lower, upper] = quantileRanks(150, 0.95, 0.95);
    const truth = -Math.log(0.05);
    if (samples[upper! - 1]! >= truth) belowUpper++;
    if (samples[lower! - 1]! <= truth) aboveLower++;
  }
  assert.ok(belowUpper / trials > 0.94, `upper ${belowUpper / trials}`);
  assert.ok(aboveLower / trials > 0.94, `lower ${aboveLower / trials}`);
});

test("Wilson's interval matches a published value and stays within 0 and 1", () => {
  // Newcombe 1998, table I: 81 of 263, two-sided 95 %, 0.2553 to 0.3662; one bound of it holds at 97.5 %.
  const [lower, upper] = wilsonInterval(81, 263, 0.975);
  assert.ok(Math.abs(lower! - 0.2553) < 5e-5 && Math.abs(upper! - 0.3662) < 5e-5);
  assert.equal(wilsonInterval(0, 50, 0.95)[0], 0);
  assert.equal(wilsonInterval(50, 50, 0.95)[1], 1);
  assert.deepEqual(wilsonInterval(0, 0, 0.95), [undefined, undefined]);
});

test("Student's quantiles match published ones", () => {
  for (const [p, degrees, t] of [
    [0.95, 1, 6.314],
    [0.95, 8, 1.86],
    [0.99, 4, 3.747],
    [0.975, 30, 2.042],
    [0.95, 1e6, 1.645],
  ] as const) {
    assert.ok(Math.abs(studentQuantile(p, degrees) - t) < 1e-3, `${p} ${degrees}`);
  }
});
