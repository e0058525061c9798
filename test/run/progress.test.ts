import assert from "node:assert/strict";
import { test } from "node:test";
import { type Progress, progressOf } from "../../src/run/progress.ts";
import { LevelSummarizer } from "../../src/summarize/summary.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { failure, planOf, record } from "../support/records.ts";

const MS = 1e6;

test("of answers that end together the last one is told too, and not only when the next ones end", async () => {
  const { clock, told, report, summarizer } = setUp();
  report("warmup");
  await clock.advanceTo(1_000 * MS);
  for (let i = 0; i < 4; i++) {
    summarizer.add(record(i));
    report("measuring");
  }
  assert.deepEqual(
    told.map(({ phase, completed }) => [phase, completed]),
    [
      ["warmup", 0],
      ["measuring", 1],
    ],
  );
  await clock.advanceTo(1_039 * MS);
  assert.equal(told.length, 2);
  await clock.advanceTo(1_040 * MS);
  assert.equal(told.at(-1)?.completed, 4);
  report("done");
  await clock.advanceTo(2_000 * MS);
  assert.deepEqual(
    told.map(({ phase }) => phase),
    ["warmup", "measuring", "measuring", "done"],
    "nothing is told after the end",
  );
});

test("means and throughput are those of completed requests; of none there are none", () => {
  const { told, report, summarizer } = setUp();
  report("measuring");
  const { ttftMeanMs, e2eMeanMs, outputThroughput } = told.at(-1)!;
  assert.deepEqual([ttftMeanMs, e2eMeanMs, outputThroughput], [undefined, undefined, undefined]);
  summarizer.add(record(0, { ttftMs: 40 }));
  summarizer.add(record(1, { ttftMs: 60 }));
  summarizer.add(failure(2));
  report("done");
  const last = told.at(-1)!;
  assert.equal(last.ttftMeanMs, 50);
  assert.equal(last.e2eMeanMs, 90);
  assert.deepEqual([last.completed, last.failed], [2, 1]);
  assert.deepEqual(last.load, { kind: "closed", concurrency: 1 });
});

test("throughput does not sink while requests are on their way, and is the window's own at the end", async () => {
  const { clock, told, report, summarizer } = setUp();
  report("measuring");
  summarizer.add(record(0));
  // One request of five tokens ended after 90 ms; how long the next one takes already is no matter.
  await clock.advanceTo(800 * MS);
  report("measuring");
  assert.equal(told.at(-1)?.outputThroughput, 5 / 0.09);
  summarizer.end({
    level: 0,
    window: { start: 0, end: 1_000 * MS },
    host: { cpuRatio: 0, loopDelayP99: 0, connectionsOpened: 0 },
  });
  report("done", summarizer.finish());
  assert.equal(told.at(-1)?.outputThroughput, 5);
});

function setUp() {
  const clock = new FakeClock();
  const plan = planOf();
  const level = plan.levels[0]!;
  const summarizer = new LevelSummarizer(level);
  summarizer.begin(0);
  const told: Progress[] = [];
  const report = progressOf(plan, level, summarizer, clock, (progress) => told.push(progress));
  return { clock, told, report, summarizer };
}
