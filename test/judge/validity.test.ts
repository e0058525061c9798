import assert from "node:assert/strict";
import { test } from "node:test";
import type { Plan } from "../../src/plan/plan.ts";
import type { LevelRecord, RequestRecord } from "../../src/record/record.ts";
import { failure, planOf, record, times } from "../support/records.ts";
import { doubted, found, validity } from "../support/validity.ts";

const well = times(100, (i) => record(i));
const host = { cpuRatio: 0.1, loopDelayP99: 0, connectionsOpened: 0 };

test("a run in which all went well has no findings", () => {
  assert.deepEqual(found(planOf({ slo: "ttft_p95 < 500ms" }), well), []);
});

/** Its latencies count from the planned moment: so much later it left, so much longer they are. */
function lateBy(i: number, ms: number, serverMs = 50): RequestRecord {
  const one = record(i, { ttftMs: serverMs + ms });
  const issued = one.scheduled + ms * 1e6;
  return { ...one, issued, sent: issued };
}

const open = (slo: string) => planOf({ rate: 10, arrivals: "constant", requests: 100, slo });
const late = times(100, (i) => lateBy(i, i % 2 === 0 ? 30 : 0));

test("lateness takes back no verdict that it could not turn", () => {
  for (const slo of [
    "ttft_p95 < 500ms",
    "e2e_p95 < 3s",
    "error_rate < 5%",
    "ttft_p95 < 20ms",
    "itl_p95 < 50ms",
    "tpot_p95 < 50ms",
    "request_throughput > 2",
    "goodput_ratio(ttft < 500ms) > 90%",
    "ttft_p50 > 30ms",
  ]) {
    assert.deepEqual(doubted(open(slo), late), doubted(open(slo), well), slo);
    assert.deepEqual(
      found(open(slo), late).filter((finding) => finding.endsWith("invalid")),
      [],
      slo,
    );
  }
});

test("lateness takes back every verdict that it may have turned", () => {
  for (const slo of [
    "ttft_p95 < 70ms",
    "ttft_mean < 60ms",
    "ttft_max < 60ms",
    "e2e_p95 < 100ms",
    "goodput_ratio(ttft < 60ms) > 90%",
    "ttft_p95 > 60ms",
  ]) {
    assert.deepEqual(found(open(slo), late)[0], "generator_late: invalid", slo);
    assert.match(doubted(open(slo), late)[0]!, /: generator_late$/);
  }
});

test("of several objectives only the one that lateness may have turned is taken back", () => {
  assert.deepEqual(doubted(open("ttft_p95 < 70ms\nerror_rate < 5%\nttft_p50 < 1s"), late), [
    "ttft_p95 < 70ms: generator_late",
    "error_rate < 5%: stands",
    "ttft_p50 < 1s: stands",
  ]);
});

test("a single request that left late spoils what hangs on it, and is not worth a word otherwise", () => {
  const one = times(200, (i) => lateBy(i, i === 77 ? 40 : 0));
  assert.deepEqual(found(open("ttft_max < 80ms"), one), ["generator_late: invalid"]);
  assert.deepEqual(found(open("ttft_p50 < 80ms"), one), []);
});

test("waiting for the cap is the server's doing, and no lateness", () => {
  const plan = planOf({
    rate: 10,
    arrivals: "constant",
    requests: 100,
    "max-concurrency": 1,
    slo: "ttft_p95 < 100ms",
  });
  const waited = times(100, (i) => ({ ...lateBy(i, i > 50 ? 500 : 0), held: i > 50 ? 500e6 : 0 }));
  assert.deepEqual(found(plan, waited).slice(0, 1), ["cap_reached: note"]);
  assert.deepEqual(doubted(plan, waited), ["ttft_p95 < 100ms: stands"]);
});

test("opening a connection is no lateness of ours", () => {
  const opening = times(100, (i) => {
    const one = record(i, { ttftMs: 350 });
    return { ...one, sent: one.scheduled + 300e6 };
  });
  assert.deepEqual(found(open("ttft_p95 < 100ms"), opening), []);
});

test("where late requests were less load than planned, whatever was met may not have been", () => {
  // Each takes 20 ms more of the generator than there is between two: after 100 the load is a sixth short.
  const slower = times(100, (i) => lateBy(i, 20 * i));
  assert.deepEqual(
    doubted(
      open("error_rate < 5%\nttft_p95 < 5s\ntpot_p95 < 50ms\nttft_p50 < 0.1ms\nrequest_throughput > 50"),
      slower,
    ),
    [
      "error_rate < 5%: generator_late",
      "ttft_p95 < 5s: generator_late",
      "tpot_p95 < 50ms: generator_late",
      "ttft_p50 < 0.1ms: stands",
      "request_throughput > 50 req/s: generator_late",
    ],
  );
  // Planned ten at a moment, sent one after the other: none met another at the server.
  const apart = times(100, (i) => {
    const scheduled = Math.floor(i / 10) * 2e9;
    const issued = scheduled + (i % 10) * 100e6;
    const outputs = [50e6, 90e6].map((ns) => issued + ns);
    return record(i, { scheduled, issued, sent: issued, firstByte: outputs[0]!, outputs, end: outputs[1]! });
  });
  assert.deepEqual(doubted(open("error_rate < 5%"), apart), ["error_rate < 5%: generator_late"]);
  // In a closed loop slots stood empty.
  const empty = times(100, (i) => lateBy(i, 40));
  const slo = "request_throughput > 500\nttft_p95 < 1s\nerror_rate < 5%";
  assert.deepEqual(doubted(planOf({ slo, concurrency: 8 }), empty), [
    "request_throughput > 500 req/s: generator_late",
    "ttft_p95 < 1s: generator_late",
    "error_rate < 5%: generator_late",
  ]);
  // A request that is always alone met all the others there are.
  assert.deepEqual(doubted(planOf({ slo, concurrency: 1 }), empty), [
    "request_throughput > 500 req/s: generator_late",
    "ttft_p95 < 1s: stands",
    "error_rate < 5%: stands",
  ]);
});

test("lateness without objectives is noted, with the figures that it is in", () => {
  const [finding] = validity(planOf({ rate: 10, requests: 100 }), late).findings;
  assert.deepEqual([finding?.code, finding?.level], ["generator_late", "note"]);
  assert.ok(finding?.touches?.includes("ttft") && finding.touches.includes("e2e"));
});

test("a regression hangs on the lateness of both sides, whichever way each could turn it", () => {
  const plan = open("ttft_p95 regression < 20%");
  assert.deepEqual(doubted(plan, late, { base: well }), ["ttft_p95 regression < 20%: generator_late"]);
  const slow = times(100, (i) => lateBy(i, 0, 80));
  assert.deepEqual(doubted(plan, slow, { base: late }), ["ttft_p95 regression < 20%: generator_late"]);
  assert.deepEqual(doubted(plan, slow, { base: well }), ["ttft_p95 regression < 20%: stands"]);
  const slower = times(100, (i) => lateBy(i, i % 2 === 0 ? 30 : 0, 200));
  assert.deepEqual(doubted(plan, slower, { base: well }), ["ttft_p95 regression < 20%: stands"]);
});

const failing = times(100, (i) => (i < 90 ? failure(i) : record(i)));

test("failures that no objective speaks of make a run invalid", () => {
  assert.deepEqual(found(planOf({ slo: "ttft_p95 < 500ms" }), failing), ["failures_not_judged: invalid"]);
  assert.deepEqual(doubted(planOf({ slo: "ttft_p95 < 500ms" }), failing), [
    "ttft_p95 < 500ms: failures_not_judged",
  ]);
  assert.deepEqual(found(planOf({ slo: "ttft_p95 < 500ms\nerror_rate < 99%" }), failing), []);
});

test("a run in which all failed is never believed by default", () => {
  assert.deepEqual(found(planOf(), times(20, failure)), ["all_failed: invalid"]);
});

test("what the generator's machine refused makes a run invalid, and says what to raise", () => {
  for (const [detail, advice] of [
    ["connect EMFILE 10.0.0.1:8000", /ulimit -n/],
    ["connect EADDRNOTAVAIL 10.0.0.1:8000", /ip_local_port_range/],
    ["connect ENOBUFS 10.0.0.1:8000", /memory/],
  ] as const) {
    const refused = times(100, (i) =>
      i < 30 ? { ...failure(i), failure: { reason: "client_limit" as const, detail } } : record(i),
    );
    const plan = planOf({ slo: "error_rate < 1%\nttft_p95 < 500ms" });
    const { findings } = validity(plan, refused);
    assert.deepEqual(
      findings.map(({ code, level }) => `${code}: ${level}`),
      ["client_limit: invalid"],
    );
    assert.match(findings[0]!.advice, advice);
    assert.deepEqual(doubted(plan, refused), [
      "error_rate < 1%: client_limit",
      "ttft_p95 < 500ms: client_limit",
    ]);
    assert.deepEqual(found(planOf(), refused), ["client_limit: invalid"], "without objectives too");
    assert.deepEqual(doubted(planOf({ slo: "ttft_p95 < 500ms" }), well, { base: refused }), [
      "ttft_p95 < 500ms: client_limit",
    ]);
  }
});

test("an event loop held up takes back what it may have raised over a limit, and nothing else", () => {
  const blocked = { given: { host: { ...host, loopDelayP99: 40e6 } } };
  const slo =
    "ttft_p95 < 45ms\nttft_p95 < 100ms\nttft_p95 < 5ms\ntpot_p95 < 9ms\nitl_p95 < 9ms\nerror_rate < 5%";
  assert.deepEqual(doubted(planOf({ slo }), well, blocked), [
    "ttft_p95 < 45ms: event_loop_blocked",
    "ttft_p95 < 100ms: stands",
    "ttft_p95 < 5ms: stands",
    "tpot_p95 < 9ms: event_loop_blocked",
    "itl_p95 < 9ms: event_loop_blocked",
    "error_rate < 5%: stands",
  ]);
  const short = { given: { host: { ...host, loopDelayP99: 8e6 } } };
  assert.deepEqual(doubted(planOf({ slo: "ttft_p95 < 45ms\nttft_p95 < 40ms" }), well, short), [
    "ttft_p95 < 45ms: event_loop_blocked",
    "ttft_p95 < 40ms: stands",
  ]);
  assert.deepEqual(found(planOf({ slo: "ttft_p95 < 90ms" }), well, short.given), [], "too short for a word");
  const plan = planOf({ slo: "ttft_p95 < 500ms" });
  assert.deepEqual(found(plan, well, { host: { ...host, loopDelayP99: 60e6 } }), [
    "event_loop_blocked: note",
  ]);
});

test("a full core takes back a throughput that it may have kept down, and no other verdict", () => {
  const full = { given: { host: { ...host, cpuRatio: 0.97 } } };
  assert.deepEqual(
    doubted(planOf({ slo: "output_throughput > 500\noutput_throughput > 10\nttft_p95 < 1s" }), well, full),
    [
      "output_throughput > 500 tok/s: client_cpu_saturated",
      "output_throughput > 10 tok/s: stands",
      "ttft_p95 < 1s: stands",
    ],
  );
});

/** 20 tokens, 10 ms apart, of which a proxy lets out `size` at a time. */
function held(i: number, size: number, given: Partial<RequestRecord> = {}): RequestRecord {
  const scheduled = i * 100e6;
  const made = Array.from({ length: 20 }, (_, k) => scheduled + 50e6 + k * 10e6);
  const outputs = made.map((_, k) => made[Math.min(19, k - (k % size) + size - 1)]!);
  return record(i, {
    scheduled,
    outputs,
    firstByte: outputs[0]!,
    end: outputs[19]!,
    outputTokens: 20,
    ...given,
  });
}

const gaps =
  "itl_p95 < 50ms\ntpot_p95 < 50ms\nttft_p95 < 1s\ngoodput_ratio(tpot < 50ms) > 90%\nerror_rate < 5%";
const takenBack = [
  "itl_p95 < 50ms: chunks_together",
  "tpot_p95 < 50ms: chunks_together",
  "ttft_p95 < 1s: stands",
  "goodput_ratio(tpot < 50ms) > 90%: chunks_together",
  "error_rate < 5%: stands",
];

for (const size of [2, 4, 5, 20]) {
  test(`chunks that come ${size === 20 ? "all" : size} at a time are no measure of gaps`, () => {
    const records = times(100, (i) => held(i, size));
    assert.deepEqual(doubted(planOf({ slo: gaps }), records), takenBack);
    const { findings } = validity(planOf(), records);
    assert.equal(findings[0]?.code, "chunks_together");
    assert.equal(/ttft is that of the whole answer/.test(findings[0]!.happened), size === 20);
  });
}

test("what bundles cannot have made stands: a time per token, or a longest gap, beyond its limit", () => {
  const slo = "tpot_p50 < 5ms\nitl_max < 8ms\nitl_max < 30ms\nitl_p99 < 30ms";
  assert.deepEqual(
    doubted(
      planOf({ slo }),
      times(100, (i) => held(i, 4)),
    ),
    [
      "tpot_p50 < 5ms: stands",
      "itl_max < 8ms: stands",
      "itl_max < 30ms: chunks_together",
      "itl_p99 < 30ms: chunks_together",
    ],
  );
});

test("a regression hangs on the bundles of either side", () => {
  const plan = planOf({ slo: "tpot_p95 regression < 20%" });
  const whole = times(100, (i) => held(i, 20));
  const streamed = times(100, (i) => held(i, 1));
  assert.deepEqual(doubted(plan, whole, { base: streamed }), ["tpot_p95 regression < 20%: chunks_together"]);
  assert.deepEqual(doubted(plan, streamed, { base: times(100, (i) => held(i, 4)) }), [
    "tpot_p95 regression < 20%: stands",
  ]);
});

test("chunks of a quick server, a few that met on the way, and answers of one chunk are no bundles", () => {
  const quick = times(100, (i) => {
    const outputs = Array.from({ length: 20 }, (_, k) => i * 100e6 + 50e6 + k * 0.1e6);
    return record(i, { outputs, end: outputs[19]!, outputTokens: 20 });
  });
  assert.deepEqual(found(planOf({ slo: gaps }), quick), []);
  const atOnce = times(100, (i) =>
    held(i, 20, { outputs: Array(20).fill(i * 100e6 + 5e6), end: i * 100e6 + 5e6 }),
  );
  assert.deepEqual(found(planOf({ slo: gaps }), atOnce), [], "5 ms are none to hide 20 tokens in");
  assert.deepEqual(
    found(
      planOf({ slo: gaps }),
      times(100, (i) => held(i, i % 3 === 0 ? 4 : 1)),
    ),
    [],
  );
  const single = times(100, (i) => held(i, 20, { outputs: [i * 100e6 + 50e6], end: i * 100e6 + 50e6 }));
  assert.deepEqual(found(planOf(), single), []);
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
  "a server that speeds up": [
    "drift",
    planOf(),
    times(90, (i) => record(i, { ttftMs: (i < 30 ? 80 : 40) + ((i * 37) % 30) })),
  ],
  "a target on this machine": ["same_host", planOf({ url: "http://127.0.0.1:8085" }), well],
};

for (const [name, [code, plan, records, given]] of Object.entries(NOTES)) {
  test(`${name} is noted`, () => {
    // What drifts depends on what came before, too.
    const notes = found(plan, records, given).filter((note) => note !== "requests_depend: note");
    assert.deepEqual(notes, [`${code}: note`]);
  });
}

test("every finding says what happened, why it matters and what to do", () => {
  const plan = planOf({ url: "http://localhost" });
  const { findings } = validity(plan, [...failing, ...times(50, (i) => held(i, 20))]);
  for (const { happened, matters, advice } of findings) {
    for (const sentence of [happened, matters, advice]) assert.match(sentence, /^[A-Z0-9].*\.$/);
  }
});
