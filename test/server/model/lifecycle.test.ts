import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { ConfigError, readConfig } from "../../../server/config.ts";
import { builtinModel } from "../../../server/inference/builtin-model.ts";
import { serve } from "../../../server/main.ts";
import { events, openStream, send, startServer, TEST_CONFIG } from "../../support/server.ts";

const folder = mkdtempSync(join(tmpdir(), "goodput-lifecycle-"));
after(() => rmSync(folder, { recursive: true }));

const BASE_ENV = {
  PATH: process.env.PATH,
  HOME: process.env.HOME,
  HOST: "127.0.0.1",
  PORT: "0",
  GPU: "off",
  DATABASE_PATH: join(folder, "benchmarks.db"),
  DATA_DIR: folder,
};

function start(env: Record<string, string>): ChildProcess {
  const main = fileURLToPath(new URL("../../../server/main.ts", import.meta.url));
  return spawn(process.execPath, [main], { env: { ...BASE_ENV, ...env } });
}

async function runToEnd(
  env: Record<string, string>,
): Promise<{ code: number; stdout: string; stderr: string }> {
  const child = start(env);
  let stdout = "";
  let stderr = "";
  child.stdout!.on("data", (piece) => {
    stdout += piece;
  });
  child.stderr!.on("data", (piece) => {
    stderr += piece;
  });
  const [code] = await once(child, "close");
  return { code, stdout, stderr };
}

/** A good header over a model that llama.cpp does not know. */
function foreignModel(): Buffer {
  const bytes = builtinModel(1);
  for (let at = bytes.indexOf("qwen3"); at !== -1; at = bytes.indexOf("qwen3", at)) bytes.write("qwex9", at);
  return bytes;
}

test("while the model loads the server lives, is not ready, and says so to those who ask for text", async () => {
  const server = await serve({ ...TEST_CONFIG });
  const answers = await Promise.all([
    send(`${server.url}/health/live`),
    send(`${server.url}/health/ready`),
    send(`${server.url}/health`),
    send(`${server.url}/v1/chat/completions`, { body: { messages: [{ role: "user", content: "Hello" }] } }),
    send(`${server.url}/inference`, { body: { prompt: "Hello" } }),
    send(`${server.url}/v1/models`),
    send(`${server.url}/metrics`),
  ]);
  const [live, ready, health, chat, inference, models, metrics] = answers;
  assert.equal(live!.status, 200);
  assert.deepEqual([ready!.status, ready!.json.status], [503, "loading"]);
  assert.ok(["loading", "preparing"].includes(ready!.json.phase), ready!.text);
  assert.deepEqual(
    [health!.status, health!.json.status, health!.json.model_ready],
    [503, "unhealthy", false],
  );
  assert.deepEqual([chat!.status, chat!.json.error.code], [503, "model_not_ready"]);
  assert.deepEqual([inference!.status, inference!.json.error.code], [503, "MODEL_NOT_READY"]);
  assert.equal(models!.status, 503);
  assert.deepEqual([metrics!.json.model_loaded, metrics!.json.total_inferences], [false, 0]);
  await server.ready;
  assert.equal((await send(`${server.url}/health/ready`)).status, 200);
  await server.close();
});

test("closing lets a running answer end and takes no new one", async () => {
  const server = await startServer({ slots: 1, contextSize: 1024 });
  const url = `${server.url}/v1/completions`;
  const stream = openStream(url, { prompt: "Hello", max_tokens: 300, stream: true });
  await stream.begun;
  await server.close();
  assert.ok(stream.text.endsWith("data: [DONE]\n\n"));
  assert.equal(events(stream.text).length, 301);
  await assert.rejects(send(url, { body: { prompt: "Hello" } }));
});

test("closing does not wait longer than it may", async () => {
  const server = await startServer({ slots: 1, contextSize: 4096, shutdownMs: 0 });
  const stream = openStream(`${server.url}/v1/completions`, {
    prompt: "Hello",
    max_tokens: 4000,
    stream: true,
  });
  await stream.begun;
  await server.close();
  assert.ok(events(stream.text).length < 4000);
  assert.equal(events(stream.text).at(-1).error.code, "service_unavailable");
});

test("closing twice, or while the model loads, is fine", async () => {
  const server = await serve({ ...TEST_CONFIG });
  await Promise.all([server.close(), server.close()]);
});

test("started from a shell it says where it listens and ends well on a signal", async () => {
  const child = start({});
  let stdout = "";
  child.stdout!.on("data", (piece) => {
    stdout += piece;
  });
  await once(child.stdout!, "data");
  const url = stdout.match(/^listening on (http:\/\/127\.0\.0\.1:\d+)\n$/)?.[1];
  assert.equal((await send(`${url}/health/live`)).status, 200);
  child.kill("SIGTERM");
  assert.deepEqual(await once(child, "close"), [0, null]);
});

test("a model that cannot be used ends the program with 2 and one message", async () => {
  const short = join(folder, "short.gguf");
  const random = join(folder, "random.gguf");
  writeFileSync(short, builtinModel(1).subarray(0, 200_000));
  writeFileSync(random, Buffer.alloc(50_000, 0xa7));
  const foreign = join(folder, "foreign.gguf");
  writeFileSync(foreign, foreignModel());
  const missing = join(folder, "missing.gguf");
  const cases = [
    [missing, /^There is no model file at /],
    [short, /not a usable GGUF file: the tensor/],
    [random, /not a usable GGUF file: it does not start/],
    [foreign, /^llama\.cpp cannot load /m],
  ] as const;
  for (const [path, expected] of cases) {
    const { code, stderr } = await runToEnd({ MODEL: path, QUIET: "1" });
    assert.equal(code, 2, stderr);
    assert.match(stderr, expected);
    assert.ok(stderr.includes(path));
    assert.doesNotMatch(stderr, /^\s+at /m, "no stack trace");
    assert.ok(stderr.trim().split("\n").length <= 2, stderr);
  }
});

test("a model that fails to load leaves a server that says why", async () => {
  const path = join(folder, "unknown.gguf");
  writeFileSync(path, foreignModel());
  const options = TEST_CONFIG;
  const server = await serve({ ...options, model: { kind: "file", path } });
  await assert.rejects(server.ready, { code: "MODEL_UNSUPPORTED" });
  assert.deepEqual((await send(`${server.url}/health/ready`)).json, { status: "failed" });
  const { status, json } = await send(`${server.url}/inference`, { body: { prompt: "Hello" } });
  assert.equal(status, 503);
  assert.match(json.error.message, /could not be loaded: llama\.cpp cannot load/);
  await server.close();
});

test("a port in use ends the program with 2 and one message", async () => {
  const other = createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  const { port } = other.address() as AddressInfo;
  const { code, stderr } = await runToEnd({ PORT: String(port) });
  other.close();
  assert.equal(code, 2);
  assert.equal(stderr, `The server cannot listen on port ${port}: another program is listening on it.\n`);
});

test("the environment's mistakes are told all at once", () => {
  assert.throws(
    () => readConfig({ PORT: "80x", SLOTS: "0", GPU: "maybe" }),
    (error: unknown) => error instanceof ConfigError && error.mistakes.length === 3,
  );
  const config = readConfig({ PORT: "1", MODEL: "/m.gguf", GPU: "off", QUIET: "yes", SLOTS: "" });
  assert.deepEqual(config.model, { kind: "file", path: "/m.gguf" });
  assert.deepEqual([config.port, config.gpu, config.quiet, config.slots], [1, false, true, undefined]);
});
