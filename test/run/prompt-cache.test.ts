import assert from "node:assert/strict";
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { compareResults } from "../../src/judge/compare.ts";
import { parseConfig } from "../../src/plan/config.ts";
import type { Result } from "../../src/result.ts";
import { mergeRecords, resultFromRecords } from "../../src/run/from-records.ts";
import { runPlan } from "../../src/run/run.ts";
import { type ScriptedServer, startScriptedServer } from "../../src/scripted-server.ts";

const TTFT_MS = 60;

/** Servers that answer at once what they have in their cache. */
async function withServers(
  use: (one: ScriptedServer, other: ScriptedServer) => Promise<void>,
): Promise<void> {
  const servers = [0, 1].map(() => startScriptedServer({ ttftMs: TTFT_MS, prefixCache: 16 }));
  const [one, other] = await Promise.all(servers);
  try {
    await use(one!, other!);
  } finally {
    await Promise.all([one!.close(), other!.close()]);
  }
}

const planFor = ({ url }: { url: string }, raw: Record<string, unknown> = {}) =>
  parseConfig(
    { url, concurrency: 8, requests: 32, "input-tokens": 64, "output-tokens": 2, ...raw },
    (key) => key,
  );
const folder = () => mkdtemp(join(tmpdir(), "goodput-"));
const shares = ({ levels }: Result) => levels.map(({ metrics }) => metrics.prompt_cache_hit_ratio);
const codes = ({ findings }: Result) =>
  findings
    .filter(({ code }) => code.startsWith("prompt_cache"))
    .map(({ code, level }) => `${code}: ${level}`);
const fastest = ({ levels }: Result) => levels[0]!.metrics.ttft!.min;

async function promptFile(): Promise<string> {
  const path = join(await folder(), "prompts.txt");
  const line = (i: number) => Array.from({ length: 64 }, (_, k) => `word${i}x${k}`).join(" ");
  await writeFile(path, Array.from({ length: 80 }, (_, i) => line(i)).join("\n"));
  return path;
}

const KINDS: readonly (readonly [name: string, raw: Record<string, unknown>])[] = [
  ["chat", {}],
  ["completions", { protocol: "openai-completions" }],
  ["responses", { protocol: "openai-responses" }],
  ["embeddings", { protocol: "openai-embeddings" }],
  ["an open loop", { concurrency: undefined, rate: 200 }],
  ["two levels", { concurrency: "4,8" }],
  ["a sweep", { concurrency: undefined, sweep: 2, "max-concurrency": 8 }],
  ["drawn lengths", { "input-tokens": "uniform:40-100" }],
];
for (const [name, raw] of KINDS) {
  test(`${name}: a second run meets nothing of the first one in the server's cache`, () =>
    withServers(async (server) => {
      for (const _ of [1, 2]) {
        const result = await runPlan(planFor(server, raw));
        assert.ok(shares(result).every((share) => share === 0));
        assert.deepEqual(codes(result), []);
      }
    }));
}

test("what the plan has prompts share is found within a run, and nothing more in the next one", () =>
  withServers(async (server) => {
    for (const raw of [
      { "prefix-tokens": 64 },
      { turns: 3, requests: 16 },
      { concurrency: undefined, requests: undefined, trace: "test/fixtures/workloads/mooncake.jsonl" },
    ]) {
      const [first, second] = [await runPlan(planFor(server, raw)), await runPlan(planFor(server, raw))];
      assert.ok(shares(first)[0]! > 0.3);
      assert.deepEqual(shares(second), shares(first));
      assert.deepEqual([...codes(first), ...codes(second)], []);
    }
  }));

test("warm, a second run is answered from the cache, as was asked for", () =>
  withServers(async (server) => {
    const plan = planFor(server, { "prompt-cache": "warm" });
    const [first, second] = [await runPlan(plan), await runPlan(plan)];
    assert.ok(fastest(first) >= TTFT_MS);
    assert.equal(shares(second)[0], 1);
    assert.ok(second.levels[0]!.metrics.ttft!.p50 < TTFT_MS / 2);
    assert.deepEqual([codes(second), second.valid, second.plan.prompt_cache], [[], true, "warm"]);
    assert.equal(second.plan.prompt_salt, undefined);
    // The two were not measured alike, and both are as the plan wanted them.
    assert.match(
      compareResults(first, second).incomparable!,
      /0 % of the base's prompts .* 100 % of the head's/,
    );
  }));

test("a run is repeated to the byte by its salt, and what the server then has in its cache is found", () =>
  withServers(async (server) => {
    const outDir = await folder();
    const bodies = () => server.seen.bodies.splice(0).map((body) => JSON.stringify(body));
    const first = await runPlan(planFor(server), { outDir });
    const sent = bodies().toSorted();
    const salted = { "prompt-salt": first.plan.prompt_salt! };
    const again = await runPlan(planFor(server, { ...salted, slo: "ttft_p95 < 1s" }));
    assert.deepEqual(bodies().toSorted(), sent);
    assert.deepEqual([codes(again), again.valid], [["prompt_cache_hits: invalid"], false]);
    assert.deepEqual(
      JSON.parse(JSON.stringify(await resultFromRecords(join(outDir, "records.jsonl")))),
      JSON.parse(JSON.stringify(first)),
    );
  }));

test("base and head of one run do not meet each other's prompts, be they one server", () =>
  withServers(async (server) => {
    const result = await runPlan(planFor(server, { "baseline-url": server.url, requests: 64 }));
    assert.deepEqual([shares(result), codes(result)], [[0], []]);
  }));

test("two sides of which one was measured before are alike cold, and told apart warm or with a file's prompts", () =>
  withServers(async (used, fresh) => {
    await runPlan(planFor(used));
    const cold = await runPlan(planFor(used, { "baseline-url": fresh.url }));
    assert.deepEqual([codes(cold), cold.comparison!.incomparable], [[], undefined]);
    for (const raw of [{ "prompt-cache": "warm" }, { prompts: await promptFile() }]) {
      await runPlan(planFor(used, raw));
      const apart = await runPlan(planFor(used, { ...raw, "baseline-url": fresh.url }));
      assert.ok(codes(apart).includes("prompt_cache_differs: invalid"));
      assert.equal(apart.valid, false);
    }
  }));

test("a file's prompts are sent as they are, and what the server has of them is noted", () =>
  withServers(async (server) => {
    const plan = planFor(server, { prompts: await promptFile(), warmup: 0 });
    const [first, second] = [await runPlan(plan), await runPlan(plan)];
    assert.deepEqual([codes(first), codes(second)], [[], ["prompt_cache_hits: note"]]);
    assert.equal(second.valid, true);
    assert.match(compareResults(first, second).incomparable!, /did not do the same work/);
    const stored = await runPlan(plan, { stored: first });
    assert.deepEqual(codes(stored), ["prompt_cache_differs: invalid", "prompt_cache_hits: note"]);
  }));

test("two stored cold results compare", () =>
  withServers(async (server) => {
    const [first, second] = [await runPlan(planFor(server)), await runPlan(planFor(server))];
    const { incomparable, levels } = compareResults(first, second);
    assert.equal(incomparable, undefined);
    assert.ok(Math.abs(levels[0]!.changes[0]!.ratio! - 1) < 0.5);
  }));

test("shards with salts of their own are merged; what they share they share with one salt alone", () =>
  withServers(async (server) => {
    const merged = async (raw: Record<string, unknown>) => {
      const folders = await Promise.all([0, 1].map(folder));
      await Promise.all(
        folders.map((outDir, index) =>
          runPlan(planFor(server, { "prefix-tokens": 64, ...raw }), { outDir, shard: { index, of: 2 } }),
        ),
      );
      return mergeRecords(folders.map((outDir) => join(outDir, "records.jsonl")));
    };
    const apart = await merged({});
    assert.deepEqual([apart.valid, apart.plan.prompt_salt], [true, undefined]);
    assert.ok(apart.findings.some(({ code }) => code === "shards_share_nothing"));
    const together = await merged({ "prompt-salt": "of-both" });
    assert.equal(together.plan.prompt_salt, "of-both");
    assert.ok(!together.findings.some(({ code }) => code === "shards_share_nothing"));
    assert.ok(
      (await merged({ "prefix-tokens": 0 })).findings.every(({ code }) => code !== "shards_share_nothing"),
    );
  }));
