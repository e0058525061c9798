import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { readSheet } from "read-excel-file/node";
import { startScriptedServer } from "../../../src/scripted-server.ts";
import { send, startServer, until } from "../../support/server.ts";

const folder = mkdtempSync(join(tmpdir(), "goodput-secrets-"));
after(() => rmSync(folder, { recursive: true, force: true }));

test("[A-294] [A-31] no key and no password is in an export, a report, the database or a file of a run, of any kind", async () => {
  const target = await startScriptedServer({ ttftMs: 1 });
  const server = await startServer({
    model: { kind: "none" },
    store: { kind: "sqlite", path: join(folder, "benchmarks.db") },
    dataDir: join(folder, "data"),
    apiKey: "secret-of-the-server",
    basicAuth: { username: "admin", password: "secret-password" },
    virtualUsers: {
      url: target.url,
      model: undefined,
      tokenizer: undefined,
      apiKey: "secret-of-the-environment",
    },
  });
  const headers = { "x-api-key": "secret-of-the-server" };
  const basic = `Basic ${Buffer.from("admin:secret-password").toString("base64")}`;
  const base = `${server.url}/api/v1/benchmark`;
  const common = { server_url: target.url, model: "m", warmup: 0, api_key: "secret-of-the-target" };
  const run = await send(`${base}/run`, { body: { ...common, num_prompts: 4, output_len: 4 }, headers });
  const recommend = await send(`${base}/recommend`, {
    body: {
      ...common,
      workload: { peak_concurrency: 2, avg_input_tokens: 8, avg_output_tokens: 4 },
      test_config: { concurrency_steps: [1], num_requests_per_step: 4 },
    },
    headers,
  });
  const ended = (at: string) =>
    until(
      () => send(at),
      ({ status }) => status !== 202,
      60_000,
    );
  const texts = [
    await ended(`${base}/result/${run.json.run_id}`),
    await ended(`${base}/recommend/${recommend.json.run_id}/result`),
    await send(`${server.url}/api/v1/benchmarks/run`, {
      body: { user: 1, spawnrate: 10, duration: 1 },
      headers: { authorization: basic },
    }),
    await send(`${server.url}/api/v1/benchmarks/?kind=all`, { headers: { authorization: basic } }),
    await send(`${base}/result/${run.json.run_id}/export`),
    await send(`${base}/result/${run.json.run_id}/analysis`),
    await send(`${base}/history`),
    await send(`${server.url}/openapi.json`),
  ].map(({ status, text, headers }) => {
    assert.equal(status, 200, text.slice(0, 500));
    return text + JSON.stringify(headers);
  });
  const workbook = await fetch(`${base}/result/${run.json.run_id}/export?format=xlsx`);
  texts.push(JSON.stringify(await readSheet(Buffer.from(await workbook.arrayBuffer()))));
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((file) => file.isFile());
  assert.ok(
    files.some(({ name }) => name === "benchmarks.db"),
    "the database is among what is looked at",
  );
  texts.push(...files.map(({ parentPath, name }) => readFileSync(join(parentPath, name), "latin1")));
  await server.close();
  await target.close();
  for (const text of texts) assert.doesNotMatch(text, /secret-|c2VjcmV0|YWRtaW46c2Vj/);
  const used = new Set(target.seen.keys);
  assert.deepEqual(used, new Set(["Bearer secret-of-the-target", "Bearer secret-of-the-environment"]));
});
