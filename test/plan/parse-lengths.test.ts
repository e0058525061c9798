import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { drawLength, formatLengths, NO_MAX } from "../../src/plan/lengths.ts";
import { parseLengths } from "../../src/plan/parse-lengths.ts";
import type { Lengths } from "../../src/plan/plan.ts";
import { random } from "../../src/random.ts";

const READ: readonly (readonly [written: string, lengths: Lengths])[] = [
  ["256", { kind: "fixed", tokens: 256 }],
  [" 1 ", { kind: "fixed", tokens: 1 }],
  ["uniform:100-300", { kind: "uniform", min: 100, max: 300 }],
  ["Uniform: 7 - 7", { kind: "uniform", min: 7, max: 7 }],
  ["normal:256,50", { kind: "normal", mean: 256, std: 50, min: 1, max: NO_MAX }],
  ["normal:256.5, 0", { kind: "normal", mean: 256.5, std: 0, min: 1, max: NO_MAX }],
  ["normal:256,50,min=10,max=900", { kind: "normal", mean: 256, std: 50, min: 10, max: 900 }],
  ["lognormal:256,100", { kind: "lognormal", mean: 256, std: 100, min: 1, max: NO_MAX }],
  ["lognormal:256,100,max=900", { kind: "lognormal", mean: 256, std: 100, min: 1, max: 900 }],
];
for (const [written, lengths] of READ) {
  test(`"${written}" is read as ${formatLengths(lengths)}`, () => {
    assert.deepEqual(parseLengths(written), lengths);
    assert.deepEqual(parseLengths(formatLengths(lengths)), lengths, "what is written reads as itself");
  });
}

const MISTAKES: readonly (readonly [written: string, says: RegExp])[] = [
  ["", /^should be a number of tokens from 1 on, or uniform:100-300/],
  ["0", /^should be a number of tokens from 1 on/],
  ["-5", /^should be a number of tokens from 1 on/],
  ["2.5", /^should be a number of tokens from 1 on/],
  ["1e9", /^should be a number of tokens from 1 on/],
  ["zipf:1", /^should be a number of tokens from 1 on/],
  ["uniform:100", /^should have two whole numbers/],
  ["uniform:0-5", /^should have two whole numbers from 1 on/],
  ["uniform:300-100", /smaller number first: uniform:100-300\.$/],
  ["normal:256", /for example normal:256,50\.$/],
  ["lognormal:0.5,2", /^should have a mean from 1 on .* lognormal:256,50\.$/],
  ["normal:256,-1", /standard deviation from 0 on/],
  ["normal:256,50,mim=3", /^has "mim=3" where min=10 or max=900/],
  ["normal:256,50,min=0", /^has "min=0" where/],
  ["normal:256,50,min=9,max=3", /min that is at most max; it has min=9, max=3\.$/],
];
for (const [written, says] of MISTAKES) {
  test(`"${written}" is no lengths`, () => {
    const result = parseLengths(written);
    assert.ok("message" in result);
    assert.match(result.message, says);
  });
}

/** Of 40,000 draws: the mean is off by σ/200, the deviation by about as much. */
function drawn(text: string): { mean: number; std: number; all: number[] } {
  const lengths = parseLengths(text);
  assert.ok(!("message" in lengths));
  const all = Array.from({ length: 40_000 }, (_, i) => drawLength(lengths, random(1, "lengths", i)));
  const mean = all.reduce((a, b) => a + b) / all.length;
  const std = Math.sqrt(all.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (all.length - 1));
  return { mean, std, all };
}

const DRAWN: readonly (readonly [text: string, mean: number, std: number])[] = [
  ["256", 256, 0],
  // The variance of whole numbers from a to b is ((b − a + 1)² − 1) / 12.
  ["uniform:100-300", 200, Math.sqrt((201 ** 2 - 1) / 12)],
  ["normal:256,50", 256, 50],
  ["lognormal:256,100", 256, 100],
  ["lognormal:256,512,max=1000000", 256, 512],
];
for (const [text, mean, std] of DRAWN) {
  test(`draws of ${text} have its mean and its deviation`, () => {
    const found = drawn(text);
    assert.ok(Math.abs(found.mean - mean) <= std * 0.02, `mean ${found.mean}`);
    // A heavy tail's deviation is itself known less well.
    assert.ok(Math.abs(found.std - std) <= std * (std > mean ? 0.15 : 0.03), `deviation ${found.std}`);
  });
}

test("a log-normal's logarithms are normal: its median is below its mean as the formula says", () => {
  const { all } = drawn("lognormal:256,256");
  const median = all.toSorted((a, b) => a - b)[20_000]!;
  assert.ok(Math.abs(median / (256 / Math.SQRT2) - 1) < 0.03, `median ${median}`);
});

test("every number of a uniform distribution comes, both ends included", () => {
  const counts = new Map<number, number>();
  for (const value of drawn("uniform:1-4").all) counts.set(value, (counts.get(value) ?? 0) + 1);
  assert.deepEqual([...counts.keys()].toSorted(), [1, 2, 3, 4]);
  for (const count of counts.values()) assert.ok(Math.abs(count - 10_000) < 400, `${count}`);
});

test("lengths are whole and kept within their bounds, however wild the distribution", () => {
  const bounds = fc.tuple(fc.integer({ min: 1, max: 500 }), fc.integer({ min: 0, max: 500 }));
  fc.assert(
    fc.property(
      fc.constantFrom("normal" as const, "lognormal" as const),
      fc.double({ min: 1, max: 1e4, noNaN: true }),
      fc.double({ min: 0, max: 1e5, noNaN: true }),
      bounds,
      fc.nat(),
      (kind, mean, std, [min, more], index) => {
        const lengths = { kind, mean, std, min, max: min + more };
        const length = drawLength(lengths, random(1, index));
        assert.ok(Number.isInteger(length) && length >= min && length <= min + more, `${length}`);
      },
    ),
    { seed: 1, numRuns: 500 },
  );
});
