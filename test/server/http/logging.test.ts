import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { startScriptedServer } from "../../../src/scripted-server.ts";
import { type Answer, send, until } from "../../support/server.ts";

const folder = mkdtempSync(join(tmpdir(), "goodput-logging-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

// biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever line was logged.
type Line = any;

/** A server in a process of its own, in a folder of its own, without a model; ends with all it wrote. */
async function startProcess(name: string, env: Record<string, string> = {}, dotenv?: string) {
  const cwd = mkdtempSync(join(folder, `${name}-`));
  if (dotenv !== undefined) writeFileSync(join(cwd, ".env"), dotenv);
  const main = fileURLToPath(new URL("../../../server/main.ts", import.meta.url));
  const { PATH, HOME } = process.env as Record<string, string>;
  const child: ChildProcess = spawn(process.execPath, [main], {
    cwd,
    env: { PATH: PATH!, HOME: HOME!, HOST: "127.0.0.1", PORT: "0", MODEL: "off", ...env },
  });
  let stdout = "";
  let stderr = "";
  child.stderr!.setEncoding("utf8").on("data", (piece: string) => {
    stderr += piece;
  });
  child.stdout!.setEncoding("utf8").on("data", (piece: string) => {
    stdout += piece;
  });
  await Promise.race([once(child.stdout!, "data"), once(child, "close")]);
  return {
    cwd,
    url: /^listening on (\S+)\n$/.exec(stdout)?.[1] ?? "",
    text: () => stderr,
    lines: (): Line[] =>
      stderr
        .split("\n")
        .filter(Boolean)
        .map((line) => JSON.parse(line)),
    async stop(): Promise<number> {
      const closed = once(child, "close");
      child.kill("SIGTERM");
      return (await closed)[0];
    },
  };
}

test("[A-68] [A-96] [A-97] [A-98] [A-99] [A-100] [A-101] [A-102] [A-103] each request is a line as it comes and one when it is over, under one id", async () => {
  const server = await startProcess("requests", { API_KEY: "the-key-of-this-server" });
  const key = { "x-api-key": "the-key-of-this-server" };
  const answers: Answer[] = [
    await send(`${server.url}/api/v1/benchmark/history`),
    await send(`${server.url}/api/v1/benchmark/history`),
    await send(`${server.url}/api/v1/benchmark/run`, { body: {} }),
    await send(`${server.url}/api/v1/benchmark/run`, { body: {}, headers: key }),
    await send(`${server.url}/nothing/here`),
    await send(`${server.url}/api/v1/benchmark/history`, { method: "PUT", headers: key }),
    await send(`${server.url}/api/v1/benchmark/run/x`, {
      headers: { "x-request-id": "trace-7:of.elsewhere" },
    }),
    await send(`${server.url}/api/v1/benchmark/run/x`, { headers: { "x-request-id": 'a"b\tc' } }),
  ];
  assert.deepEqual(
    answers.map(({ status }) => status),
    [200, 200, 401, 400, 404, 405, 404, 404],
  );
  assert.equal(await server.stop(), 0);
  const lines = server.lines();
  const started = lines.filter(({ event }) => event === "request_started");
  const completed = lines.filter(({ event }) => event === "request_completed");
  assert.deepEqual([started.length, completed.length], [answers.length, answers.length]);
  for (const [index, line] of started.entries()) {
    assert.equal(line.request_id, answers[index]!.headers["x-request-id"]);
    assert.equal(line.client_ip, "127.0.0.1");
    assert.equal(line.log_level, "info");
    assert.match(line.timestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
    const end = completed.find(({ request_id }) => request_id === line.request_id);
    assert.equal(end.status, answers[index]!.status);
    assert.ok(end.duration_ms > 0 && end.complete === true);
    if (answers[index]!.status >= 400) assert.equal(answers[index]!.json.request_id, line.request_id);
  }
  assert.deepEqual([started[2].method, started[2].path], ["POST", "/api/v1/benchmark/run"]);
  assert.equal(new Set(started.map(({ request_id }) => request_id)).size, answers.length);
  for (const [index, line] of started.entries()) if (index !== 6) assert.match(line.request_id, UUID);
  assert.equal(started[6].request_id, "trace-7:of.elsewhere");
});

test("probes and pages are no line unless something is wrong with them", async () => {
  const server = await startProcess("probes");
  for (const path of ["/health", "/health/live", "/metrics", "/openapi.json", "/api/v1/benchmark/health"]) {
    assert.equal((await send(`${server.url}${path}`)).status, 200, path);
  }
  await send(`${server.url}/metrics?format=xml`);
  await server.stop();
  const requests = server.lines().filter(({ event }) => event?.startsWith("request_"));
  assert.deepEqual(
    requests.map(({ event, path, status }) => [event, path, status]),
    [["request_completed", "/metrics", 400]],
  );
});

test("[A-71] [A-31] [A-101] [A-104] [A-105] [A-107] [A-114] [A-115] [A-294] a load test is told under the id of who asked, and no secret is in any line, answer or file", async () => {
  const target = await startScriptedServer({ ttftMs: 1 });
  const secrets = {
    API_KEY: "secret-of-the-server-1",
    BASIC_AUTH: "true",
    API_USERNAME: "admin",
    API_PASSWORD: "secret-of-the-server-2",
    API_AUTH_TOKEN: "secret-of-the-server-3",
  };
  const server = await startProcess("secrets", secrets);
  const headers = { "x-api-key": secrets.API_KEY, "x-request-id": "the-one-who-asked" };
  const texts: string[] = [];
  const note = (answer: Answer) => {
    texts.push(answer.text, JSON.stringify(answer.headers));
    return answer;
  };
  const body = {
    server_url: target.url,
    model: "m",
    num_prompts: 5,
    warmup: 0,
    output_len: 4,
    api_key: "secret-of-the-target-4",
  };
  const base = `${server.url}/api/v1/benchmark`;
  const { json } = note(await send(`${base}/run`, { body, headers }));
  assert.match(json.run_id, UUID);
  await until(
    async () => note(await send(`${base}/run/${json.run_id}`)),
    (answer) => answer.json.status === "completed",
    60_000,
  );
  note(await send(`${base}/result/${json.run_id}`));
  note(await send(`${base}/history`));
  // Secrets in places where no secret belongs.
  note(await send(`${base}/history?api_key=secret-of-the-target-4`));
  note(
    await send(`${base}/run`, {
      body: '{"api_key":"secret-of-the-target-4",}',
      headers: { ...headers, "content-type": "application/json" },
    }),
  );
  note(
    await send(`${base}/run`, {
      body: { ...body, server_url: "http://u:secret-of-the-target-4@h" },
      headers,
    }),
  );
  note(await send(`${server.url}/api/v1/benchmarks`, { headers: { authorization: "Basic c2VjcmV0" } }));
  note(await send(`${base}/run/${json.run_id}`, { method: "DELETE", headers }));
  assert.equal(await server.stop(), 0);
  await target.close();
  for (const text of [...texts, server.text()]) assert.doesNotMatch(text, /secret-of-the-/);
  const events = server.lines().filter(({ event }) => event?.startsWith("benchmark_"));
  assert.deepEqual(
    events.map(({ event, run_id, request_id }) => [event, run_id, request_id]),
    ["started", "completed", "deleted"].map((what) => [
      `benchmark_${what}`,
      json.run_id,
      headers["x-request-id"],
    ]),
  );
});

test("[A-132] .env is read where the server is started, and what the environment has already wins", async () => {
  const dotenv = "API_KEY=key-of-the-file\nDATABASE_PATH=of-the-file.db\nCORS_ORIGINS=https://a.example\n";
  const server = await startProcess("dotenv", { DATABASE_PATH: "of-the-environment.db" }, dotenv);
  const run = (key: string) =>
    send(`${server.url}/api/v1/benchmark/run`, { body: {}, headers: { "x-api-key": key } });
  assert.equal((await run("another")).status, 401);
  const { status, headers } = await run("key-of-the-file");
  assert.deepEqual([status, headers["access-control-allow-origin"]], [400, undefined]);
  assert.equal(await server.stop(), 0);
  const opened = server.lines().find(({ message }) => message === "store opened");
  assert.equal(opened.store, "SQLite file of-the-environment.db");
});

test("mistakes in the configuration are told all at once, and nothing is started", async () => {
  const dotenv = "RATE_LIMIT=often\nCORS_ORIGINS=example.com\nDB_PORT=x\nDB_HOST=h\nTRUST_PROXY=all\n";
  const server = await startProcess("mistakes", { BASIC_AUTH: "1" }, dotenv);
  assert.equal(server.url, "");
  const told = server.text().trim().split("\n");
  assert.deepEqual(told.map((line) => line.split(":")[0]).toSorted(), [
    "API_PASSWORD",
    "API_USERNAME",
    "CORS_ORIGINS",
    "DB_PORT",
    "RATE_LIMIT",
    "TRUST_PROXY",
  ]);
});

test("a database that cannot be opened ends the server with 2, one message and what to do", async () => {
  const server = await startProcess("database", { DATABASE_PATH: "/nowhere/at/all.db" });
  assert.equal(server.url, "");
  const messages = server.text().trim().split("\n");
  assert.match(messages.at(-2)!, /\/nowhere\/at\/all\.db cannot be opened: /);
  assert.match(messages.at(-1)!, /DATABASE_PATH/);
  assert.doesNotMatch(server.text(), /^\s+at /m, "no stack trace");
});
