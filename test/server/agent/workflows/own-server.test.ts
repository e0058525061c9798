import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { type Answer, send, startServer, until } from "../../../support/server.ts";

/**
 * Nothing here stands for anything else: one process of this project serves a model, another one watches, advises,
 * changes and measures it, and the operator's hook is a command that restarts the first one.
 */

const HOOK = join(import.meta.dirname, "../../../support/own-server-hook.mjs");

const BEFORE = { max_batch_size: 1, context_size: 512 };
/** More than the ten that may wait, and each for so long that nobody's pause lets the queue become shorter. */
const CROWD = { people: 24, tokens: 400 };

/** Answers are asked for whole: several at once make each one's tokens come slower, which is no news. */
const LOAD = { concurrency: 6, requests: 60, warmup: 24, stream: false, slo: ["error_rate < 10%"] };
/** What computing several at once is good for: mostly answers, whose tokens take a step each. */
const LONG_ANSWERS = { ...LOAD, "input-tokens": 24, "output-tokens": 64 };
/** One slot has room for all of them, and half of it has not for the longer ones. */
const LONG_PROMPTS = { ...LOAD, "input-tokens": "uniform:40-320", "output-tokens": 12 };

interface Bench {
  /** Of the server that is changed. */
  readonly ownUrl: string;
  readonly instanceId: string;
  readonly before: object;
  /** Of the API. */
  ask(path: string, body?: object): Promise<Answer>;
}

/** `hookArguments`: the operator's, whose hook may have an opinion on what more slots mean. */
async function withOwnServer(
  load: object,
  hookArguments: readonly string[],
  work: (bench: Bench) => Promise<void>,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "goodput-own-server-"));
  const port = await freePort();
  const ownUrl = `http://127.0.0.1:${port}`;
  const instanceId = `127.0.0.1:${port}`;
  const argv = [process.execPath, HOOK, ...hookArguments];
  const hook = { command: argv, timeout: "60s" };
  const plan = {
    load: { url: ownUrl, ...load },
    max_regression: "100%",
    ready_timeout: "60s",
    hooks: { read: hook, apply: hook, rollback: hook },
  };
  const workflowsFile = join(folder, "workflows.json");
  writeFileSync(workflowsFile, JSON.stringify({ instances: { [instanceId]: plan } }));
  try {
    await runHook(argv, folder, { event: "rollback", previous_config: { port, ...BEFORE } });
    await until(
      () => answerOf(`${ownUrl}/v1/models`),
      ({ status }) => status === 200,
      60_000,
    );
    const agent = { agentId: "performance-agent", pollingIntervalSeconds: 0, workflowsFile };
    const store = { kind: "sqlite", path: join(folder, "benchmarks.db") } as const;
    const server = await startServer({ model: { kind: "none" }, agent, store, dataDir: folder });
    const ask: Bench["ask"] = (path, body) =>
      send(`${server.url}/api/v1${path}`, body === undefined ? {} : { body });
    try {
      await work({ ownUrl, instanceId, before: { port, ...BEFORE }, ask });
    } finally {
      await server.close();
    }
  } finally {
    await stopOwnServer(join(folder, "server.pid"), ownUrl);
    rmSync(folder, { recursive: true, force: true });
  }
}

test("this project's own server is given more slots, is measured before and after, and keeps them", {
  timeout: 180_000,
}, async () => {
  await withOwnServer(LONG_ANSWERS, [], async ({ ownUrl, ...bench }) => {
    const started = await whileCrowded(ownUrl, () => start(bench));
    const { bottlenecks } = started.analysis;
    const queue = bottlenecks.find(({ type }: { type: string }) => type === "QUEUE_BUILDUP");
    assert.ok(queue?.current_value > 10, JSON.stringify(bottlenecks));
    assert.equal(started.mode, "applied");
    assert.deepEqual(await lookAt(ownUrl), { contextSize: 512, mostAtOnce: 1 }, "nobody has approved it");

    const ended = await carriedOut(bench, started.workflow_id);
    const { change, judgement } = ended;
    assert.equal(ended.status, "COMPLETED", JSON.stringify(ended));
    assert.match(judgement.outcome, /^(better|no_regression)$/);
    assert.deepEqual([change.state, change.config_changes.max_batch_size], ["applied", 2]);
    assert.deepEqual(change.previous_config, bench.before);
    // The rules advise more than this server has settings for, and the end says what became of it.
    const [end] = ended.stages.slice(-1);
    const others = Object.keys(change.config_changes).filter((name) => name !== "max_batch_size");
    const told =
      others.length === 0
        ? "The change is on the instance."
        : `Of the change the instance has max_batch_size, and does not tell of ${others.join(", ")}.`;
    assert.ok(end.message.startsWith(told), end.message);
    const runs = await measuredBy(bench, ended.workflow_id);
    assert.deepEqual(runs, [ended.after_run_id, ended.before_run_id]);
    assert.deepEqual(await lookAt(ownUrl), { contextSize: 512, mostAtOnce: 2 });
  });
});

test("more slots that leave no room for the longer prompts are found out by the load test, and undone", {
  timeout: 180_000,
}, async () => {
  await withOwnServer(LONG_PROMPTS, ["keep-total"], async ({ ownUrl, ...bench }) => {
    const started = await whileCrowded(ownUrl, () => start(bench));

    const ended = await carriedOut(bench, started.workflow_id);
    const { change, judgement, error } = ended;
    assert.equal(ended.status, "ROLLED_BACK", JSON.stringify(ended));
    assert.equal(judgement.outcome, "regressed");
    assert.match(judgement.reasons[0], /^error_rate < 10% .* was met before, and is violated after\.$/);
    assert.equal(error.code, "REGRESSED");
    assert.deepEqual([change.state, change.restored], ["rolled_back", true]);
    assert.deepEqual(change.previous_config, bench.before);
    const runs = await measuredBy(bench, ended.workflow_id);
    assert.deepEqual(runs, [ended.after_run_id, ended.before_run_id]);
    await whileCrowded(ownUrl, async () => {});
    assert.deepEqual(await lookAt(ownUrl), { contextSize: 512, mostAtOnce: 1 });
  });
});

type Asked = Pick<Bench, "ask" | "instanceId">;

// biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever body came.
async function start({ ask, instanceId }: Asked): Promise<any> {
  const { status, text, json } = await ask("/workflows", { instance_id: instanceId, instance_type: "vllm" });
  assert.equal(status, 201, text);
  return json;
}

/** The workflow at its end, once somebody has approved it. */
// biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever body came.
async function carriedOut({ ask }: Asked, workflowId: string): Promise<any> {
  const path = `/workflows/${workflowId}`;
  assert.equal((await ask(`${path}/approve`, { approved_by: "ada" })).json.status, "APPROVED");
  const ended = await until(
    // To ask without a pause would take the machine from what is measured.
    () => setTimeout(200).then(() => ask(path)),
    ({ json }) => ["COMPLETED", "FAILED", "ROLLED_BACK"].includes(json.status),
    150_000,
  );
  return ended.json;
}

/** Of the history's runs, the newest first, which ended well. */
async function measuredBy({ ask }: Asked, workflowId: string): Promise<readonly string[]> {
  const { json } = await ask("/benchmark/history?status=completed");
  const runs: readonly HistoryRun[] = json.runs;
  return runs.filter(({ config }) => config.workflow_id === workflowId).map(({ run_id }) => run_id);
}

interface HistoryRun {
  readonly run_id: string;
  readonly config: { readonly workflow_id?: string };
}

/** What a slot has room for, and how many requests one step has computed since the server started. */
async function lookAt(ownUrl: string): Promise<object> {
  const models = await send(`${ownUrl}/v1/models`);
  const metrics = await send(`${ownUrl}/metrics`);
  return {
    contextSize: models.json.data[0].max_model_len,
    mostAtOnce: metrics.json.largest_step_requests,
  };
}

/** Does something while a queue stands before the server. */
async function whileCrowded<Value>(ownUrl: string, work: () => Promise<Value>): Promise<Value> {
  const body = { messages: [{ role: "user", content: "A queue." }], max_tokens: CROWD.tokens };
  const over = new AbortController();
  const { signal } = over;
  const people = Array.from({ length: CROWD.people }, async () => {
    while (!signal.aborted) await send(`${ownUrl}/v1/chat/completions`, { body, signal }).catch(gone(signal));
  });
  try {
    await until(
      () => send(`${ownUrl}/metrics`),
      ({ json }) => json.requests_waiting > 10,
      60_000,
    );
    return await work();
  } finally {
    over.abort();
    await Promise.all(people);
  }
}

/** Whoever leaves the queue at its end has no answer, and everybody else should have had one. */
function gone(signal: AbortSignal): (error: unknown) => void {
  return (error) => {
    if (!signal.aborted) throw error;
  };
}

async function stopOwnServer(pidFile: string, ownUrl: string): Promise<void> {
  if (!existsSync(pidFile)) return;
  try {
    process.kill(Number(readFileSync(pidFile, "utf8")));
  } catch {
    // It has ended by itself, and why is told by what failed before.
  }
  await until(
    () => answerOf(`${ownUrl}/v1/models`),
    ({ status }) => status === 0,
    30_000,
  );
}

async function runHook(argv: readonly string[], cwd: string, input: object): Promise<void> {
  const [program = "", ...rest] = argv;
  const hook = spawn(program, rest, { cwd, stdio: ["pipe", "inherit", "inherit"] });
  hook.stdin.end(JSON.stringify(input));
  const [code] = await once(hook, "exit");
  assert.equal(code, 0);
}

/** That of whoever does not listen yet has the status 0. */
function answerOf(url: string): Promise<Answer> {
  return send(url).catch(() => setTimeout(50, { status: 0, headers: {}, text: "", json: undefined }));
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
