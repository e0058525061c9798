import assert from "node:assert/strict";
import { test } from "node:test";
import { GoodputError } from "../src/errors.ts";
import { type Selftest, selftest } from "../src/selftest.ts";
import { selftestText } from "../src/selftest-text.ts";

const TINY = { throughputSeconds: 0.1, streams: [2], streamSeconds: 0.3, rates: [50], arrivalSeconds: 0.3 };

test("a self-test measures all it promises, one thing after the other", async () => {
  const steps: string[] = [];
  const got = await selftest({ sizes: TINY, onStep: (step) => steps.push(step) });
  assert.deepEqual(steps, [
    "the most it can take",
    "time to first token at 2 streams",
    "arrivals at 50 requests/s",
  ]);
  assert.equal(got.schema, "goodput.selftest/1");
  assert.ok(got.throughput.events_per_second > got.throughput.requests_per_second);
  const [ttft] = got.ttft_error;
  assert.equal(ttft?.streams, 2);
  assert.ok(ttft.requests >= 2);
  assert.ok(ttft.p50 > 0 && ttft.p50 <= ttft.p99, "nothing arrives before it was written");
  const [arrivals] = got.arrivals;
  assert.equal(arrivals?.planned, 50);
  assert.ok(arrivals.achieved > 0 && arrivals.gap_cv >= 0);
});

test("interrupted, it ends with an error that says so", async () => {
  await assert.rejects(
    selftest({ sizes: TINY, signal: AbortSignal.abort() }),
    (error: GoodputError) => error instanceof GoodputError && error.code === "CANCELLED",
  );
});

const MEASURED: Selftest = {
  schema: "goodput.selftest/1",
  generator: "goodput/0.0.0",
  environment: { node: "v24.0.0", cpu: "Some CPU @ 3.00GHz", cores: 4 },
  throughput: { events_per_second: 312_456, requests_per_second: 8123 },
  ttft_error: [
    { streams: 1, requests: 25, p50: 0.412, p99: 0.958 },
    { streams: 200, requests: 500, p50: 1.52, p99: 8.21 },
  ],
  arrivals: [
    { planned: 100, achieved: 100.01, gap_cv: 0.0052 },
    { planned: 1000, achieved: 999.8, gap_cv: 0.0381 },
  ],
  trusted: { streams: 200, requests_per_second: 1000 },
};

test("its table lines up and ends with advice", () => {
  assert.equal(
    selftestText(MEASURED),
    `Some CPU @ 3.00GHz, 4 cores, Node v24.0.0

                                 measured         spread          over
most events/s                     312,000
most requests/s                     8,120
TTFT error at 1 stream         p50 412 µs     p99 958 µs   25 requests
TTFT error at 200 streams     p50 1.52 ms    p99 8.21 ms  500 requests
100 requests/s, evenly       100 issued/s  gaps ± 0.52 %
1,000 requests/s, evenly   1,000 issued/s  gaps ± 3.81 %

On this machine trust it up to 200 streams at once (TTFT within 2 ms in the median and 10 ms at p99) and 1,000 requests/s on time, and keep well below 312,000 events/s.`,
  );
});

/** What may be trusted, and the advice. */
const ADVICE: readonly (readonly [Selftest["trusted"], advice: RegExp])[] = [
  [{}, /^This machine is too slow or too busy to be trusted: close other programs, or use a larger one\.$/],
  [{ streams: 1 }, /up to 1 stream at once \(.*\); its arrivals are not on time, so close/],
  [{ requests_per_second: 100 }, /up to 100 requests\/s on time; its TTFT is not, so close/],
];

for (const [trusted, advice] of ADVICE) {
  test(`advice where ${JSON.stringify(trusted)} is trusted`, () => {
    assert.match(
      selftestText({ ...MEASURED, trusted })
        .split("\n")
        .at(-1)!,
      advice,
    );
  });
}
