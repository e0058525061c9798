import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  formatInterval,
  formatLimit,
  formatMoment,
  formatSeconds,
  formatValue,
} from "../../src/report/format.ts";
import { sparkline } from "../../src/report/sparkline.ts";

describe("A figure is written with three digits and its unit", () => {
  const rows: readonly (readonly [why: string, written: string, expected: string])[] = [
    ["milliseconds", formatValue(431.72, "ms"), "432 ms"],
    ["trailing zeros say how finely it was measured", formatValue(2.7, "ms"), "2.70 ms"],
    ["rounding up changes the unit with it", formatValue(999.7, "ms"), "1.00 s"],
    ["below a millisecond", formatValue(0.5123, "ms"), "512 µs"],
    ["a minute and more", formatValue(90_000, "ms"), "1.50 min"],
    ["a share in percent", formatValue(0.0123, "ratio"), "1.23 %"],
    ["nothing measured", formatValue(undefined, "ms"), "–"],
    ["not a number is not a measurement", formatValue(Number.NaN, "ms"), "–"],
    ["a rate", formatValue(1234.5, "tok/s"), "1,230 tok/s"],
    ["a limit has only the digits it was given", formatLimit(5000, "ms"), "5 s"],
    ["an interval in one unit", formatInterval([985, 1020], "ms"), "0.985 … 1.02 s"],
    ["bounds far apart, each in its own", formatInterval([19.1, 203_000], "ms"), "19.1 ms … 3.38 min"],
    ["no upper bound", formatInterval([412, null], "ms"), "≥ 412 ms"],
    ["no lower bound", formatInterval([null, 455], "ms"), "≤ 455 ms"],
    ["no bound at all", formatInterval([null, null], "ms"), "no bound"],
    ["no interval", formatInterval(undefined, "ms"), "–"],
    ["a short time", formatSeconds(0.4), "400 ms"],
    ["a time", formatSeconds(92.4), "1 min 32 s"],
    ["a moment", formatMoment("2026-03-14T09:26:53.123Z"), "2026-03-14 09:26:53 UTC"],
  ];
  for (const [why, written, expected] of rows)
    test(`${why}: ${expected}`, () => assert.equal(written, expected));
});

describe("A figure is never rounded across what it is compared with", () => {
  const rows: readonly (readonly [value: number, unit: "ms" | "ratio", beside: number, expected: string])[] =
    [
      [500.3, "ms", 500, "500.3 ms"],
      [499.97, "ms", 500, "499.97 ms"],
      [500, "ms", 500, "500 ms"],
      [0.99966, "ratio", 1, "99.97 %"],
      [0.9999999999, "ratio", 1, "100 %"],
    ];
  for (const [value, unit, beside, expected] of rows) {
    test(`${value} beside ${beside} is ${expected}`, () =>
      assert.equal(formatValue(value, unit, [beside]), expected));
  }
});

describe("A sparkline", () => {
  test("starts at 0, so that a steady series looks steady", () =>
    assert.equal(sparkline([95, 90, 100]), "███"));
  test("leaves a gap where nothing was measured", () =>
    assert.equal(sparkline([1, undefined, Number.NaN, 8]), "▂··█"));
  test("of nothing but zeros stays on the floor", () => assert.equal(sparkline([0, 0]), "▁▁"));
  test("keeps a spike when it is shortened", () => {
    const values = Array.from({ length: 1000 }, (_, i) => (i === 503 ? 100 : 1));
    assert.equal([...sparkline(values, 20)].filter((bar) => bar === "█").length, 1);
  });
  test("of nothing is nothing", () => assert.equal(sparkline([]), ""));
});
