import assert from "node:assert/strict";
import { test } from "node:test";
import { compareInThread } from "../../../server/load-tests/comparison/compare-in-thread.ts";
import { compareAnswer } from "../../../server/load-tests/comparison/routes.ts";
import { startScriptedServer } from "../../../src/scripted-server.ts";
import { withRunBench } from "../../support/run-bench.ts";
import { send } from "../../support/server.ts";
import { levelWith, resultWith, withViewApi } from "../../support/view-api.ts";

const compare = (url: string, run_ids: unknown) =>
  send(`${url}/api/v1/benchmark/compare`, { body: { run_ids } });

test("[A-9] [A-88] [A-286] [A-297] runs stand beside each other level by level, and the best of them are named", () =>
  withViewApi(async ({ url, put }) => {
    const first = await put({
      result: resultWith([
        levelWith(1, { ttftMs: 20, tokensPerSecond: 100, good: 100 }),
        levelWith(10, { ttftMs: 90, tokensPerSecond: 700, good: 50 }),
      ]),
    });
    const second = await put({
      result: resultWith([
        levelWith(10, { completed: 50, failed: 50, ttftMs: 60, tokensPerSecond: 650 }),
        levelWith(50, { ttftMs: 400, tokensPerSecond: 900 }),
      ]),
    });
    const empty = await put({ status: "failed", error: { code: "BENCHMARK_FAILED", message: "no" } });
    const { status, json } = await compare(url, [first, second, empty]);
    assert.equal(status, 200);
    compareAnswer.strict().parse(json);
    assert.equal(json.run_count, 3);
    assert.deepEqual(json.best_throughput, {
      run_id: second,
      value: 900,
      concurrency: 50,
      level: "concurrency 50",
    });
    assert.deepEqual(json.best_ttft, { run_id: first, value: 20, concurrency: 1, level: "concurrency 1" });
    assert.deepEqual(Object.keys(json.by_concurrency), ["1", "10", "50"]);
    assert.deepEqual(Object.keys(json.by_concurrency["10"]), [first, second]);
    const [a, b] = [first, second].map((id) => json.by_concurrency["10"][id]);
    assert.deepEqual([a.throughput, a.ttft_p50, a.error_rate_percent, a.goodput_percent], [700, 90, 0, 50]);
    assert.deepEqual(
      [b.throughput, b.ttft_p50, b.error_rate_percent, b.goodput_percent],
      [650, 60, 50, null],
    );
    assert.deepEqual(
      json.runs.map((run: { run_id: string }) => run.run_id),
      [first, second, empty],
    );
    const [, none] = json.comparison.against_base;
    assert.deepEqual(none, { run_id: empty, incomparable: `Run ${empty} measured nothing.`, levels: [] });
  }));

test("a server that became slower is said to be worse, with intervals; other plans are not compared", () =>
  withRunBench({ ttftMs: 30 }, async (bench) => {
    const plan = { concurrency: [2], requests: 60, "output-tokens": 2 };
    const measure = async (url: string, settings: object) => {
      const { runId } = await bench.runs.start(bench.request({ ...plan, url, ...settings }));
      return (await bench.runs.ended(runId))!;
    };
    const slow = await startScriptedServer({ ttftMs: 300 });
    try {
      const base = await measure(bench.target.url, {});
      const head = await measure(slow.url, {});
      const other = await measure(bench.target.url, { requests: 8 });
      await withViewApi(async ({ url, put }) => {
        const ids: string[] = [];
        for (const { result } of [base, head, other]) ids.push(await put({ result }));
        const { json } = await compare(url, ids);
        compareAnswer.strict().parse(json);
        const { base_run_id, confidence, against_base } = json.comparison;
        assert.deepEqual([base_run_id, confidence], [ids[0], 0.95]);
        const [slower, unlike] = against_base;
        const changes = new Map(
          slower.levels[0].changes.map((change: { metric: string }) => [change.metric, change]),
        );
        const ttft = changes.get("ttft_p50") as { change: string; ratio: number; interval: [number, number] };
        assert.equal(ttft.change, "worse");
        assert.ok(ttft.interval[0] <= ttft.ratio && ttft.interval[0] > 1, JSON.stringify(ttft));
        assert.equal((changes.get("error_rate") as { change: string }).change, "unclear");
        assert.deepEqual([unlike.run_id, unlike.levels], [ids[2], []]);
        assert.match(unlike.incomparable, /different plans/);
      });
    } finally {
      await slow.close();
    }
  }));

test("[A-297] runs that are not there are named, all of them", () =>
  withViewApi(async ({ url, put }) => {
    const there = await put({ result: resultWith([levelWith(1)]) });
    const { status, json } = await compare(url, ["nope", there, "{run_id}"]);
    assert.equal(status, 404);
    assert.equal(json.error.code, "NOT_FOUND");
    assert.deepEqual(json.error.missing, ["nope", "{run_id}"]);
    assert.deepEqual(json.error.details, [
      { field: "run_ids.0", message: 'There is no run "nope".' },
      { field: "run_ids.2", message: 'There is no run "{run_id}".' },
    ]);
  }));

test("a run that still goes is no party to a comparison", () =>
  withViewApi(async ({ url, put }) => {
    const over = await put({ result: resultWith([levelWith(1)]) });
    const going = await put({ status: "running", completedAt: undefined });
    const { status, json } = await compare(url, [over, going]);
    assert.deepEqual([status, json.error.code], [409, "INVALID_STATE"]);
    assert.equal(json.error.details[0].field, "run_ids.1");
  }));

const BAD: readonly (readonly [why: string, ids: unknown, field: string])[] = [
  ["none", undefined, "run_ids"],
  ["no list", "a,b", "run_ids"],
  ["one alone", ["a"], "run_ids"],
  ["too many", ["a", "b", "c", "d", "e", "f"], "run_ids"],
  ["twice the same", ["a", "a"], "run_ids"],
  ["no text", ["a", 7], "run_ids.1"],
];
for (const [why, ids, field] of BAD) {
  test(`a list of ids that is wrong is refused: ${why}`, () =>
    withViewApi(async ({ url }) => {
      const { status, json } = await compare(url, ids);
      assert.deepEqual([status, json.error.code], [400, "VALIDATION_ERROR"]);
      assert.equal(json.error.details[0].field, field);
    }));
}

test("two levels of the same load are both there", () =>
  withViewApi(async ({ url, put }) => {
    const twice = resultWith([levelWith(4, { ttftMs: 1 }), levelWith(4, { ttftMs: 2 })]);
    const ids = [await put({ result: twice }), await put({ result: resultWith([levelWith(4)]) })];
    const { json } = await compare(url, ids);
    assert.deepEqual(Object.keys(json.by_concurrency), ["4", "4 (2)"]);
    assert.equal(json.by_concurrency["4 (2)"][ids[0]!].ttft_p50, 2);
  }));

test("comparisons wait for each other, and not without end", async () => {
  const result = resultWith([levelWith(1)]);
  const all = await Promise.allSettled(Array.from({ length: 10 }, () => compareInThread(result, [result])));
  assert.deepEqual(
    all.map(({ status }) => status),
    [...Array.from({ length: 8 }, () => "fulfilled"), "rejected", "rejected"],
  );
  const [refused] = all.flatMap((one) => (one.status === "rejected" ? [one.reason] : []));
  assert.deepEqual([refused.code, refused.headers], ["SERVICE_UNAVAILABLE", { "Retry-After": "2" }]);
  assert.equal((await compareInThread(result, [result, result])).length, 2, "and room is made again");
});
