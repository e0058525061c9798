import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { type ScriptedServer, startScriptedServer } from "../../../../src/scripted-server.ts";
import { listening } from "../../../support/agent-api.ts";
import { type Answer, send, startServer, until } from "../../../support/server.ts";

/** Workflows of an instance that the operator has hooks for, as who asks the API sees them. */

/** An engine's page, vLLM's by its names, with as many requests waiting as rules call a queue. */
const PAGE = ["running 5", "waiting 20"]
  .map((line) => `# TYPE vllm:num_requests_${line.split(" ")[0]} gauge\nvllm:num_requests_${line}\n`)
  .join("");

/** Its configuration, and what it makes of the time to a first token. */
interface Instance extends AsyncDisposable {
  readonly url: string;
  readonly config: Readonly<Record<string, unknown>>;
  /** Of hooks, as they were called. */
  readonly events: readonly string[];
  /** Resolves when the hook that applies is called. */
  readonly applying: Promise<void>;
  /** Resolves when the caller of that hook is gone before its answer. */
  readonly left: Promise<void>;
  readonly hookUrl: string;
}

interface Behaviour {
  readonly ttftMsBefore: number;
  readonly ttftMsAfter: number;
  /** What the hook that applies answers with. */
  readonly applyStatus?: number;
  /** What it waits for. */
  readonly mayApply?: Promise<void>;
}

/** Of times that are near nothing a busy machine makes any multiple. */
const GAP_MS = 5;

async function startInstance({
  ttftMsBefore,
  ttftMsAfter,
  applyStatus = 200,
  mayApply,
}: Behaviour): Promise<Instance> {
  const before = { max_batch_size: 8 };
  let config: Readonly<Record<string, unknown>> = before;
  let engine: ScriptedServer = await startScriptedServer({ ttftMs: ttftMsBefore, gapMs: GAP_MS });
  const { url } = engine;
  const events: string[] = [];
  const { promise: applying, resolve: begin } = Promise.withResolvers<void>();
  const { promise: left, resolve: leave } = Promise.withResolvers<void>();
  /** An engine takes its configuration when it starts. */
  const restart = async (next: Readonly<Record<string, unknown>>, ttftMs: number) => {
    await engine.close();
    engine = await startScriptedServer({ ttftMs, gapMs: GAP_MS }, Number(new URL(url).port));
    config = next;
  };
  const operator = await listening(async (request, response) => {
    if (request.method === "GET") return void response.end(PAGE);
    const { event, config_changes, previous_config } = await jsonOf(request);
    events.push(event);
    if (event === "apply") {
      begin();
      response.once("close", () => {
        if (!response.writableEnded) leave();
      });
      await mayApply;
      await restart({ ...config, ...config_changes }, ttftMsAfter);
      response.statusCode = applyStatus;
    }
    if (event === "rollback") await restart(previous_config, ttftMsBefore);
    response.end(event === "read" ? JSON.stringify(config) : "");
  });
  return {
    url,
    hookUrl: operator.url,
    events,
    applying,
    left,
    get config() {
      return config;
    },
    async [Symbol.asyncDispose]() {
      await operator[Symbol.asyncDispose]();
      await engine.close();
    },
  };
}

type Ask = (path: string, body?: object) => Promise<Answer>;

/** `restart` ends the server, as a deployment may, and starts another one on what it has kept. */
async function withServer(
  instance: Instance,
  work: (ask: Ask, restart: () => Promise<void>) => Promise<void>,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "goodput-workflows-"));
  const workflowsFile = join(folder, "workflows.json");
  const hook = { webhook: instance.hookUrl };
  const load = {
    url: instance.url,
    model: "scripted",
    concurrency: 4,
    requests: 40,
    warmup: 2,
    "input-tokens": 16,
    "output-tokens": 4,
    "metrics-url": "off",
  };
  const plan = {
    metrics_url: `${instance.hookUrl}/metrics`,
    load,
    max_regression: "50%",
    hooks: { read: hook, apply: hook, rollback: hook },
  };
  writeFileSync(workflowsFile, JSON.stringify({ instances: { "vllm-1": plan } }));
  const agent = { agentId: "performance-agent", pollingIntervalSeconds: 0, workflowsFile };
  const store = { kind: "sqlite", path: join(folder, "benchmarks.db") } as const;
  const start = () => startServer({ model: { kind: "none" }, agent, store, dataDir: folder });
  let server = await start();
  const restart = async () => {
    await server.close();
    server = await start();
  };
  const ask: Ask = (path, body) =>
    send(`${server.url}/api/v1/workflows${path}`, body === undefined ? {} : { body });
  try {
    await work(ask, restart);
  } finally {
    await server.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

const START = { instance_id: "vllm-1", instance_type: "vllm" };
const statusesOf = ({ json }: Answer): readonly string[] =>
  json.stages.map(({ name, status }: { name: string; status: string }) => `${name} ${status}`);

test("[A-224] [A-227] [A-228] what is approved is IN_PROGRESS until it is measured, applied, measured again and kept", async () => {
  const { promise: mayApply, resolve: letApply } = Promise.withResolvers<void>();
  await using instance = await startInstance({ ttftMsBefore: 400, ttftMsAfter: 40, mayApply });
  await withServer(instance, async (ask) => {
    const { json } = await ask("", START);
    assert.deepEqual([json.status, json.mode, json.requires_approval], ["PENDING_APPROVAL", "applied", true]);
    assert.deepEqual(instance.events, ["read"], "nothing is done before the approval");
    const path = `/${json.workflow_id}`;
    assert.equal((await ask(`${path}/approve`, {})).json.status, "APPROVED");
    await instance.applying;
    const { status, current_stage, progress } = (await ask(path)).json;
    assert.deepEqual([status, current_stage], ["IN_PROGRESS", "CANARY"]);
    assert.ok(progress > 3 / 7 && progress < 4 / 7, String(progress));
    const listed = await ask("?status=in_progress");
    assert.deepEqual([listed.json.length, listed.json[0].workflow_id], [1, json.workflow_id]);
    letApply();
    const ended = await settled(ask, path);
    const { change, judgement, before_run_id, after_run_id } = ended.json;
    assert.equal(ended.json.status, "COMPLETED", ended.text);
    assert.match(judgement.reasons.join("\n"), /^ttft\S* at .* is better by/m);
    assert.deepEqual([change.state, change.previous_config], ["applied", { max_batch_size: 8 }]);
    assert.notDeepEqual(instance.config, { max_batch_size: 8 });
    assert.ok(before_run_id !== null && after_run_id !== null && before_run_id !== after_run_id);
    assert.deepEqual((await ask("?status=IN_PROGRESS")).json, []);
  });
});

test("[A-234] a change that makes it worse is rolled back, and the configuration is what it was", async () => {
  await using instance = await startInstance({ ttftMsBefore: 40, ttftMsAfter: 400 });
  await withServer(instance, async (ask) => {
    const { json } = await ask("", { ...START, auto_approve: true });
    const ended = await settled(ask, `/${json.workflow_id}`);
    const { status, change, judgement, error, progress } = ended.json;
    assert.equal(status, "ROLLED_BACK", ended.text);
    assert.equal(judgement.outcome, "regressed");
    assert.match(judgement.reasons[0], /ttft/);
    assert.deepEqual([change.state, change.restored], ["rolled_back", true]);
    assert.ok(error.message.length > 10 && progress < 1);
    assert.deepEqual(instance.config, { max_batch_size: 8 });
    assert.deepEqual(
      instance.events.filter((event) => event !== "read"),
      ["apply", "rollback"],
    );
  });
});

test("[A-233] a hook that fails makes a workflow fail, and half of a change is undone", async () => {
  await using instance = await startInstance({ ttftMsBefore: 40, ttftMsAfter: 20, applyStatus: 500 });
  await withServer(instance, async (ask) => {
    const { json } = await ask("", { ...START, auto_approve: true });
    const ended = await settled(ask, `/${json.workflow_id}`);
    const { status, change, error, after_run_id } = ended.json;
    assert.deepEqual([status, error.code, after_run_id], ["FAILED", "WORKFLOW_ERROR", null], ended.text);
    assert.match(error.message, /apply hook.*500/);
    assert.deepEqual([change.state, change.restored], ["rolled_back", true]);
    assert.ok(statusesOf(ended).includes("CANARY FAILED"), statusesOf(ended).join());
    assert.deepEqual(instance.config, { max_batch_size: 8 });
  });
});

test("a server that ends while a change is applied leaves it to the next one, which undoes it", {
  timeout: 60_000,
}, async () => {
  const never = new Promise<void>(() => {});
  await using instance = await startInstance({ ttftMsBefore: 40, ttftMsAfter: 20, mayApply: never });
  await withServer(instance, async (ask, restart) => {
    const waiting = (await ask("", START)).json.workflow_id;
    const { json } = await ask("", { ...START, auto_approve: true });
    await instance.applying;
    await restart();
    await instance.left;
    const { status, error, change } = (await settled(ask, `/${json.workflow_id}`)).json;
    assert.deepEqual([status, change.state, change.restored], ["ROLLED_BACK", "rolled_back", true]);
    assert.match(error.message, /server/);
    assert.equal((await ask(`/${waiting}`)).json.status, "PENDING_APPROVAL");
  });
});

/** Whatever its end is, and nothing is left half done. */
function settled(ask: Ask, path: string): Promise<Answer> {
  return until(
    // To ask without a pause would take the machine from what is measured.
    () => setTimeout(200).then(() => ask(path)),
    ({ json }) =>
      ["COMPLETED", "ROLLED_BACK"].includes(json.status) ||
      (json.status === "FAILED" && !["applying", "rolling_back"].includes(json.change.state)),
    120_000,
  );
}

// biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever came.
async function jsonOf(request: IncomingMessage): Promise<any> {
  let text = "";
  for await (const piece of request.setEncoding("utf8")) text += piece;
  return JSON.parse(text);
}
