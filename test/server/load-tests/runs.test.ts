import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { appendFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { runFiles } from "../../../server/load-tests/runs/run-files.ts";
import type { RunEvent, RunProgress, Runs } from "../../../server/load-tests/runs/run-request.ts";
import { createRuns } from "../../../server/load-tests/runs/runs.ts";
import type { RunStore } from "../../../server/store/run-store.ts";
import { type RunBench, withRunBench } from "../../support/run-bench.ts";

test("[A-286] a run is measured, stored and told under its own id", () =>
  withRunBench({ ttftMs: 5 }, async ({ runs, store, request, dataDir }) => {
    const run = await runs.start(request({ concurrency: [1, 2] }));
    assert.equal(run.status, "pending");
    assert.match(run.runId, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    const ended = await runs.ended(run.runId);
    assert.equal(ended?.status, "completed");
    assert.equal(ended.error, undefined);
    assert.equal(ended.result?.run_id, run.runId);
    assert.deepEqual(
      ended.result.levels.map(({ name, requests }) => [name, requests.completed]),
      [
        ["concurrency 1", 5],
        ["concurrency 2", 5],
      ],
    );
    assert.ok(ended.startedAt! >= run.createdAt && ended.completedAt! >= ended.startedAt!);
    assert.deepEqual(await store.find(run.runId), ended);
    assert.equal(runs.progress(run.runId), undefined);
    // Everything can be made again from what is on disk, where no mark of a running process is left.
    assert.deepEqual(readdirSync(join(dataDir, "runs", run.runId)), ["records.jsonl"]);
    const again = await runFiles(dataDir).result(run.runId);
    assert.deepEqual(again?.levels, ended.result.levels);
  }));

test("[A-104] [A-105] [A-106] [A-107] what happens to a run is logged with its id and the request's", () =>
  withRunBench({}, async ({ runs, request, lines }) => {
    const good = await runs.start(request({}, { requestId: "req-1" }));
    await runs.ended(good.runId);
    const bad = await runs.start(request({ url: "http://127.0.0.1:1" }, { requestId: "req-2" }));
    await runs.ended(bad.runId);
    await runs.remove(good.runId, "req-3");
    assert.deepEqual(
      lines
        .filter(({ event }) => event !== undefined)
        .map((line) => [line.event, line.run_id, line.request_id]),
      [
        ["benchmark_started", good.runId, "req-1"],
        ["benchmark_completed", good.runId, "req-1"],
        ["benchmark_started", bad.runId, "req-2"],
        ["benchmark_failed", bad.runId, "req-2"],
        ["benchmark_deleted", good.runId, "req-3"],
      ],
    );
  }));

test("one run goes at a time, the others wait in order", () =>
  withRunBench({ ttftMs: 5 }, async ({ runs, store, request }) => {
    const ids: string[] = [];
    for (let i = 0; i < 3; i++) ids.push((await runs.start(request())).runId);
    await news(runs, ids[0]!, () => true);
    const status = async (id: string | undefined) => (await store.find(id!))?.status;
    assert.deepEqual(
      [await status(ids[0]), await status(ids[1]), await status(ids[2])],
      ["running", "pending", "pending"],
    );
    assert.deepEqual(runs.progress(ids[1]!)?.metrics, { completed: 0, failed: 0 });
    assert.equal(await runs.stop(ids[1]!), true, "one that waits can be stopped");
    const ends = await Promise.all(ids.map((id) => runs.ended(id)));
    assert.deepEqual(
      ends.map((run) => run?.status),
      ["completed", "cancelled", "completed"],
    );
    assert.equal(ends[1]?.startedAt, undefined);
    assert.ok(ends[2]!.startedAt! >= ends[0]!.completedAt!);
  }));

test("a run that is stopped ends at once and keeps what it measured", () =>
  withRunBench({ ttftMs: 10 }, async (bench) => {
    const { runs, request } = bench;
    const { runId } = await runs.start(request({ requests: 100_000, concurrency: 2 }));
    await news(runs, runId, ({ current }) => current >= 4);
    assert.equal(await runs.stop(runId), true);
    const ended = await runs.ended(runId);
    assert.equal(ended?.status, "cancelled");
    assert.equal(ended.error, undefined);
    assert.ok(ended.result!.levels[0]!.requests.completed >= 4);
    assert.equal(await runs.stop(runId), false, "it is over");
    assert.equal(await runs.stop("unknown"), false);
  }));

test("[A-302] a run that is deleted while it runs stops its load, and leaves nothing", () =>
  withRunBench({ ttftMs: 300 }, async (bench) => {
    const { runs, store, request, target, dataDir } = bench;
    const { runId } = await runs.start(request({ requests: 100_000 }));
    await news(runs, runId, ({ current }) => current >= 1);
    const pid = pidOf(bench, runId);
    const ended = runs.ended(runId);
    const before = target.seen.requests;
    assert.equal(await runs.remove(runId), true);
    assert.equal(isAlive(pid), false, "the process that measured is gone");
    assert.ok(target.seen.requests - before <= 1, `${target.seen.requests - before} more requests`);
    assert.equal(await ended, undefined);
    assert.equal(await store.find(runId), undefined);
    assert.equal(existsSync(join(dataDir, "runs", runId)), false);
    assert.equal(await runs.remove(runId), false);
  }));

test("[A-290] when the process that measures dies, the run says so and keeps what it measured", () =>
  withRunBench({ ttftMs: 2 }, async (bench) => {
    const { runs, request } = bench;
    // The first level ends with a line that is written at once; what is lost is of the second one at most.
    const { runId } = await runs.start(request({ concurrency: [2, 1], requests: 20_000, duration: 0.4 }));
    await news(runs, runId, ({ levelIndex, current }) => levelIndex === 1 && current > 0);
    process.kill(pidOf(bench, runId), "SIGKILL");
    const ended = await runs.ended(runId);
    assert.equal(ended?.status, "failed");
    assert.deepEqual(ended.error, {
      code: "BENCHMARK_FAILED",
      message: "The process that measured ended with SIGKILL.",
    });
    assert.ok(ended.result!.levels[0]!.requests.completed >= 2);
  }));

test("[A-288] [A-290] a run of which every request failed has failed, with the reason and no figures", () =>
  withRunBench(
    { fault: () => ({ kind: "status", status: 503, message: "no room" }) },
    async ({ runs, request }) => {
      const { runId } = await runs.start(request({ concurrency: [1, 2] }));
      const ended = await runs.ended(runId);
      assert.equal(ended?.status, "failed");
      assert.equal(ended.error?.code, "BENCHMARK_FAILED");
      assert.match(ended.error.message, /^None of 10 requests was answered: http_5xx 10 times \(.*503/);
      for (const { metrics } of ended.result!.levels) {
        assert.equal(metrics.ttft, undefined);
        assert.equal(metrics.e2e, undefined);
      }
    },
  ));

test("[A-290] nobody listening is the reason of a run's failure", () =>
  withRunBench({}, async ({ runs, request }) => {
    const { runId } = await runs.start(request({ url: "http://127.0.0.1:1" }));
    const ended = await runs.ended(runId);
    assert.equal(ended?.status, "failed");
    assert.match(
      ended.error!.message,
      /^Cannot reach http:\/\/127\.0\.0\.1:1: .*refused.* Check the address/,
    );
    assert.equal(ended.result, undefined);
  }));

test("[A-292] tokens that come four in a chunk are counted as four", () =>
  withRunBench({ chunks: 5, tokensPerChunk: 4, usage: true }, async ({ runs, request }) => {
    const { runId } = await runs.start(request({ "output-tokens": 20 }));
    const ended = await runs.ended(runId);
    assert.equal(ended?.result?.levels[0]?.metrics.output_tokens, 5 * 20);
  }));

test("a server that is shut down marks its runs as interrupted, with what they measured", () =>
  withRunBench({ ttftMs: 5 }, async ({ runs, store, request }) => {
    const going = await runs.start(request({ requests: 100_000 }));
    const waiting = await runs.start(request());
    await news(runs, going.runId, ({ current }) => current >= 2);
    await runs.close();
    const first = await store.find(going.runId);
    assert.equal(first?.status, "failed");
    assert.equal(first.error?.code, "INTERRUPTED");
    assert.ok(first.result!.levels[0]!.requests.completed >= 2);
    assert.equal((await store.find(waiting.runId))?.error?.code, "INTERRUPTED");
    await assert.rejects(runs.start(request()), /takes no more runs/);
  }));

const conclusions = [
  { name: "adds its report", conclude: async () => ({ report: { passed: true } }), status: "completed" },
  {
    name: "may find that a run failed after all",
    conclude: async () => ({
      report: { passed: false },
      error: { code: "BENCHMARK_FAILED", message: "No." },
    }),
    status: "failed",
  },
  {
    name: "may fail itself, and what was measured is kept",
    conclude: () => Promise.reject(new Error("No.")),
    status: "failed",
  },
] as const;
for (const { name, conclude, status } of conclusions) {
  test(`what is made of a result ${name}`, () =>
    withRunBench({}, async ({ runs, request }) => {
      const { runId } = await runs.start(request({}, { conclude }));
      const ended = await runs.ended(runId);
      assert.equal(ended?.status, status);
      assert.equal(ended.result?.levels[0]?.requests.completed, 5);
      if (status === "failed") assert.deepEqual(ended.error, { code: "BENCHMARK_FAILED", message: "No." });
    }));
}

test("a run is stopped also while something is made of its result", () =>
  withRunBench({}, async ({ runs, request }) => {
    const begun = Promise.withResolvers<void>();
    const conclude = () => {
      begun.resolve();
      return new Promise<never>(() => {});
    };
    const { runId } = await runs.start(request({}, { conclude }));
    await begun.promise;
    await runs.stop(runId);
    const ended = await runs.ended(runId);
    assert.equal(ended?.status, "cancelled");
    assert.equal(ended.result?.levels[0]?.requests.completed, 5);
  }));

test("steps of a validation reach those who watch, before the end does", () =>
  withRunBench({}, async ({ runs, request }) => {
    const { runId } = await runs.start(
      request(
        {},
        {
          conclude: async (_result, _run, tell) => {
            tell({ step: "prometheus", message: "Reading the counters.", status: "running" });
            return {};
          },
        },
      ),
    );
    const seen: RunEvent[] = [];
    runs.subscribe(runId, (event) => seen.push(event));
    await runs.ended(runId);
    const [step, end] = seen.slice(-2);
    assert.deepEqual(step, {
      kind: "validation",
      step: "prometheus",
      message: "Reading the counters.",
      status: "running",
    });
    assert.equal(end?.kind, "ended");
  }));

test("[A-64] the last progress shows what the result shows, and no more than a few come a second", () =>
  withRunBench({ ttftMs: 5, gapMs: 1 }, async ({ runs, request }) => {
    const { runId } = await runs.start(request({ requests: 200, concurrency: 4 }));
    const seen: RunProgress[] = [];
    runs.subscribe(runId, (event) => {
      if (event.kind === "progress") seen.push(event.progress);
    });
    const ended = await runs.ended(runId);
    const { metrics } = ended!.result!.levels[0]!;
    const last = seen.at(-1)!;
    assert.equal(last.current, 200);
    assert.equal(last.overallPercent, 100);
    assert.ok(Math.abs(last.metrics.ttftAvgMs! - metrics.ttft!.mean) < 0.001);
    assert.ok(Math.abs(last.metrics.ttftP50Ms! - metrics.ttft!.p50) < 0.001);
    assert.ok(Math.abs(last.metrics.e2eAvgMs! - metrics.e2e!.mean) < 0.001);
    assert.ok(Math.abs(last.metrics.throughput! - metrics.output_throughput!) < 0.001);
    assert.ok(seen.length < 30, `${seen.length} messages for 200 requests`);
  }));

test("[A-31] [A-294] a target's key reaches the target and nothing else", () =>
  withRunBench({ ttftMs: 5 }, async (bench) => {
    const { runs, store, request, target, lines, dataDir } = bench;
    const apiKey = "sk-only-for-the-target";
    const { runId } = await runs.start(request({ requests: 100_000 }, { apiKey }));
    await news(runs, runId, ({ current }) => current >= 1);
    if (process.platform === "linux") {
      const proc = `/proc/${pidOf(bench, runId)}`;
      assert.doesNotMatch(readFileSync(`${proc}/cmdline`, "latin1"), new RegExp(apiKey));
      assert.doesNotMatch(readFileSync(`${proc}/environ`, "latin1"), new RegExp(apiKey));
    }
    await runs.stop(runId);
    const ended = await runs.ended(runId);
    assert.ok(target.seen.keys.every((key) => key === `Bearer ${apiKey}`));
    assert.doesNotMatch(JSON.stringify([ended, await store.find(runId), lines]), new RegExp(apiKey));
    for (const file of readdirSync(dataDir, { recursive: true, withFileTypes: true })) {
      if (!file.isFile()) continue;
      assert.doesNotMatch(readFileSync(join(file.parentPath, file.name), "latin1"), new RegExp(apiKey));
    }
  }));

test("half a line at the end of the records costs that line alone", () =>
  withRunBench({}, async ({ runs, request, dataDir }) => {
    const { runId } = await runs.start(request());
    await runs.ended(runId);
    const files = runFiles(dataDir);
    await appendFile(
      join(files.folder(runId), "records.jsonl"),
      `{"request":{"level":0,"pad":"${"x".repeat(100_000)}`,
    );
    const result = await files.result(runId);
    assert.equal(result?.levels[0]?.requests.completed, 5);
  }));

test("a database that is away for a moment does not lose a run", () =>
  withRunBench({}, async ({ store, log, request, dataDir }) => {
    let failures = 2;
    const shaky: RunStore = {
      ...store,
      update: async (runId, changes) => {
        if (changes.completedAt !== undefined && failures-- > 0) throw new Error("The database is away.");
        return store.update(runId, changes);
      },
    };
    const runs = await createRuns({ store: shaky, log, dataDir });
    const { runId } = await runs.start(request());
    assert.equal((await runs.ended(runId))?.status, "completed");
    assert.equal((await store.find(runId))?.status, "completed");
  }));

test("a name that leads out of the folder is none", () => {
  assert.throws(() => runFiles("/data").folder("../elsewhere"), RangeError);
});

/** Resolves with the first progress that is as asked for. */
function news(runs: Runs, runId: string, holds: (progress: RunProgress) => boolean): Promise<RunProgress> {
  return new Promise((resolve, reject) => {
    const stop = runs.subscribe(runId, (event) => {
      if (event.kind === "ended") reject(new Error(`The run ended: ${JSON.stringify(event.run.error)}`));
      if (event.kind !== "progress" || !holds(event.progress)) return;
      stop();
      resolve(event.progress);
    });
  });
}

function pidOf({ dataDir }: RunBench, runId: string): number {
  return Number(readFileSync(join(dataDir, "runs", runId, "pid"), "utf8"));
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
