import assert from "node:assert/strict";
import { test } from "node:test";
import { resultAnswer } from "../../../server/load-tests/results/result-schema.ts";
import { resultView } from "../../../server/load-tests/results/result-view.ts";
import { goodputObjectives } from "../../../server/load-tests/runs/load-test-request.ts";
import type { MeasuredRun } from "../../../server/store/run-store.ts";
import { withRunBench } from "../../support/run-bench.ts";
import { newRun } from "../../support/stored-runs.ts";
import { levelWith, resultWith } from "../../support/view-api.ts";

function runWith(changes: Partial<MeasuredRun>): MeasuredRun {
  return {
    ...newRun(1),
    id: 1,
    status: "completed",
    startedAt: "2026-03-14T09:26:53.000Z",
    completedAt: "2026-03-14T09:27:23.500Z",
    error: undefined,
    favorite: false,
    result: undefined,
    report: undefined,
    ...changes,
  };
}

test("[A-286] [A-287] [A-32] a measured run is told as the API says, with goodput over all requests", () =>
  withRunBench(
    {
      ttftMs: 2,
      // Of ten requests nine fail.
      fault: (request) => (request % 10 === 3 ? undefined : { kind: "status", status: 500, message: "boom" }),
    },
    async ({ runs, request }) => {
      const slo = goodputObjectives({ ttft_ms: 500, tpot_ms: 500, e2e_ms: 30_000 });
      const { runId } = await runs.start(request({ concurrency: [2], requests: 20, slo }));
      const run = (await runs.ended(runId))!;
      const view = resultView(run);
      assert.equal(view.run_id, runId);
      resultAnswer.strict().parse(view);
      const [level] = view.results;
      const { ttft, e2e_latency, goodput } = level!;
      const measured = run.result!.levels[0]!.metrics;
      assert.deepEqual(
        [ttft?.min, ttft?.median, ttft?.p95, ttft?.std, e2e_latency?.max],
        [measured.ttft!.min, measured.ttft!.p50, measured.ttft!.p95, measured.ttft!.std, measured.e2e!.max],
      );
      assert.deepEqual(goodput, {
        thresholds: { ttft_ms: 500, tpot_ms: 500, e2e_ms: 30_000 },
        satisfied_requests: 2,
        total_requests: 20,
        goodput_percent: 10,
        ttft_satisfied: 2,
        tpot_satisfied: 2,
        e2e_satisfied: 2,
      });
      assert.deepEqual(
        [
          level!.total_requests,
          level!.successful_requests,
          level!.failed_requests,
          level!.error_rate_percent,
        ],
        [20, 2, 18, 90],
      );
      assert.deepEqual([view.summary.overall_error_rate, view.summary.avg_goodput_percent], [90, 10]);
    },
  ));

test("the summary is over all levels and all requests, and no average of percentages", () => {
  const levels = [
    levelWith(1, { completed: 10, ttftMs: 100, tokensPerSecond: 50, good: 10 }),
    levelWith(10, { completed: 50, failed: 40, ttftMs: 80, tokensPerSecond: 300, good: 45 }),
    levelWith(50, { completed: 100, ttftMs: 900, tokensPerSecond: 280, good: 0 }),
  ];
  const { summary, duration_seconds } = resultView(runWith({ result: resultWith(levels) }));
  assert.deepEqual(summary, {
    best_throughput: 300,
    best_ttft_p50: 80,
    best_concurrency: 10,
    total_requests: 200,
    overall_error_rate: 20,
    avg_goodput_percent: 27.5,
  });
  assert.equal(duration_seconds, 30.5);
});

test("[A-288] a run in which nothing was answered has no figure of 0", () => {
  const levels = [levelWith(4, { completed: 0, failed: 20 })];
  const error = { code: "BENCHMARK_FAILED", message: "None of 20 requests was answered." };
  const view = resultView(runWith({ status: "failed", error, result: resultWith(levels) }));
  assert.deepEqual([view.status, view.error], ["failed", error]);
  const [level] = view.results;
  assert.deepEqual(
    [level!.ttft, level!.e2e_latency, level!.throughput_tokens_per_sec, level!.total_output_tokens],
    [null, null, null, null],
  );
  assert.ok(!("tpot" in level!) && !("goodput" in level!));
  assert.deepEqual([view.summary.best_ttft_p50, view.summary.best_throughput], [null, null]);
  assert.equal(view.summary.overall_error_rate, 100);
  resultAnswer.strict().parse(view);
});

test("a run that measured nothing is told all the same", () => {
  const view = resultView(runWith({ status: "cancelled", startedAt: undefined }));
  assert.deepEqual(view.results, []);
  assert.deepEqual(
    [view.summary.total_requests, view.summary.overall_error_rate, view.duration_seconds, view.started_at],
    [0, null, null, null],
  );
  assert.ok(!("valid" in view) && !("validation" in view) && !("gpu_metrics" in view));
  resultAnswer.strict().parse(view);
});

test("a key that somebody stored is not told", () => {
  const view = resultView(runWith({ config: { concurrency: [1], api_key: "sk-secret-123" } }));
  assert.deepEqual(view.config, { concurrency: [1], api_key: "***" });
});

test("what the server said of itself goes with the result, the cache per cent", () => {
  const server = { engine: "vllm", replicas: 1, unavailable: [] };
  const levels = [
    levelWith(1, { server: { ...server, kv_cache_usage_max: 0.5, running_max: 1 } }),
    levelWith(10, {
      server: {
        ...server,
        kv_cache_usage_max: 0.97,
        waiting_max: 4,
        gpu_memory_used_bytes_max: 2 * 1024 ** 3,
      },
    }),
  ];
  const view = resultView(
    runWith({ result: resultWith(levels), report: { validation: { overall_passed: true } } }),
  );
  assert.deepEqual(view.gpu_metrics, { memory_used_gb_max: 2 });
  assert.deepEqual(view.server_infra, {
    engine: "vllm",
    replicas: 1,
    cache_usage_perc_max: 97,
    requests_running_max: 1,
    requests_waiting_max: 4,
  });
  assert.deepEqual(view.validation, { overall_passed: true });
  const without = resultView(runWith({ result: resultWith([levelWith(1)]) }));
  assert.ok(!("server_infra" in without) && !("gpu_metrics" in without));
});

test("levels that fix no concurrency have none, and requests that were cut off are told apart", () => {
  const level = levelWith(1, { completed: 8, failed: 1, incomplete: 3 });
  const load = { kind: "open", rate: 20, arrivals: "poisson", burstiness: 1 } as const;
  const [view] = resultView(runWith({ result: resultWith([{ ...level, load, name: "20 req/s" }]) })).results;
  assert.deepEqual([view!.concurrency, view!.rate, view!.level], [null, 20, "20 req/s"]);
  assert.deepEqual([view!.total_requests, view!.incomplete_requests], [9, 3]);
});
