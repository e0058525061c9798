import assert from "node:assert/strict";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { parseConfig } from "../../src/plan/config.ts";
import type { Result } from "../../src/result.ts";
import { endReason } from "../../src/run/end-reason.ts";
import { mergeRecords, resultFromRecords } from "../../src/run/from-records.ts";
import { runPlan } from "../../src/run/run.ts";
import { type Script, type ScriptedServer, startScriptedServer } from "../../src/scripted-server.ts";
import { planOf } from "../support/records.ts";

async function withServer<T>(script: Script, use: (server: ScriptedServer) => Promise<T>): Promise<T> {
  const server = await startScriptedServer(script);
  try {
    return await use(server);
  } finally {
    await server.close();
  }
}

const planFor = ({ url }: { url: string }, raw: Record<string, unknown>) =>
  parseConfig({ url, "input-tokens": 8, "output-tokens": 4, warmup: 2, ...raw }, (key) => key);
const folder = () => mkdtemp(join(tmpdir(), "goodput-"));
const asJson = (result: Result) => JSON.parse(JSON.stringify(result));

test("until decisive, a clear case ends at an early look and says so", () =>
  withServer({}, async (server) => {
    const outDir = await folder();
    const plan = planFor(server, {
      requests: 1600,
      concurrency: 4,
      until: "decisive",
      slo: "ttft_p95 < 5s\nerror_rate < 20%",
    });
    const result = await runPlan(plan, { outDir });
    const { requests, objectives } = result.levels[0]!;
    assert.equal(result.verdict, "met");
    assert.ok(requests.completed >= 100 && requests.completed < 300, `${requests.completed} requests`);
    assert.ok(objectives.every(({ outcome }) => outcome === "met"));
    assert.deepEqual(asJson(await resultFromRecords(join(outDir, "records.jsonl"))), asJson(result));
  }));

test("an early look sees throughput as well as latency", () =>
  withServer({ ttftMs: 5 }, async (server) => {
    const raw = { requests: 3200, concurrency: 4, until: "decisive", slo: "output_throughput > 20" };
    const result = await runPlan(planFor(server, raw));
    assert.equal(result.verdict, "met");
    assert.ok(
      result.levels[0]!.requests.completed < 3000,
      `${result.levels[0]!.requests.completed} requests`,
    );
  }));

const FAILING: Script = { fault: (n) => (n % 2 === 0 ? { kind: "status", status: 500 } : undefined) };

const LIMITS: Readonly<
  Record<string, readonly [raw: Record<string, unknown>, code: string, atMost: number]>
> = {
  "a number of errors": [{ "max-errors": 5 }, "max_errors", 20],
  "a rate of errors": [{ "max-error-rate": "10%" }, "max_error_rate", 30],
  "output tokens": [{ "max-tokens": 40 }, "max_tokens", 40],
};

for (const [name, [raw, code, atMost]] of Object.entries(LIMITS)) {
  test(`a level ends at ${name}, and the findings say so`, () =>
    withServer(FAILING, async (server) => {
      const result = await runPlan(planFor(server, { requests: 1000, slo: "error_rate < 90%", ...raw }));
      assert.ok(result.levels[0]!.requests.issued <= atMost, `${result.levels[0]!.requests.issued} requests`);
      assert.ok(result.findings.some((finding) => finding.code === code));
    }));
}

test("arrivals that outrun completions for good are an overload; a slow server that keeps up is none", () => {
  const plan = planOf({ rate: 10, duration: "60s", requests: undefined, "stop-on-overload": true });
  const at = (completed: number, meanLatencyNs: number) =>
    endReason(plan.control, plan.levels[0]!, {
      completed,
      failed: 0,
      elapsedNs: 20e9,
      meanLatencyNs,
      outputTokens: 0,
    });
  assert.equal(at(100, 1e9), "overload");
  assert.equal(at(150, 5e9), undefined);
  assert.equal(at(195, 0.5e9), undefined);
});

test("a search finds the concurrency up to which the objectives hold", () =>
  // Four are computed at once; with eight, every request waits for a whole other one.
  withServer({ ttftMs: 200, gapMs: 2, capacity: 4 }, async (server) => {
    const result = await runPlan(
      planFor(server, {
        search: "concurrency",
        "search-start": 4,
        "search-max": 16,
        requests: 60,
        slo: "ttft_p90 < 380ms",
        "search-tolerance": 0.3,
      }),
    );
    assert.equal(result.verdict, "met");
    const { highest_passing = 0, lowest_failing = 0 } = result.exploration ?? {};
    assert.ok(highest_passing >= 4 && highest_passing <= 6, JSON.stringify(result.exploration));
    assert.ok(lowest_failing > highest_passing && lowest_failing <= 8, JSON.stringify(result.exploration));
  }));

test("shards send the plan of one machine between them, and merge into its result", () =>
  withServer({ ttftMs: 40 }, async (server) => {
    const plan = planFor(server, {
      concurrency: 6,
      requests: 90,
      warmup: 0,
      slo: "ttft_p95 < 1s",
      "prompt-salt": "of-all-shards",
    });
    await runPlan(plan);
    const whole = server.seen.bodies
      .splice(0)
      .map((body) => JSON.stringify(body))
      .toSorted();
    const folders = await Promise.all([0, 1, 2].map(folder));
    await Promise.all(folders.map((outDir, index) => runPlan(plan, { outDir, shard: { index, of: 3 } })));
    assert.deepEqual(server.seen.bodies.map((body) => JSON.stringify(body)).toSorted(), whole);
    const files = folders.map((outDir) => join(outDir, "records.jsonl"));
    const merged = await mergeRecords(files);
    assert.deepEqual([merged.levels[0]!.requests.completed, merged.levels[0]!.metrics.ttft!.count], [90, 90]);
    assert.ok(Math.abs(merged.levels[0]!.metrics.concurrency! - 6) < 0.6);
    assert.equal(merged.valid, true);

    const partial = await mergeRecords(files.slice(0, 2));
    assert.equal(partial.valid, false);
    assert.match(partial.findings.find(({ code }) => code === "shards_missing")!.happened, /missing: 3/);
    await assert.rejects(mergeRecords([files[0]!, files[0]!]), /shard 1 of 3 is there already/);
  }));

test("a plan that decides on the way is no work for shards, who would each decide for themselves", async () => {
  for (const [raw, why] of [
    [{ search: "concurrency", slo: ["ttft_p95 < 1s"] }, /shard: "2\/3" cannot be .* levels follow from/],
    [
      { until: "decisive", requests: 500, slo: ["ttft_p95 < 1s"] },
      /shard: "2\/3" cannot be .* objectives are decided/,
    ],
  ] as const) {
    const plan = planFor({ url: "http://127.0.0.1:9" }, raw);
    await assert.rejects(runPlan(plan, { shard: { index: 1, of: 3 } }), why);
  }
});

test("with more shards than slots the last shards have nothing to do, and nothing is lost", () =>
  withServer({}, async (server) => {
    const plan = planFor(server, { concurrency: 2, requests: 30, warmup: 0 });
    const folders = await Promise.all([0, 1, 2].map(folder));
    for (const [index, outDir] of folders.entries()) await runPlan(plan, { outDir, shard: { index, of: 3 } });
    assert.equal(server.seen.requests, 30);
    const merged = await mergeRecords(folders.map((outDir) => join(outDir, "records.jsonl")));
    assert.equal(merged.levels[0]!.requests.completed, 30);
  }));

test("base and head get the same requests in alternating blocks, and a real difference is seen", () =>
  withServer({ ttftMs: 40 }, (base) =>
    withServer({ ttftMs: 120 }, async (head) => {
      const outDir = await folder();
      const plan = planFor(head, {
        "baseline-url": base.url,
        concurrency: 4,
        requests: 160,
        warmup: 0,
        "prompt-cache": "warm",
        slo: "ttft_p50 regression < 20%\nerror_rate < 10%",
      });
      const result = await runPlan(plan, { outDir });
      const bodies = (server: ScriptedServer) =>
        server.seen.bodies.map((body) => JSON.stringify(body.messages)).toSorted();
      assert.deepEqual(bodies(base), bodies(head));
      assert.equal(new Set(bodies(head)).size, 160, "each block goes on where the one before it ended");
      assert.equal(result.verdict, "violated");
      const change = result.comparison!.levels[0]!.changes.find(({ metric }) => metric === "ttft_p50")!;
      assert.equal(change.change, "worse");
      assert.ok(change.ratio! > 2 && change.ratio! < 4);
      assert.deepEqual(asJson(await resultFromRecords(join(outDir, "records.jsonl"))), asJson(result));
    }),
  ));

test("the target's key goes to no baseline of another origin, unless it is given for it", () =>
  withServer({}, (base) =>
    withServer({}, async (head) => {
      const plan = planFor(head, { "baseline-url": base.url, requests: 8 });
      await runPlan(plan, { apiKey: "for-the-head" });
      assert.deepEqual(new Set(head.seen.keys), new Set(["Bearer for-the-head"]));
      assert.deepEqual(new Set(base.seen.keys), new Set([undefined]));
      await runPlan(plan, { apiKey: "for-the-head", baselineApiKey: "for-the-base" });
      assert.ok(
        base.seen.keys.includes("Bearer for-the-base") && !base.seen.keys.includes("Bearer for-the-head"),
      );
    }),
  ));

test("a conversation goes on with the answers before it", () =>
  withServer({ tokensPerChunk: 2 }, async (server) => {
    const result = await runPlan(planFor(server, { turns: 3, requests: 2, warmup: 0 }));
    assert.equal(result.levels[0]!.requests.completed, 6);
    const roles = server.seen.bodies.map(({ messages }) =>
      (messages as { role: string }[]).map(({ role }) => role[0]).join(""),
    );
    assert.deepEqual(roles, ["u", "uau", "uauau", "u", "uau", "uauau"]);
    const last = server.seen.bodies[2]!.messages as { content: string }[];
    assert.match(last[1]!.content, /^word word word word $/);
  }));

test("users come one after the other and think between requests", () =>
  withServer({}, async (server) => {
    const plan = planFor(server, {
      users: 6,
      "spawn-rate": 20,
      "think-time": "0.02s-0.05s",
      duration: "1s",
      warmup: 0,
    });
    const result = await runPlan(plan);
    assert.ok(server.seen.maxInFlight <= 6);
    assert.ok(result.levels[0]!.requests.completed > 60 && result.levels[0]!.requests.completed < 300);
  }));

test("users who still think at the end are not waited for, and their idle time is part of the window", () =>
  withServer({}, async (server) => {
    const plan = planFor(server, {
      users: 3,
      "spawn-rate": 100,
      "think-time": "60s-60s",
      duration: "0.5s",
      warmup: 0,
    });
    const { window, requests } = (await runPlan(plan)).levels[0]!;
    assert.equal(requests.completed, 3);
    assert.equal(window.seconds, 0.5);
  }));

test("a whole answer has an end and no first token", () =>
  withServer({}, async (server) => {
    const { metrics } = (await runPlan(planFor(server, { stream: false, requests: 5 }))).levels[0]!;
    assert.equal(metrics.ttft, undefined);
    assert.equal(metrics.e2e?.count, 5);
    assert.equal(metrics.output_tokens, 20);
  }));

test("threads send the plan of one between them, on one clock", () =>
  withServer({ ttftMs: 5 }, async (server) => {
    const plan = planFor(server, {
      concurrency: 6,
      requests: 600,
      warmup: 0,
      "prompt-salt": "of-all-threads",
    });
    await runPlan(plan);
    const whole = server.seen.bodies
      .splice(0)
      .map((body) => JSON.stringify(body))
      .toSorted();
    const result = await runPlan(plan, { threads: 2 });
    assert.deepEqual(server.seen.bodies.map((body) => JSON.stringify(body)).toSorted(), whole);
    const { metrics, requests } = result.levels[0]!;
    assert.equal(requests.completed, 600);
    assert.ok(Math.abs(metrics.concurrency! - 6) < 1, `${metrics.concurrency} in flight`);
    assert.ok(metrics.ttft!.min >= 5);
  }));

test("a target that is not there is told from a thread as from the main one", async () => {
  const url = await withServer({}, async (server) => server.url);
  await assert.rejects(runPlan(planFor({ url }, {}), { threads: 2 }), /Cannot reach .*refused/);
});
