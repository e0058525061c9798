import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { parseConfig } from "../../src/plan/config.ts";
import type { Result } from "../../src/result.ts";
import { resultFromRecords } from "../../src/run/from-records.ts";
import { runPlan } from "../../src/run/run.ts";
import { type Script, startScriptedServer } from "../../src/scripted-server.ts";

async function measured(script: Script, raw: Record<string, unknown>): Promise<Result> {
  const server = await startScriptedServer(script);
  try {
    const outDir = await mkdtemp(join(tmpdir(), "goodput-"));
    const shared = { url: server.url, "input-tokens": 8, "output-tokens": 8 };
    const result = await runPlan(
      parseConfig({ ...shared, ...raw }, (key) => key),
      { outDir },
    );
    const again = await resultFromRecords(join(outDir, "records.jsonl"));
    assert.deepEqual(JSON.parse(JSON.stringify(again)).levels, JSON.parse(JSON.stringify(result)).levels);
    return result;
  } finally {
    await server.close();
  }
}

const codes = ({ findings }: Result) => findings.map(({ code, level }) => `${code}: ${level}`);

test("a server that stalls is in violation, however many arrivals wait for the cap meanwhile", async () => {
  const result = await measured(
    { ttftMs: 20, gapMs: 1, stall: { atMs: 2200, forMs: 1500 } },
    { rate: 50, arrivals: "constant", "max-concurrency": 5, duration: "4s", slo: "ttft_p99 < 500ms" },
  );
  const [level] = result.levels;
  assert.deepEqual(
    level!.objectives.map(({ outcome, invalid }) => [outcome, invalid]),
    [["violated", undefined]],
  );
  assert.ok(result.valid, codes(result).join());
  assert.ok(codes(result).includes("cap_reached: note"));
  assert.equal(level!.metrics.held?.count, level!.requests.issued);
  assert.ok(level!.metrics.held.max > 1000);
  assert.ok(level!.metrics.issue_delay!.max >= level!.metrics.held.max);
});

test("nothing is told of a cap that held nobody, nor of one that there is not", async () => {
  for (const cap of [{}, { "max-concurrency": 50 }]) {
    const result = await measured({ ttftMs: 5, gapMs: 0 }, { rate: 50, requests: 20, ...cap });
    assert.equal(result.levels[0]!.metrics.held, undefined);
    assert.ok(!codes(result).some((code) => code.startsWith("cap_reached")));
  }
});

test("file handles that run out are the generator's, and no failures of the server", async () => {
  const server = await startScriptedServer({ ttftMs: 200 });
  const folder = await mkdtemp(join(tmpdir(), "goodput-"));
  const bin = join(import.meta.dirname, "../../src/cli/bin.ts");
  const run = ["run", "--url", server.url, "--concurrency", "64", "--requests", "64", "--warmup", "0"];
  try {
    const child = spawn(
      "bash",
      ["-c", 'ulimit -n 60; exec "$@"', "bash", process.execPath, bin, ...run, "--slo", "error_rate < 1%"],
      { cwd: folder, stdio: "ignore" },
    );
    await once(child, "exit");
    assert.equal(child.exitCode, 4);
    const result: Result = JSON.parse(await readFile(join(folder, "goodput-report/result.json"), "utf8"));
    const [level] = result.levels;
    assert.deepEqual(Object.keys(level!.requests.failures), ["client_limit"]);
    assert.match(level!.failure_examples.client_limit!, /EMFILE/);
    assert.deepEqual(level!.objectives[0]!.invalid, ["client_limit"]);
    assert.match(result.findings.find(({ code }) => code === "client_limit")!.advice, /ulimit -n/);
  } finally {
    await server.close();
  }
});

test("a whole answer in one read is no measure of gaps, short or longer than a read can be", async () => {
  for (const raw of [{ "output-tokens": 16 }, { "output-tokens": 800 }]) {
    const result = await measured(
      { ttftMs: 100, gapMs: 3, buffer: Number.POSITIVE_INFINITY },
      { concurrency: 4, requests: 8, ...raw, slo: "tpot_p95 < 50ms\nitl_p99 < 50ms\ntpot_max < 50ms" },
    );
    assert.deepEqual(
      result.levels[0]!.objectives.map(({ invalid }) => invalid),
      [["chunks_together"], ["chunks_together"], ["chunks_together"]],
    );
    assert.match(result.findings.at(-1)!.happened, /ttft is that of the whole answer/);
  }
});
