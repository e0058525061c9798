import assert from "node:assert/strict";
import { test } from "node:test";
import { validityFindings } from "../../src/judge/validity.ts";
import type { Plan } from "../../src/plan/plan.ts";
import type { LevelRecord, RequestRecord } from "../../src/record/record.ts";
import { failure, planOf, record, summaryOf, times } from "../support/records.ts";

function found(plan: Plan, records: readonly RequestRecord[], given: Partial<LevelRecord> = {}): string[] {
  return validityFindings(plan, [summaryOf(plan, records, given)]).map(
    ({ code, level }) => `${code}: ${level}`,
  );
}

const well = times(100, (i) => record(i));
const host = { cpuRatio: 0.1, loopDelayP99: 0, connectionsOpened: 0 };

test("a run in which all went well has no findings", () => {
  assert.deepEqual(found(planOf({ slo: "ttft_p95 < 500ms" }), well), []);
});

const late = times(100, (i) => record(i, { sent: i * 100e6 + (i < 3 ? 30e6 : 0) }));

test("requests that left late by more than a twentieth of the tightest objective make a run invalid", () => {
  assert.deepEqual(found(planOf({ slo: "ttft_p95 < 500ms\ne2e_p95 < 3s" }), late), [
    "generator_late: invalid",
  ]);
  assert.deepEqual(found(planOf({ slo: "ttft_p95 < 1s" }), late), [], "30 ms of 1 s is nothing");
});

test("lateness without a latency objective is only noted", () => {
  assert.deepEqual(found(planOf({ slo: "error_rate < 5%" }), late), ["generator_late: note"]);
});

const failing = times(100, (i) => (i < 90 ? failure(i) : record(i)));

test("failures that no objective speaks of make a run invalid", () => {
  assert.deepEqual(found(planOf({ slo: "ttft_p95 < 500ms" }), failing), ["failures_not_judged: invalid"]);
  assert.deepEqual(found(planOf({ slo: "ttft_p95 < 500ms\nerror_rate < 99%" }), failing), []);
});

test("a run in which all failed is never believed by default", () => {
  assert.deepEqual(found(planOf(), times(20, failure)), ["all_failed: invalid"]);
});

test("an event loop held up longer than the objective makes a run invalid", () => {
  const plan = planOf({ slo: "ttft_p95 < 500ms" });
  assert.deepEqual(found(plan, well, { host: { ...host, loopDelayP99: 600e6 } }), [
    "event_loop_blocked: invalid",
  ]);
  assert.deepEqual(found(plan, well, { host: { ...host, loopDelayP99: 60e6 } }), [
    "event_loop_blocked: note",
  ]);
});

const NOTES: Readonly<
  Record<string, readonly [code: string, plan: Plan, records: RequestRecord[], given?: Partial<LevelRecord>]>
> = {
  "a full core": ["client_cpu_saturated", planOf(), well, { host: { ...host, cpuRatio: 0.97 } }],
  refusals: [
    "server_throttled",
    planOf({ slo: "error_rate<50%" }),
    times(100, (i) => (i < 5 ? { ...failure(i), status: 429 } : record(i))),
  ],
  "token counts from chunks": [
    "tokens_from_chunks",
    planOf(),
    times(100, (i) => record(i, { tokenSource: "chunks" })),
  ],
  "answers shorter than asked": ["output_short", planOf({ "output-tokens": 50 }), well],
  "prompts of another length": ["prompt_length_off", planOf({ "input-tokens": 100 }), well],
  "connections that are not kept": [
    "connections_not_reused",
    planOf(),
    well,
    { host: { ...host, connectionsOpened: 95 } },
  ],
  "a server that speeds up": ["drift", planOf(), times(90, (i) => record(i, { ttftMs: i < 30 ? 80 : 40 }))],
  "a target on this machine": ["same_host", planOf({ url: "http://127.0.0.1:8085" }), well],
};

for (const [name, [code, plan, records, given]] of Object.entries(NOTES)) {
  test(`${name} is noted`, () => {
    assert.deepEqual(found(plan, records, given), [`${code}: note`]);
  });
}

test("every finding says what happened, why it matters and what to do", () => {
  const findings = validityFindings(planOf({ url: "http://localhost" }), [
    summaryOf(planOf({ url: "http://localhost" }), failing),
  ]);
  for (const { happened, matters, advice } of findings) {
    for (const sentence of [happened, matters, advice]) assert.match(sentence, /^[A-Z0-9].*\.$/);
  }
});
