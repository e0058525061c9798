import assert from "node:assert/strict";
import { mkdtemp, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { planOutline } from "../../src/index.ts";
import { arrivalOffsets, rampOffsets } from "../../src/plan/arrivals.ts";
import { parseConfig } from "../../src/plan/config.ts";
import { defaultWarmup, rampRequests } from "../../src/plan/warmup.ts";
import type { RequestRecord } from "../../src/record/record.ts";
import { blocksOf } from "../../src/run/blocks.ts";
import { mergeRecords, resultFromRecords } from "../../src/run/from-records.ts";
import { runPlan } from "../../src/run/run.ts";
import { type ScriptedServer, startScriptedServer } from "../../src/scripted-server.ts";

/** Answers take 400 ms, so that 40 are under way at 100 a second. */
const LOAD = { rate: 100, arrivals: "constant", requests: 100, warmup: 110 };
const MET = [100, 100, 110];

async function withServer(use: (server: ScriptedServer) => Promise<void>, ttftMs = 400): Promise<void> {
  const server = await startScriptedServer({ ttftMs });
  try {
    await use(server);
  } finally {
    await server.close();
  }
}

const planFor = ({ url }: { url: string }, raw: Record<string, unknown>) =>
  parseConfig({ url, "input-tokens": 8, "output-tokens": 2, ...raw }, (key) => key);

async function ofRequests(folder: string): Promise<RequestRecord[]> {
  const lines = (await readFile(join(folder, "records.jsonl"), "utf8")).trim().split("\n");
  return lines.flatMap((line) => JSON.parse(line).request ?? []);
}

for (const threads of [1, 2]) {
  test(`an open loop's window opens on a service under its load, with ${threads} threads`, () =>
    withServer(async (server) => {
      const outDir = await mkdtemp(join(tmpdir(), "goodput-"));
      const result = await runPlan(planFor(server, LOAD), { outDir, threads });
      const [{ requests, metrics, timeline }] = result.levels as [(typeof result.levels)[0]];
      assert.deepEqual([requests.issued, requests.completed, requests.warmup], MET);
      assert.deepEqual(
        [metrics.ttft!.count, metrics.itl!.count, metrics.issue_delay!.count],
        [100, 100, 100],
      );
      assert.equal(server.seen.requests, 210);
      // Without a ramp the first quarter of a second would have half as many.
      assert.ok(timeline[0]!.concurrency > 35, `${timeline[0]!.concurrency} in flight at first`);
      assert.ok(metrics.request_throughput! > 95, `${metrics.request_throughput} requests per second`);
      assert.deepEqual(
        await resultFromRecords(join(outDir, "records.jsonl")),
        JSON.parse(JSON.stringify(result)),
      );
      const ramp = (await ofRequests(outDir)).filter((record) => record.ramp);
      assert.deepEqual(
        ramp.map(({ index }) => index).sort((a, b) => a - b),
        [...Array(60).keys()],
      );
    }));
}

test("shards send one ramp between them", () =>
  withServer(async (server) => {
    const plan = planFor(server, LOAD);
    const folders = await Promise.all([0, 1, 2].map(() => mkdtemp(join(tmpdir(), "goodput-"))));
    await Promise.all(folders.map((outDir, index) => runPlan(plan, { outDir, shard: { index, of: 3 } })));
    assert.equal(server.seen.requests, 210);
    const merged = await mergeRecords(folders.map((folder) => join(folder, "records.jsonl")));
    const { requests, metrics } = merged.levels[0]!;
    assert.deepEqual([requests.issued, requests.completed, requests.warmup], MET);
    assert.equal(metrics.ttft!.count, 100);
  }));

test("each block of base and head has a part of the ramp, the same for both sides", () =>
  withServer(async (server) => {
    const base = await startScriptedServer({ ttftMs: 100 });
    try {
      const outDir = await mkdtemp(join(tmpdir(), "goodput-"));
      const plan = planFor(server, { ...LOAD, "baseline-url": base.url });
      const result = await runPlan(plan, { outDir });
      assert.equal(result.levels[0]!.requests.completed, 100);
      assert.deepEqual([server.seen.requests, base.seen.requests], [210, 210]);
      const records = await ofRequests(outDir);
      const rampOf = (side: "base" | undefined) =>
        records.filter((record) => record.ramp && record.side === side).length;
      assert.deepEqual([rampOf(undefined), rampOf("base")], [60, 60]);
      // Ten are under way at 100 a second; a block of a quarter of a second that began empty would have eight.
      assert.ok(result.levels[0]!.metrics.concurrency! > 9);
    } finally {
      await base.close();
    }
  }, 100));

test("blocks share a ramp without losing any of it", () => {
  const level = planFor({ url: "http://target.test" }, { rate: 1, requests: 50 }).levels[0]!;
  const ofHead = blocksOf(level, true).filter(({ side }) => side === "head");
  assert.equal(
    ofHead.reduce((sum, block) => sum + block.rampRequests, 0),
    rampRequests(level),
  );
});

test("what a ramp costs counts towards the limit of tokens", () =>
  withServer(async (server) => {
    const result = await runPlan(planFor(server, { ...LOAD, "max-tokens": 150 }));
    // 50 that open connections have a counter of their own; the ramp's 60 reach 120 tokens, and 15 more requests 150.
    assert.ok(result.findings.some(({ code }) => code === "max_tokens"));
    assert.ok(result.levels[0]!.requests.issued < 100);
  }));

test("a ramp comes just before the window, at the level's rate, and changes nothing of what comes after", () => {
  const load = { kind: "open", requestsPerSecond: 10, burstiness: 1 } as const;
  const even = rampOffsets({ ...load, arrivals: "constant" }, 4, 1, 0);
  assert.deepEqual([...even], [-4e8, -3e8, -2e8, -1e8]);
  const poisson = rampOffsets({ ...load, arrivals: "poisson" }, 1000, 1, 0);
  assert.equal(poisson.length, 1000);
  assert.ok(
    poisson.every((offset, i) => offset < 0 && offset >= (poisson[i - 1] ?? Number.NEGATIVE_INFINITY)),
  );
  assert.ok(Math.abs(poisson[0]! / -1e11 - 1) < 0.1, `${poisson[0]} ns before the window`);
  const window = arrivalOffsets({ ...load, arrivals: "poisson" }, { requests: 3 }, 1, 0);
  assert.notEqual(Math.round(window[1]! - window[0]!), Math.round(poisson[1]! - poisson[0]!));
});

test("by default an open loop has a fifth of its requests before it, and what is given is all there is", async () => {
  const open = { kind: "open", requestsPerSecond: 20, arrivals: "poisson", burstiness: 1 } as const;
  assert.equal(defaultWarmup(open, { requests: 1000 }), 20 + 200);
  assert.equal(defaultWarmup(open, { durationNs: 30e9 }), 20 + 120);
  assert.equal(defaultWarmup(open, { requests: 1_000_000 }), 20 + 500);
  assert.equal(rampRequests({ load: open, warmupRequests: 5 }), 0);
  assert.equal(rampRequests({ load: { kind: "closed", concurrency: 4 }, warmupRequests: 100 }), 0);
  const { levels } = await planOutline(planFor({ url: "http://target.test" }, { rate: 20, requests: 1000 }));
  assert.deepEqual([levels[0]!.warmupRequests, levels[0]!.rampRequests], [220, 200]);
});
