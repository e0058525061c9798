import assert from "node:assert/strict";
import { test } from "node:test";
import {
  inShort,
  isGood,
  judgeChange,
  notMeasured,
  whyUnusable,
} from "../../../../server/agent/workflows/judge-change.ts";
import type { Judgement } from "../../../../server/agent/workflows/workflow.ts";
import { INTERRUPTED } from "../../../../server/load-tests/runs/run-failure.ts";
import type { MeasuredRun } from "../../../../server/store/run-store.ts";
import { compareResults } from "../../../../src/judge/compare.ts";
import type { RequestRecord } from "../../../../src/record/record.ts";
import type { Result } from "../../../../src/result.ts";
import { failure, planOf, record, times } from "../../../support/records.ts";
import { resultOf } from "../../../support/results.ts";

/** A ttft between 80 and 120 ms times `factor`, in an order without a trend. */
const around = (n: number, factor = 1) =>
  times(n, (i) => record(i, { ttftMs: (80 + ((i * 17) % 41)) * factor }));
const broken = (n: number, bad: number) => times(n, (i) => ((i * bad) % n < bad ? failure(i) : record(i)));

const ROWS: readonly (readonly [
  outcome: Judgement["outcome"],
  before: RequestRecord[],
  after: RequestRecord[],
  reason: RegExp,
  because: string,
])[] = [
  [
    "no_regression",
    around(500),
    around(500),
    /^Nothing is shown to be worse by more than 10 %; that is ruled out for every figure\.$|cannot be ruled out\.$/,
    "nothing changed",
  ],
  ["better", around(500), around(500, 0.7), /^Nothing is shown to be worse/, "all are three tenths faster"],
  [
    "regressed",
    around(500),
    around(500, 1.4),
    /^ttft_p\d\d at concurrency 1 is worse by 40[\d.]* %, at least [\d.]+ %, where 10 % is allowed\.$/,
    "all are two fifths slower",
  ],
  [
    "no_regression",
    around(500),
    around(500, 1.05),
    /^ttft_\w+ at concurrency 1 is worse by 5[\d.]* %.*, which is allowed\.$/,
    "a twentieth is within what is allowed",
  ],
  [
    "no_regression",
    around(5),
    around(5, 1.4),
    /for \d+ of \d+ figures it cannot be ruled out\.$/,
    "five requests show nothing",
  ],
  [
    "regressed",
    broken(500, 0),
    broken(500, 40),
    /^error_rate at concurrency 1 is worse by 8 percentage points, .* where 1 percentage point is allowed\.$/,
    "one in twelve fails",
  ],
];

for (const [outcome, before, after, reason, because] of ROWS) {
  test(`a change is ${outcome} when ${because}`, () => {
    // Failures that no objective speaks of would make the run one that may not be believed.
    const plan = planOf({ slo: ["error_rate < 50%"] });
    const judgement = judged(resultOf(plan, before), resultOf(plan, after));
    assert.equal(judgement.outcome, outcome, judgement.reasons.join("\n"));
    assert.match(judgement.reasons[0]!, reason);
    assert.equal(isGood(judgement), outcome === "better" || outcome === "no_regression");
  });
}

test("what became better is told with how much, the best first", () => {
  const { reasons } = judged(resultOf(planOf(), around(500)), resultOf(planOf(), around(500, 0.7)));
  assert.match(reasons[1]!, /^ttft_\w+ at concurrency 1 is better by 30 %, at least [\d.]+ %\.$/);
});

test("a change that makes one figure better and another worse, within what is allowed, is not called better", () => {
  const [before, after] = [resultOf(planOf(), around(500)), resultOf(planOf(), around(500, 1.05))];
  const measured = compareResults(before, after);
  const levels = measured.levels.map((level) => ({
    ...level,
    changes: level.changes.map((one) =>
      one.metric === "tpot_p50" ? ({ ...one, change: "better" } as const) : one,
    ),
  }));
  const { outcome, reasons } = judgeChange({
    before,
    after,
    comparison: { ...measured, levels },
    maxRegression: 0.1,
  });
  assert.equal(outcome, "no_regression");
  assert.match(reasons.at(-1)!, /^tpot_p50 at concurrency 1 is better/);
});

test("an objective that was met before and is violated after is no good, however much is allowed", () => {
  const plan = planOf({ slo: ["ttft_mean < 110ms"] });
  const [before, after] = [resultOf(plan, around(500)), resultOf(plan, around(500, 1.4))];
  const { outcome, reasons } = judged(before, after, 9);
  assert.equal(outcome, "regressed");
  assert.deepEqual(reasons, ["ttft_mean < 110ms at concurrency 1 was met before, and is violated after."]);
});

test("an objective that was violated before may stay so", () => {
  const plan = planOf({ slo: ["ttft_mean < 10ms"] });
  const both = resultOf(plan, around(500));
  assert.equal(judged(both, both).outcome, "no_regression");
});

test("what cannot be compared is not measured, and says why", () => {
  const judgement = judged(resultOf(planOf(), around(50)), resultOf(planOf({ seed: 7 }), around(50)));
  assert.equal(judgement.outcome, "not_measured");
  assert.match(judgement.reasons[0]!, /^They measured different plans/);
  assert.equal(isGood(judgement), false);
});

const result = resultOf(planOf(), around(50));
const USABLE: readonly (readonly [Partial<MeasuredRun> | undefined, RegExp | undefined, string])[] = [
  [{ status: "completed", result }, undefined, "it is complete and valid"],
  [undefined, /^The load test after the change was deleted\.$/, "it is gone"],
  [{ status: "cancelled", result }, /^The load test after the change was stopped\.$/, "somebody stopped it"],
  [{ status: "failed", error: INTERRUPTED }, /change failed: The run was interrupted/, "it failed"],
  [{ status: "failed" }, /change failed: it measured nothing\.$/, "it failed without a word"],
  [{ status: "completed" }, /change failed: it measured nothing\.$/, "it has no result"],
  [
    { status: "failed", error: { code: "BENCHMARK_FAILED", message: "\u001b[31mred\n::error::x" } },
    /change failed: [^\u001b\n]*red[^\u001b\n]*$/,
    "its target said what is no line of ours",
  ],
  [
    { status: "completed", result: { ...result, valid: false, findings: [invalid()] } },
    /^The load test after the change may not be believed: The generator was late\. Use another machine\.$/,
    "a finding says so",
  ],
  [{ status: "completed", result: { ...result, valid: false } }, /may not be believed\.$/, "it is not valid"],
];

for (const [run, reason, because] of USABLE) {
  test(`a load test is ${reason === undefined ? "used" : "not used"} when ${because}`, () => {
    const why = whyUnusable(run as MeasuredRun | undefined, "after");
    if (reason === undefined) assert.equal(why, undefined);
    else assert.match(why ?? "", reason);
  });
}

test("in short only the gravest reasons are told, and that there are more", () => {
  assert.equal(inShort(notMeasured("One.")), "One.");
  assert.equal(
    inShort({ outcome: "regressed", reasons: ["A.", "B.", "C.", "D.", "E."] }),
    "A. B. C. And 2 more.",
  );
});

function judged(before: Result, after: Result, maxRegression = 0.1): Judgement {
  return judgeChange({ before, after, comparison: compareResults(before, after), maxRegression });
}

function invalid() {
  return {
    code: "LATE",
    level: "invalid",
    happened: "The generator was late.",
    matters: "It measured itself.",
    advice: "Use another machine.",
  } as const;
}
