import assert from "node:assert/strict";
import { test } from "node:test";
import { noProgress, runProgress } from "../../../server/load-tests/runs/progress.ts";
import { progressView } from "../../../server/load-tests/runs/progress-view.ts";
import { type Progress, parseConfig } from "../../../src/index.ts";

const AT = "2026-01-01T00:00:00.000Z";
const base = { url: "http://target", model: "m" };

const rows = [
  {
    why: "[A-62] [A-63] requests of a level, and levels from 0 on",
    config: { concurrency: [1, 10], requests: 100 },
    progress: { level: 1, levels: 2, share: 0.5, completed: 45, failed: 5 },
    counts: { current: 50, total: 100, percent: 50 },
    place: { level: 10, index: 1, total: 2 },
    overall: 75,
  },
  {
    why: "a level that lasts for a time ends at what it comes to",
    config: { concurrency: 4, duration: 10 },
    progress: { level: 0, levels: 1, share: 0.25, completed: 30, failed: 0 },
    counts: { current: 30, total: 120, percent: 25 },
    place: { level: 4, index: 0, total: 1 },
    overall: 25,
  },
  {
    why: "of a level that ends by either, time is nearer",
    config: { concurrency: 4, duration: 10, requests: 1000 },
    progress: { level: 0, levels: 1, share: 0.5, completed: 20, failed: 0 },
    counts: { current: 20, total: 40, percent: 50 },
    place: { level: 4, index: 0, total: 1 },
    overall: 50,
  },
  {
    why: "of a level that ends by either, the requests are nearer",
    config: { concurrency: 4, duration: 10, requests: 50 },
    progress: { level: 0, levels: 1, share: 0.4, completed: 20, failed: 0 },
    counts: { current: 20, total: 50, percent: 40 },
    place: { level: 4, index: 0, total: 1 },
    overall: 40,
  },
  {
    why: "a level that ended early is done all the same",
    config: { concurrency: 1, requests: 100 },
    progress: { level: 0, levels: 1, share: 1, completed: 7, failed: 0, phase: "done" as const },
    counts: { current: 7, total: 7, percent: 100 },
    place: { level: 1, index: 0, total: 1 },
    overall: 100,
  },
];
for (const { why, config, progress, counts, place, overall } of rows) {
  test(`progress: ${why}`, () => {
    const plan = parseConfig({ ...base, ...config }, (key) => key);
    const whole: Progress = {
      name: "",
      load: plan.levels[progress.level]!.load,
      phase: "measuring",
      elapsedSeconds: 1,
      requestsPerSecond: 1,
      ...progress,
    };
    const view = progressView(runProgress(plan, whole, AT));
    assert.deepEqual(view.progress, counts);
    assert.deepEqual(view.concurrency, place);
    assert.equal(view.overall_percent, overall);
  });
}

test("figures are in milliseconds and tokens per second, and null until there are any", () => {
  const plan = parseConfig({ ...base, requests: 10 }, (key) => key);
  assert.deepEqual(progressView(noProgress(plan, AT)), {
    progress: { current: 0, total: 10, percent: 0 },
    concurrency: { level: 1, index: 0, total: 1 },
    overall_percent: 0,
    metrics: {
      ttft_avg: null,
      ttft_p50: null,
      e2e_avg: null,
      throughput_current: null,
      success_count: 0,
      error_count: 0,
      timestamp: AT,
    },
  });
  const { metrics } = progressView({
    ...noProgress(plan, AT),
    metrics: {
      ttftAvgMs: 45.21239,
      ttftP50Ms: 44,
      e2eAvgMs: 100.5,
      throughput: 234.5,
      completed: 1,
      failed: 0,
    },
  });
  assert.deepEqual(
    [metrics.ttft_avg, metrics.ttft_p50, metrics.e2e_avg, metrics.throughput_current],
    [45.212, 44, 100.5, 234.5],
  );
});
