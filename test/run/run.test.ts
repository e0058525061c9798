import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { GoodputError } from "../../src/errors.ts";
import { parseConfig } from "../../src/plan/config.ts";
import type { Result } from "../../src/result.ts";
import { resultFromRecords } from "../../src/run/from-records.ts";
import { runPlan } from "../../src/run/run.ts";
import { type Script, type ScriptedServer, startScriptedServer } from "../../src/scripted-server.ts";

async function withServer<T>(script: Script, use: (server: ScriptedServer) => Promise<T>): Promise<T> {
  const server = await startScriptedServer(script);
  try {
    return await use(server);
  } finally {
    await server.close();
  }
}

const planFor = ({ url }: { url: string }, raw: Record<string, unknown>) =>
  parseConfig({ url, "input-tokens": 16, "output-tokens": 4, ...raw }, (key) => key);

const asJson = (result: Result) => JSON.parse(JSON.stringify(result));

test("levels run in order with exactly their concurrency, and warm-up is in no figure", () =>
  withServer({ ttftMs: 20 }, async (server) => {
    const result = await runPlan(planFor(server, { concurrency: "1,6", requests: 30, warmup: 7 }));
    assert.deepEqual(
      result.levels.map(({ name }) => name),
      ["concurrency 1", "concurrency 6"],
    );
    for (const { requests, metrics } of result.levels) {
      assert.deepEqual([requests.issued, requests.completed, requests.warmup], [30, 30, 7]);
      assert.deepEqual([metrics.ttft?.count, metrics.itl?.count, metrics.output_tokens], [30, 90, 120]);
    }
    assert.equal(server.seen.requests, 2 * 37);
    assert.equal(server.seen.maxInFlight, 6);
    assert.ok(Math.abs(result.levels[1]!.metrics.concurrency! - 6) < 0.5);
  }));

test("the slots of a closed loop open one after the other, so that no answer waits for another's to be read", () =>
  withServer({ ttftMs: 5 }, async (server) => {
    const outDir = await mkdtemp(join(tmpdir(), "goodput-"));
    await runPlan(planFor(server, { concurrency: 8, requests: 8, warmup: 0 }), { outDir });
    const lines = (await readFile(join(outDir, "records.jsonl"), "utf8")).trim().split("\n");
    const requests = lines.map((line) => JSON.parse(line)).flatMap(({ request }) => request ?? []);
    const [first, ...others] = requests.map(({ scheduled }) => scheduled).toSorted((a, b) => a - b);
    assert.deepEqual(
      others.map((scheduled, k) => scheduled - first - (k + 1) * 200_000),
      Array(7).fill(0),
    );
  }));

test("all connections are open before a level's window, however small its warm-up", () =>
  withServer({ ttftMs: 5 }, async (server) => {
    for (const load of [
      { concurrency: 12 },
      { "concurrency-stages": "100ms:12,300ms:12" },
      { users: 12, "spawn-rate": 100, "think-time": "0s-0.1s" },
    ]) {
      const outDir = await mkdtemp(join(tmpdir(), "goodput-"));
      await runPlan(planFor(server, { ...load, requests: 36, warmup: 2 }), { outDir });
      const records = (await readFile(join(outDir, "records.jsonl"), "utf8")).trim().split("\n");
      const hosts = records.map((line) => JSON.parse(line)).flatMap(({ end }) => (end ? [end.host] : []));
      assert.deepEqual(
        hosts.map(({ connectionsOpened }) => connectionsOpened),
        [0],
        JSON.stringify(load),
      );
    }
  }));

test("a request has the model, the length and the key it should, and the key is in no file", () =>
  withServer({ model: "qwen" }, async (server) => {
    const outDir = await mkdtemp(join(tmpdir(), "goodput-"));
    await runPlan(planFor(server, { requests: 3 }), { outDir, apiKey: "sk-secret-value" });
    assert.deepEqual(new Set(server.seen.keys), new Set(["Bearer sk-secret-value"]));
    const { model, max_tokens, stream, stream_options } = server.seen.bodies[0]!;
    assert.deepEqual(
      { model, max_tokens, stream, stream_options },
      {
        model: "qwen",
        max_tokens: 4,
        stream: true,
        stream_options: { include_usage: true },
      },
    );
    assert.doesNotMatch(await readFile(join(outDir, "records.jsonl"), "utf8"), /sk-secret/);
  }));

test("a model that is named is asked for, whatever the target lists first", () =>
  withServer({ model: "listed" }, async (server) => {
    await runPlan(planFor(server, { model: "named", requests: 2 }));
    assert.deepEqual(new Set(server.seen.bodies.map(({ model }) => model)), new Set(["named"]));
  }));

test("warm, the same seed sends the same bodies, another one others", () =>
  withServer({}, async (server) => {
    const bodiesOf = async (seed: number) => {
      const from = server.seen.bodies.length;
      await runPlan(planFor(server, { requests: 10, seed, "prompt-cache": "warm" }));
      return server.seen.bodies.slice(from).map((body) => JSON.stringify(body));
    };
    const first = await bodiesOf(1);
    assert.equal(new Set(first).size, first.length, "no two requests are alike");
    assert.deepEqual(await bodiesOf(1), first);
    assert.notDeepEqual(await bodiesOf(2), first);
  }));

test("every figure can be made again from the records file", () =>
  withServer(
    { ttftMs: 5, gapMs: 1, fault: (n) => (n % 10 === 9 ? { kind: "status", status: 500 } : undefined) },
    async (server) => {
      const outDir = await mkdtemp(join(tmpdir(), "goodput-"));
      const plan = planFor(server, {
        concurrency: "2,4",
        requests: 40,
        slo: "ttft_p95 < 100ms\nttft_mean < 100ms\nerror_rate < 50%\ngoodput_ratio(ttft<100ms) > 50%\noutput_throughput > 1",
      });
      const result = await runPlan(plan, { outDir });
      assert.ok(result.levels.every(({ requests }) => requests.failures.http_5xx! > 0));
      assert.deepEqual(asJson(await resultFromRecords(join(outDir, "records.jsonl"))), asJson(result));
    },
  ));

test("a stalled server cannot hide behind the requests that waited for it", () =>
  withServer(stallingOnce(2000), async (server) => {
    // 50 a second on at most 10 connections: for two seconds none returns, and a hundred arrivals wait.
    const plan = planFor(server, { rate: 50, arrivals: "constant", duration: "4s", "max-concurrency": 10 });
    const { metrics } = (await runPlan(plan)).levels[0]!;
    assert.ok(metrics.ttft!.p99 >= 1900, `ttft p99 ${metrics.ttft!.p99} ms from the planned moment`);
    assert.ok(metrics.ttft!.p90 >= 1000, "and a good part of all requests met the stall");
  }));

test("when all requests fail there is no latency and nothing is met", () =>
  withServer({ fault: () => ({ kind: "status", status: 500 }) }, async (server) => {
    const result = await runPlan(planFor(server, { requests: 20, slo: "ttft_p95 < 500ms" }));
    assert.equal(result.verdict, "inconclusive");
    assert.equal(result.valid, false);
    assert.equal(result.levels[0]!.metrics.ttft, undefined);
    assert.equal(result.levels[0]!.metrics.error_rate, 1);
  }));

test("an interrupted run keeps what it measured", () =>
  withServer({ ttftMs: 20 }, async (server) => {
    const interrupt = new AbortController();
    const outDir = await mkdtemp(join(tmpdir(), "goodput-"));
    const result = await runPlan(planFor(server, { concurrency: 4, requests: 10_000 }), {
      outDir,
      signal: interrupt.signal,
      onProgress: ({ completed }) => completed >= 20 && interrupt.abort(),
    });
    const { completed, incomplete, failed } = result.levels[0]!.requests;
    assert.equal(result.state, "cancelled");
    assert.ok(completed >= 20 && completed < 100);
    assert.ok(incomplete >= 1 && incomplete <= 4, `${incomplete} were in flight`);
    assert.equal(failed, 0);
    assert.deepEqual(asJson(await resultFromRecords(join(outDir, "records.jsonl"))), asJson(result));
  }));

test("nobody listening ends the run before any load", async () => {
  const url = await withServer({}, async (server) => server.url);
  await assert.rejects(
    runPlan(planFor({ url }, {})),
    (error) =>
      error instanceof GoodputError && error.code === "TARGET_UNREACHABLE" && /refused/.test(error.message),
  );
});

test("a folder that cannot be written ends the run with a clear error", () =>
  withServer({}, async (server) => {
    const file = join(await mkdtemp(join(tmpdir(), "goodput-")), "a-file");
    await writeFile(file, "");
    await assert.rejects(
      runPlan(planFor(server, {}), { outDir: join(file, "below") }),
      (error) => error instanceof GoodputError && error.code === "OUTPUT_UNWRITABLE",
    );
  }));

test(
  "a full disk stops the run with a clear error",
  { skip: !existsSync("/dev/full") && "no /dev/full here" },
  () =>
    withServer({}, async (server) => {
      const outDir = await mkdtemp(join(tmpdir(), "goodput-"));
      await symlink("/dev/full", join(outDir, "records.jsonl"));
      await assert.rejects(
        runPlan(planFor(server, { requests: 5000 }), { outDir }),
        (error) =>
          error instanceof GoodputError && error.code === "OUTPUT_UNWRITABLE" && /ENOSPC/.test(error.message),
      );
      assert.ok(server.seen.requests < 5000);
    }),
);

/** Answers at once, but for one stretch of time in which it answers nobody. */
function stallingOnce(forMs: number): Script {
  let until: number | undefined;
  return {
    get ttftMs() {
      return until === undefined ? 0 : Math.max(0, until - performance.now());
    },
    fault: (number) => {
      if (number === 100) until = performance.now() + forMs;
      return undefined;
    },
  };
}
