import assert from "node:assert/strict";
import { test } from "node:test";
import { parseRange, parseStages } from "../../src/plan/parse-stages.ts";
import { NS_PER_S } from "../../src/units.ts";

test("stages are read in order, with commas, semicolons or new lines between", () => {
  const stages = [
    { durationNs: 30 * NS_PER_S, target: 50 },
    { durationNs: 60 * NS_PER_S, target: 12.5 },
    { durationNs: 10 * NS_PER_S, target: 0 },
  ];
  for (const text of ["30s:50,1m:12.5,10s:0", " 30s : 50 ; 1m:12.5 ; 10s:0 ", "30s:50\n1m:12.5\n10s:0\n"]) {
    assert.deepEqual(parseStages(text), stages);
  }
});

const MISTAKEN_STAGES: readonly (readonly [written: string, says: RegExp])[] = [
  ["", /^should be stages, for example 30s:50,1m:50,10s:0\.$/],
  ["30s:50,1m", /^has "1m" where a stage should be/],
  ["30:50", /^has "30:50" where a stage should be/],
  ["0s:50", /^has "0s:50" where/],
  ["30s:-5", /^has "30s:-5" where/],
  ["30s:x", /^has "30s:x" where/],
  ["30s:0,10s:0", /a stage above 0; in these nothing would be sent/],
];
for (const [written, says] of MISTAKEN_STAGES) {
  test(`"${written}" is no stages`, () => {
    const result = parseStages(written);
    assert.ok("message" in result);
    assert.match(result.message, says);
  });
}

const RANGES: readonly (readonly [written: string, minSeconds: number, maxSeconds: number])[] = [
  ["1s", 1, 1],
  ["0.5s-5s", 0.5, 5],
  ["500ms - 2s", 0.5, 2],
  ["0", 0, 0],
  ["0-2s", 0, 2],
];
for (const [written, min, max] of RANGES) {
  test(`"${written}" is a range from ${min} s to ${max} s`, () => {
    assert.deepEqual(parseRange(written), { minNs: min * NS_PER_S, maxNs: max * NS_PER_S });
  });
}

for (const written of ["", "5", "-1s", "1s-", "1s-2s-3s", "5s-1s", "soon"]) {
  test(`"${written}" is no range`, () => {
    const result = parseRange(written);
    assert.ok("message" in result);
    assert.match(result.message, /for example .*0\.5s-5s\.$/);
  });
}
