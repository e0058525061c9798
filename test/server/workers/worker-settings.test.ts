import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { readConfig } from "../../../server/config.ts";
import { createShards } from "../../../server/workers/shards.ts";
import { whyNotSplit } from "../../../server/workers/why-not-split.ts";
import { parseConfig } from "../../../src/index.ts";
import { startScriptedServer } from "../../../src/scripted-server.ts";
import { startPostgres } from "../../support/postgres.ts";
import { send, startServer } from "../../support/server.ts";
import { databaseEnvironment, startWorkerProcess, withShardBench } from "../../support/shard-bench.ts";

const postgres = await startPostgres();
after(() => postgres.stop());

test("a server that splits runs sends no key of a request's to workers, and they send their own", async () => {
  const store = await postgres.fresh();
  const dataDir = await mkdtemp(join(tmpdir(), "goodput-"));
  const target = await startScriptedServer();
  const server = await startServer({ store, dataDir, model: { kind: "none" }, runShards: 2 });
  const env = { ...databaseEnvironment(store.connection), GOODPUT_API_KEY: "key-of-the-workers" };
  const workers = [startWorkerProcess(dataDir, env), startWorkerProcess(dataDir, env)];
  try {
    const body = { server_url: target.url, model: "scripted", concurrency: [4], num_prompts: 12, warmup: 0 };
    const url = `${server.url}/api/v1/benchmark/run`;
    const refused = await send(url, { body: { ...body, api_key: "key-of-a-caller" } });
    assert.equal(refused.status, 400);
    assert.equal(refused.json.error.code, "VALIDATION_ERROR");
    assert.equal(refused.json.error.details[0].field, "api_key");
    assert.match(refused.json.error.details[0].message, /start the workers with GOODPUT_API_KEY$/);
    assert.doesNotMatch(refused.text, /key-of/);
    assert.equal((await send(`${server.url}/api/v1/benchmark/history`)).json.total, 0, "nothing was stored");

    const started = await send(url, { body });
    const ended = await ending(`${server.url}/ws/benchmark/${started.json.run_id}`);
    assert.equal(ended.type, "completed", JSON.stringify(ended));
    assert.deepEqual(new Set(target.seen.keys), new Set(["Bearer key-of-the-workers"]));
    assert.equal(target.seen.bodies.length, 12);
    for (const { lines } of workers) assert.doesNotMatch(JSON.stringify(lines), /key-of/);
  } finally {
    assert.deepEqual(await Promise.all(workers.map((worker) => worker.end("SIGINT"))), [0, 0]);
    await server.close();
    await target.close();
    await rm(dataDir, { recursive: true, force: true });
  }
});

test("a worker without PostgreSQL says that it needs it", async () => {
  const worker = startWorkerProcess(tmpdir(), { DATABASE_PATH: "benchmarks.db" });
  await assert.rejects(worker.line("never"));
  assert.equal(worker.process.exitCode, 2);
  assert.deepEqual(
    worker.lines.map(({ message }) => message),
    [
      "A worker takes shards from a queue in PostgreSQL, and none is configured.",
      "Set DATABASE_URL or DB_HOST to the server's database.",
    ],
  );
});

test("a worker whose database cannot be reached says so, without the password", async () => {
  const worker = startWorkerProcess(tmpdir(), { DATABASE_URL: "postgres://u:hidden-word@127.0.0.1:9/d" });
  await assert.rejects(worker.line("never"));
  assert.equal(worker.process.exitCode, 2);
  assert.match(
    String(worker.lines[0]?.message),
    /^PostgreSQL at 127\.0\.0\.1:9, database d cannot be opened: /,
  );
  assert.doesNotMatch(JSON.stringify(worker.lines), /hidden-word/);
});

test("runs are split only where workers can be reached: with PostgreSQL", () => {
  assert.throws(() => readConfig({ RUN_SHARDS: "2" }), {
    name: "ConfigError",
    message:
      "RUN_SHARDS: 2 needs PostgreSQL, through which workers take their shards: set DATABASE_URL or DB_HOST.",
  });
  assert.equal(readConfig({ RUN_SHARDS: "2", DB_HOST: "h" }).runShards, 2);
  for (const text of ["0", "257", "two", "1.5"]) {
    assert.throws(() => readConfig({ RUN_SHARDS: text, DB_HOST: "h" }), /RUN_SHARDS: .* from 1 to 256/);
  }
});

const URL = { url: "http://h", model: "m" };
for (const [what, settings, reason] of [
  ["closed loops", { concurrency: [1, 8] }, undefined],
  ["planned moments", { rate: 5, duration: "10s" }, undefined],
  ["virtual users", { users: 5, duration: "10s" }, undefined],
  ["built-in prompts", { prompts: "builtin" }, undefined],
  ["a search", { search: "concurrency", slo: ["ttft_p95 < 1s"] }, /levels follow/],
  [
    "an early decision",
    { until: "decisive", requests: 500, slo: ["ttft_p95 < 1s"] },
    /objectives are decided/,
  ],
  ["a baseline", { "baseline-url": "http://b" }, /two targets/],
  ["a limit of errors", { "max-errors": 3 }, /may end it early/],
  ["a limit of tokens", { "max-tokens": 3 }, /may end it early/],
  ["overload", { rate: 5, "stop-on-overload": true }, /may end it early/],
  ["a file of prompts", { prompts: "prompts.jsonl" }, /file of the server's machine/],
] as const) {
  test(`${reason ? "not split" : "split"}: ${what}`, () => {
    const why = whyNotSplit(parseConfig({ ...URL, ...settings }, (key) => key));
    if (reason === undefined) assert.equal(why, undefined);
    else assert.match(why ?? "", reason);
  });
}

test("what cannot be split is done by the server itself, and its log says so", () =>
  withShardBench(postgres, 2, {}, async ({ runs, request, lines }) => {
    const run = await runs.ended((await runs.start(request({ "max-errors": 5 }))).runId);
    assert.equal(run?.status, "completed");
    assert.equal(run.result?.levels[0]?.requests.completed, 20);
    const { reason, run_id } = lines.find(({ event }) => event === "benchmark_not_split") ?? {};
    assert.equal(run_id, run.runId);
    assert.equal(reason, "what it has measured may end it early");
  }));

test("a key that workers have is no obstacle, one that only the server has keeps the run there", () =>
  withShardBench(postgres, 2, {}, async ({ stores, queue, log, request }) => {
    const shards = createShards({
      store: stores.shards,
      queue,
      log,
      of: 2,
      workersKey: "shared",
      serversKeys: ["of a workflow"],
    });
    const { plan: settings } = request();
    const plan = parseConfig(settings, (key) => key);
    const decided = (apiKey?: string) => shards.decide(request({}, apiKey ? { apiKey } : {}), plan);
    assert.deepEqual(decided(), { split: true });
    assert.deepEqual(decided("shared"), { split: true });
    assert.deepEqual(decided("of a workflow"), {
      split: false,
      reason: "its key is one that only the server has",
    });
    assert.throws(() => decided("of a caller"), { code: "VALIDATION_ERROR", status: 400 });
  }));

test("a worker refuses a target that its own machine may not load", () =>
  withShardBench(postgres, 2, {}, async (bench) => {
    const env = { ALLOWED_TARGETS: "vllm.internal" };
    await Promise.all([bench.startWorker(env), bench.startWorker(env)]);
    const run = await bench.runs.ended((await bench.runs.start(bench.request())).runId);
    assert.equal(run?.status, "failed");
    assert.match(run.error!.message, /: url is none of the servers that ALLOWED_TARGETS has/);
    assert.equal(bench.target.seen.requests, 0);
  }));

function ending(address: string): Promise<{ readonly type: string }> {
  const socket = new WebSocket(address.replace("http", "ws"));
  return new Promise((resolve, reject) => {
    socket.onerror = () => reject(new Error("the socket broke"));
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      if (!["completed", "failed", "cancelled"].includes(message.type)) return;
      socket.close();
      resolve(message);
    };
  });
}
