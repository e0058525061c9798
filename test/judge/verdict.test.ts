import assert from "node:assert/strict";
import { test } from "node:test";
import { judge, worst } from "../../src/judge/verdict.ts";
import { parseObjective } from "../../src/plan/objective.ts";
import { shuffled } from "../../src/plan/prompts.ts";
import { random } from "../../src/random.ts";
import type { EndReason, RequestRecord } from "../../src/record/record.ts";
import type { Outcome } from "../../src/result.ts";
import { failure, planOf, record, summaryOf, times } from "../support/records.ts";

/** `hits` of `n`, in no order. */
const scattered = (n: number, hits: number) => {
  const order = shuffled(
    Array.from({ length: n }, (_, i) => i),
    random(1, n, hits),
  );
  return (i: number) => order[i]! < hits;
};
/** `over` of `n` requests have a ttft of 900 ms, the others of 50 ms. */
const slow = (n: number, over: number, isSlow = scattered(n, over)) =>
  times(n, (i) => record(i, { ttftMs: isSlow(i) ? 900 : 50 }));
/** `bad` of `n` requests failed. */
const broken = (n: number, bad: number, isBad = scattered(n, bad)) =>
  times(n, (i) => (isBad(i) ? failure(i) : record(i)));

/** Their ttft goes up and down once in all of them. */
const swinging = (n: number) =>
  times(n, (i) => record(i, { ttftMs: 100 * (1 + 0.5 * Math.sin((2 * Math.PI * i) / n)) }));

const ROWS: readonly (readonly [
  objective: string,
  records: RequestRecord[],
  outcome: Outcome,
  because: string,
])[] = [
  ["ttft_p95 < 500ms", slow(58, 0), "inconclusive", "58 samples cannot bound a p95"],
  ["ttft_p95 < 500ms", slow(59, 0), "met", "59 can"],
  ["ttft_p95 < 500ms", slow(59, 1), "inconclusive", "but not with one over"],
  ["ttft_p95 < 500ms", slow(120, 1), "met", "120 with one over can"],
  ["ttft_p95 < 500ms", slow(200, 25), "violated", "one in eight is over"],
  ["ttft_p95 < 500ms", slow(200, 10), "inconclusive", "one in twenty is over"],
  ["ttft_p99 < 500ms", slow(298, 0), "inconclusive", "a p99 needs 299"],
  ["ttft_p99 < 500ms", slow(299, 0), "met", "299 do"],
  ["ttft_p50 > 40ms", slow(20, 0), "met", "a lower limit is met by the lower bound"],
  ["ttft_mean < 60ms", slow(100, 0), "met", "all are at 50 ms"],
  ["ttft_mean < 40ms", slow(100, 0), "violated", "all are at 50 ms"],
  ["e2e_max < 200ms", slow(10, 0), "met", "a maximum is a plain fact of what was measured"],
  ["ttft_p95 < 500ms", [], "inconclusive", "without samples nothing is met"],
  ["ttft_p95 < 500ms", broken(100, 100), "inconclusive", "failures have no ttft"],
  ["error_rate < 1%", broken(100, 0), "inconclusive", "100 without a failure do not show 1 %"],
  ["error_rate < 1%", broken(400, 0), "met", "400 do"],
  ["error_rate < 1%", broken(100, 10), "violated", "10 % failed"],
  ["error_rate < 1%", broken(100, 100), "violated", "all failed"],
  ["goodput_ratio(ttft<500ms) >= 95%", broken(100, 90), "violated", "failures are in the denominator"],
  ["goodput_ratio(ttft<500ms) >= 95%", slow(200, 0), "met", "all are good"],
  ["goodput_ratio(ttft<1s, tpot<12ms) >= 95%", swinging(200), "met", "each is far from its own limit"],
  [
    "goodput_ratio(ttft<200ms) >= 95%",
    swinging(200),
    "inconclusive",
    "200 in one swing are good, but not by far",
  ],
  ["goodput_ratio(ttft<500ms) >= 95%", slow(200, 40), "violated", "a fifth is slow"],
  ["ttft_p95 < 500ms", slow(200, 25, (i) => i < 25), "inconclusive", "one in eight is over, but all at once"],
  ["error_rate < 1%", broken(100, 30, (i) => i < 30), "violated", "a third failed, however they came"],
  ["error_rate < 5%", broken(100, 30, (i) => i < 30), "inconclusive", "a third failed, but all at once"],
  ["output_throughput > 10", slow(100, 0), "met", "50 tokens a second"],
  ["output_throughput > 500", slow(100, 0), "violated", "50 tokens a second"],
];

for (const [objective, records, outcome, because] of ROWS) {
  test(`${objective} is ${outcome} when ${because} (${records.length} requests)`, () => {
    const judgement = judge(parseObjective(objective), summaryOf(planOf(), records), 0.95);
    assert.equal(judgement.outcome, outcome);
    if (outcome === "inconclusive") assert.ok(judgement.reason, "says why");
  });
}

test("gaps within a request count as one sample of it", () => {
  const judgement = judge(parseObjective("itl_p95 < 20ms"), summaryOf(planOf(), slow(58, 0)), 0.95);
  assert.equal(judgement.samples, 58 * 4);
  assert.equal(judgement.outcome, "inconclusive");
});

test("a level that was given up has met nothing, and what it violated stands", () => {
  const judged = (objective: string, endedBy: EndReason) =>
    judge(parseObjective(objective), summaryOf(planOf(), slow(200, 0), { endedBy }), 0.95);
  for (const endedBy of ["max_errors", "max_error_rate", "overload"] as const) {
    const { outcome, reason } = judged("ttft_p95 < 500ms", endedBy);
    assert.equal(outcome, "inconclusive");
    assert.match(reason!, /^The level was ended /);
    assert.equal(judged("ttft_p95 < 1ms", endedBy).outcome, "violated");
  }
  assert.equal(judged("ttft_p95 < 500ms", "decisive").outcome, "met");
  assert.equal(judged("ttft_p95 < 500ms", "max_tokens").outcome, "met");
});

test("too few requests of a mean or a queue say how many more would do, and are never worth none", () => {
  const few = judge(parseObjective("ttft_mean < 500ms"), summaryOf(planOf(), slow(3, 0)), 0.95);
  assert.deepEqual([few.outcome, few.requestsNeeded! >= 30], ["inconclusive", true]);
  // Slow for the whole first half.
  const halves = judge(
    parseObjective("ttft_p50 < 500ms"),
    summaryOf(
      planOf(),
      slow(400, 200, (i) => i < 200),
    ),
    0.95,
  );
  assert.equal(halves.outcome, "inconclusive");
  assert.ok(halves.effective! >= 1 && halves.effective! < 25, `${halves.effective}`);
  assert.ok(halves.requestsNeeded! > 400 && halves.secondsNeeded! > 40);
});

test("an inconclusive objective says how many requests would do", () => {
  const judged = (records: RequestRecord[]) =>
    judge(parseObjective("ttft_p95 < 500ms"), summaryOf(planOf(), records), 0.95);
  assert.equal(judged(slow(20, 0)).requestsNeeded, 59);
  assert.equal(judged(slow(100, 5)).requestsNeeded, undefined, "at the limit itself no number would");
});

test("without a confidence the estimate alone decides", () => {
  const judgement = judge(parseObjective("ttft_p95 < 500ms"), summaryOf(planOf(), slow(5, 0)), "none");
  assert.equal(judgement.outcome, "met");
  assert.equal(judgement.interval, undefined);
});

test("what was cut off counts neither as good nor as failed", () => {
  const cut = times(100, (i) => record(i, i < 50 ? { outcome: "incomplete", outputs: [] } : {}));
  const judgement = judge(parseObjective("error_rate < 10%"), summaryOf(planOf(), cut), 0.95);
  assert.deepEqual([judgement.samples, judgement.observed, judgement.outcome], [50, 0, "met"]);
});

test("one violated objective outweighs all others", () => {
  assert.equal(worst(["met", "inconclusive", "violated"]), "violated");
  assert.equal(worst(["met", "inconclusive"]), "inconclusive");
  assert.equal(worst(["met"]), "met");
  assert.equal(worst([]), undefined);
});
