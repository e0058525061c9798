import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { DOUBTFUL } from "../../../src/result.ts";
import { send, startServer, type TestServer, until } from "../../support/server.ts";

/** The target in a process of its own, so that neither's work delays the other's stamps. */
let target: ChildProcess;
let url: string;
let server: TestServer;
before(async () => {
  target = spawn(
    process.execPath,
    ["src/cli/bin.ts", "scripted", "--port", "0", "--ttft", "200", "--gap", "5"],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  const [line] = await once(createInterface({ input: target.stdout! }), "line");
  url = /http:\/\/\S+/.exec(line)![0];
  server = await startServer({ model: { kind: "none" } });
});
after(async () => {
  await server.close();
  target.kill();
});

const WARMUP = 2;
const REQUESTS = 30;
const CONCURRENCY = [1, 10];

/** What more in flight come to, `test/truth.test.ts` asks the engine alone: here all of the server shares its machine. */
test("[A-283] the mean ttft that a load test tells is the target's own, or it says that it may not be believed", async () => {
  const before = (await stats()).requests;
  const started = await send(`${server.url}/api/v1/benchmark/run`, {
    body: {
      server_url: url,
      model: "scripted",
      concurrency: CONCURRENCY,
      num_prompts: REQUESTS,
      warmup: WARMUP,
      input_len: 8,
      output_len: 4,
      goodput_thresholds: { ttft_ms: 240 },
    },
  });
  assert.equal(started.status, 200, started.text);
  const { json } = await until(
    () => send(`${server.url}/api/v1/benchmark/result/${started.json.run_id}`),
    ({ status }) => status === 200,
    120_000,
  );
  assert.equal(json.status, "completed", JSON.stringify(json.error));
  const { requests: seen, ttftMsOf } = await stats();
  const perLevel = WARMUP + REQUESTS;
  assert.equal(seen - before, perLevel * CONCURRENCY.length);
  for (const [index, level] of json.results.entries()) {
    assert.equal(level.concurrency, CONCURRENCY[index]);
    const first = before + index * perLevel + WARMUP;
    const own = Array.from({ length: REQUESTS }, (_, n) => ttftMsOf[first + n]!);
    const mean = own.reduce((sum, ms) => sum + ms, 0) / own.length;
    const off = Math.abs(level.ttft.mean - mean);
    const doubted = json.findings.some(
      (finding: { code: (typeof DOUBTFUL)[number]; at: string | null }) =>
        DOUBTFUL.includes(finding.code) && (finding.at ?? level.level) === level.level,
    );
    const told = `at ${level.concurrency}: ${off} ms off, and believed`;
    assert.ok(off <= Math.max(5, 0.05 * mean) || doubted, told);
  }
});

async function stats(): Promise<{ requests: number; ttftMsOf: Record<number, number> }> {
  return (await send(`${url}/stats`)).json;
}
