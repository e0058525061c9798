import assert from "node:assert/strict";
import { test } from "node:test";
import { LevelSummarizer, mergeSummaries, ratesBetween, ratesOf } from "../../src/summarize/summary.ts";
import { planOf, record, summaryOf, times } from "../support/records.ts";

const MS = 1e6;
const HOST = { cpuRatio: 0, loopDelayP99: 0, connectionsOpened: 0 };

test("a request that straddles the window counts by the share of its time inside", () => {
  // Ten requests of 90 ms each, one every 100 ms; the window ends in the middle of the last one.
  const { requests } = summaryOf(
    planOf(),
    times(10, (i) => record(i)),
  );
  const rates = ratesBetween(requests, 0, 945 * MS);
  assert.ok(Math.abs(rates.requestThroughput * 0.945 - 9.5) < 1e-9);
  assert.ok(Math.abs(rates.concurrency * 0.945 - 0.855) < 1e-9);
});

test("in an open loop requests count as they end: waiting in a queue that grows is no throughput", () => {
  const plan = planOf({ rate: 20, arrivals: "constant", requests: 100, warmup: 0 });
  // One is computed at a time, for 100 ms each: half of them are still in the queue when the last one arrives.
  const summary = summaryOf(
    plan,
    times(100, (i) => {
      const first = 100 * (i + 1) * MS;
      return record(i, { scheduled: 50 * i * MS, outputs: [first], firstByte: first, end: first });
    }),
  );
  const { requestThroughput } = ratesOf({
    ...summary,
    record: { ...summary.record, window: { start: 0, end: 5000 * MS } },
  });
  assert.equal(requestThroughput, 10);
});

test("tokens lie between a request's first and last chunk", () => {
  const { requests } = summaryOf(planOf(), [record(0)]);
  // Chunks at 50, 60, 70, 80 and 90 ms.
  assert.equal(Math.round(ratesBetween(requests, 0, 70 * MS).outputThroughput * 0.07), 3);
  assert.equal(ratesBetween(requests, 0, 49 * MS).outputThroughput, 0);
});

test("stretches of a level are put one behind the other", () => {
  const summarizer = new LevelSummarizer(planOf().levels[0]!);
  for (const startNs of [0, 5000 * MS]) {
    summarizer.begin(startNs);
    summarizer.add(record(0, { scheduled: startNs }));
    summarizer.end({ level: 0, window: { start: startNs, end: startNs + 100 * MS }, host: HOST });
  }
  const { record: level, requests } = summarizer.finish();
  assert.deepEqual(level.window, { start: 0, end: 200 * MS });
  assert.deepEqual(
    requests.map(({ scheduled }) => scheduled),
    [0, 100 * MS],
  );
  assert.equal(ratesBetween(requests, 0, 200 * MS).requestThroughput, 10);
});

test("what goes on after a stretch's window counts in no other stretch", () => {
  // Two slots that are always busy, in two stretches whose windows close while a request is under way.
  const summarizer = new LevelSummarizer(planOf().levels[0]!);
  for (const startNs of [0, 5000 * MS]) {
    summarizer.begin(startNs);
    for (const [i, at] of [0, 0, 90, 90].entries())
      summarizer.add(record(i, { scheduled: startNs + at * MS }));
    summarizer.end({ level: 0, window: { start: startNs, end: startNs + 135 * MS }, host: HOST });
  }
  const { requests, record: level } = summarizer.finish();
  const rates = ratesBetween(requests, level.window.start, level.window.end);
  assert.ok(Math.abs(rates.concurrency - 2) < 1e-9, `${rates.concurrency} in flight`);
  assert.ok(Math.abs(rates.requestThroughput - 2 / 0.09) < 1e-6);
});

test("parts measured at the same time count in the time in which all were under way", () => {
  const part = (end: number) =>
    summaryOf(
      planOf(),
      times(10, (i) => record(i)),
      { window: { start: 0, end } },
    );
  const merged = mergeSummaries([part(1000 * MS), part(800 * MS)]);
  assert.equal(merged.record.window.end, 800 * MS);
  assert.equal(merged.latencies.ttft.count, 20);
  assert.equal(merged.requests.length, 20);
});
