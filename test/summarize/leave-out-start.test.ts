import assert from "node:assert/strict";
import { test } from "node:test";
import { figuresOfSummary } from "../../src/judge/level-figures.ts";
import { validityOf } from "../../src/judge/validity.ts";
import type { Plan } from "../../src/plan/plan.ts";
import { random } from "../../src/random.ts";
import type { RequestRecord } from "../../src/record/record.ts";
import { leaveOutStart } from "../../src/summarize/leave-out-start.ts";
import { type LevelSummary, mergeSummaries, ratesBetween } from "../../src/summarize/summary.ts";
import { planOf, record, summaryOf, times } from "../support/records.ts";

const MS = 1e6;
const OPEN = planOf({ rate: 10, requests: 1000 });

/** Requests of a service that takes 50 ms, more or less; the first `slow` of them `factor` times that. */
function started(slow: number, factor: number, count = 1000): RequestRecord[] {
  const chance = random(1, "started", slow);
  return times(count, (i) => {
    const ttftMs = Math.round(50 * Math.exp(0.2 * chance.normal()) * (i < slow ? factor : 1));
    const made = record(i, { ttftMs });
    // Gaps of the start are longer too, so that it can be seen whether they are left out with it.
    const outputs = made.outputs.map((at, k) => (i < slow ? at + k * 20 * MS : at));
    return { ...made, outputs, end: outputs.at(-1)! };
  });
}

const settled = (summary: LevelSummary): LevelSummary => leaveOutStart([summary])[0]!;
const leftOutOf = ({ leftOut = [] }: LevelSummary): number => leftOut.length;
const codes = (plan: Plan, summary: LevelSummary) =>
  validityOf(plan, [{ summary, judged: [] }]).findings.map(({ code }) => code);

test("a slow start is in no figure, and it is told what was left out", () => {
  const failing = started(100, 5).map(
    (one, i): RequestRecord =>
      i === 3 || i === 500
        ? {
            ...one,
            outcome: "failed",
            outputs: [],
            failure: { reason: i === 3 ? "timeout" : "http_5xx", detail: "no" },
          }
        : one,
  );
  const summary = settled(summaryOf(OPEN, failing));
  const leftOut = leftOutOf(summary);
  const { window } = summary.record;
  assert.ok(leftOut >= 100 && leftOut <= 130, `${leftOut} were left out`);
  assert.equal(summary.requests.length, 1000 - leftOut);
  assert.equal(window.start, summary.requests[0]!.scheduled);
  const { ttft, itl, tpot, e2e, issue_delay } = summary.latencies;
  assert.ok(ttft.max < 150 * MS && itl.max < 11 * MS && tpot.max < 11 * MS && e2e.max < 200 * MS);
  assert.deepEqual(
    [ttft.count, e2e.count, issue_delay.count],
    [999 - leftOut, 999 - leftOut, 1000 - leftOut],
  );
  assert.equal(itl.count, 4 * (999 - leftOut));
  assert.deepEqual([...summary.failures.keys()], ["timeout", "http_5xx"]);
  const errors = figuresOfSummary(summary).estimate({ kind: "rate", metric: "error_rate" })!;
  assert.deepEqual([errors.value, errors.samples], [2 / 1000, 1000], "who fails at the start has failed");
  const [told] = validityOf(OPEN, [{ summary, judged: [] }]).findings.filter(
    ({ code }) => code === "transient_cut",
  );
  assert.ok(
    told!.happened.startsWith(
      `The first ${(window.start / 1e9).toFixed(1)} s, ${leftOut} of 1000 requests, were left out of latencies`,
    ),
  );
});

test("throughput does not fall by what is left out: requests under way as the window opens count by their share", () => {
  const summary = settled(summaryOf(OPEN, started(100, 5)));
  const { start, end } = summary.record.window;
  assert.ok(Math.abs(ratesBetween(summary.underLoad, start, end).requestThroughput - 10) < 0.02);
});

test("stretches of a level open with its window, and keep their places", () => {
  const summary = summaryOf(OPEN, started(100, 5), {
    stretches: [
      { start: 0, end: 5e9 },
      { start: 5e9, end: 50e9 },
    ],
  });
  const { window, stretches } = settled(summary).record;
  assert.deepEqual(stretches, [
    { start: window.start, end: window.start },
    { start: window.start, end: 50e9 },
  ]);
});

test("a service without a start of its own loses nothing", () => {
  for (const records of [started(0, 1), started(0, 1, 3), times(1000, (i) => record(i))]) {
    const summary = summaryOf(OPEN, records);
    assert.equal(settled(summary), summary);
  }
});

test("a closed loop's cold start is left out as well, but nothing of a load that changes because it is meant to", () => {
  const cold = started(100, 5);
  assert.ok(leftOutOf(settled(summaryOf(planOf({ concurrency: 1, requests: 1000 }), cold))) >= 100);
  for (const load of [{ "rate-stages": "10s:5,20s:5" }, { users: 3, duration: "100s" }]) {
    const plan = planOf({ requests: undefined, ...load });
    assert.equal(settled(summaryOf(plan, cold)).leftOut, undefined, JSON.stringify(load));
  }
});

test("never more than half is left out", () => {
  for (const slow of [450, 490, 500, 600, 900]) {
    const leftOut = leftOutOf(settled(summaryOf(OPEN, started(slow, 5))));
    assert.ok(leftOut <= 500, `${slow} slow, ${leftOut} left out`);
  }
});

test("a level whose latency only rises has no steady state, and that is said once", () => {
  const rising = times(300, (i) => record(i, { ttftMs: 50 + i }));
  const summary = settled(summaryOf(OPEN, rising));
  assert.equal(summary.leftOut, undefined);
  const found = codes(OPEN, summary);
  assert.ok(found.includes("never_settled") && !found.includes("drift"), found.join());
});

test("shards lose together what one machine would have lost", () => {
  const records = started(100, 5);
  const shards = [0, 1, 2].map((part) =>
    summaryOf(
      OPEN,
      records.filter(({ index }) => index % 3 === part),
    ),
  );
  const [whole, merged] = [summaryOf(OPEN, records), mergeSummaries(shards)].map(settled);
  assert.equal(leftOutOf(merged!), leftOutOf(whole!));
  for (const name of ["ttft", "itl", "tpot", "e2e", "issue_delay"] as const) {
    const [mine, other] = [merged!.latencies[name], whole!.latencies[name]];
    assert.deepEqual([...mine.buckets()], [...other.buckets()], name);
  }
});

test("both sides of a comparison lose the same requests, those of the one that settled later", () => {
  const [head, base] = leaveOutStart([summaryOf(OPEN, started(0, 1)), summaryOf(OPEN, started(100, 5))]);
  const indices = (summary: LevelSummary) => summary.requests.map(({ index }) => index);
  assert.ok(leftOutOf(base!) >= 100);
  assert.deepEqual(indices(head!), indices(base!));
});
