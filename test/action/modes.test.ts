/** Shards that become one result, and results of other workflows that are told on. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type ScriptedServer, startScriptedServer } from "../../src/scripted-server.ts";
import { startFakeGitHub } from "../support/fake-github.ts";
import { type ActionRequest, type ActionRun, HEAD_SHA, runAction } from "../support/fake-runner.ts";

let target: ScriptedServer;
let shards: readonly string[];
let otherPlan: string;
let whole: ActionRun;
before(async () => {
  target = await startScriptedServer({ ttftMs: 5, chunks: 3 });
  const inputs = {
    url: target.url,
    requests: "60",
    concurrency: "4",
    "output-tokens": "3",
    slo: "e2e_p50 < 5s",
  };
  const measured = async (more: Readonly<Record<string, string>>) => {
    const run = await runAction({ inputs: { ...inputs, ...more, comment: "off", check: "off" } });
    assert.ok(run.files["goodput-report/records.jsonl"], run.log);
    return run;
  };
  whole = await measured({});
  shards = [
    (await measured({ shard: "1/2" })).files["goodput-report/records.jsonl"]!,
    (await measured({ shard: "2/2" })).files["goodput-report/records.jsonl"]!,
  ];
  otherPlan = (await measured({ shard: "2/2", seed: "9" })).files["goodput-report/records.jsonl"]!;
});
after(() => target.close());

const merging = (files: Readonly<Record<string, string>>, more: Readonly<Record<string, string>> = {}) =>
  runAction({ inputs: { mode: "merge", results: "shards", comment: "off", check: "off", ...more }, files });

test("the shards of a plan become one result that holds every request once", async () => {
  const run = await merging({ "shards/b/records.jsonl": shards[0]!, "shards/a/x/records.jsonl": shards[1]! });
  assert.equal(run.exitCode, 0, run.log);
  assert.equal(run.outputs.conclusion, "met");
  const result = JSON.parse(run.files["goodput-report/result.json"]!);
  assert.equal(result.levels[0].requests.issued, 60);
  const counted = result.levels[0].histograms.e2e.reduce((sum: number, [, n]: number[]) => sum + n!, 0);
  assert.equal(counted, 60);
});

test("a missing shard is named and makes the run invalid, unless it is allowed", async () => {
  const files = { "shards/1/records.jsonl": shards[0]! };
  const strict = await merging(files, { results: "shards/1\nshards/2" });
  assert.equal(strict.exitCode, 1);
  assert.equal(strict.outputs.conclusion, "invalid");
  assert.match(strict.summary, /Of 2 shards these are missing: 2/);
  assert.match(strict.log, /There are no records in shards\/2\./);
  const allowed = await merging(files, { "allow-missing-shards": "true" });
  assert.equal(allowed.exitCode, 0, allowed.log);
  assert.match(allowed.summary, /Of 2 shards these are missing: 2/);
});

for (const [why, files, said] of [
  [
    "of another plan",
    () => ({ "shards/1/records.jsonl": shards[0]!, "shards/2/records.jsonl": otherPlan }),
    /of another plan/,
  ],
  [
    "of the same shard twice",
    () => ({ "shards/1/records.jsonl": shards[0]!, "shards/2/records.jsonl": shards[0]! }),
    /is there already/,
  ],
  [
    "that are damaged",
    () => ({ "shards/1/records.jsonl": shards[0]!.replace('"outputs":[', '"outputs":["x",') }),
    /damaged: outputs/,
  ],
  [
    "of a size beyond memory",
    () => ({ "shards/1/records.jsonl": shards[0]!.replace('"of":2', '"of":4000000000') }),
    /damaged: shard/,
  ],
  ["that are no records", () => ({ "shards/1/records.jsonl": "::error::x\n" }), /not JSON/],
] as const) {
  test(`records ${why} are refused`, async () => {
    const run = await merging(files());
    assert.equal(run.exitCode, 1);
    assert.equal(run.outputs.conclusion, "error");
    assert.match(run.summary.replaceAll("\\", ""), said);
    assert.equal(run.commands.filter(({ name }) => name === "error").length, 1);
  });
}

test("a folder without any records is a mistake in the inputs", async () => {
  const run = await merging({ "shards/readme.txt": "x" });
  assert.equal(run.outputs.conclusion, "config");
  assert.match(run.summary, /records\.jsonl/);
});

test("a shard tells nothing on the pull request, for it is a part of what is told later", async () => {
  const github = await startFakeGitHub();
  const inputs = { url: target.url, requests: "20", shard: "1/2" };
  const run = await runAction({ inputs, apiUrl: github.apiUrl });
  await github.close();
  assert.equal(run.exitCode, 0, run.log);
  assert.deepEqual(github.calls, []);
});

const told = async (text: string, more: Partial<ActionRequest> = {}) => {
  const github = await startFakeGitHub();
  try {
    const files = { "r/result.json": text };
    const run = await runAction({
      inputs: { mode: "report", results: "r/result.json" },
      files,
      apiUrl: github.apiUrl,
      ...more,
    });
    return {
      ...run,
      writes: github.calls.filter((call) => !call.startsWith("GET")),
      comments: github.comments,
    };
  } finally {
    await github.close();
  }
};

test("a result of another workflow is told in a comment", async () => {
  const run = await told(whole.files["goodput-report/result.json"]!);
  assert.equal(run.exitCode, 0, run.log);
  assert.equal(run.outputs.conclusion, "met");
  assert.equal(run.comments.length, 1);
});

const edited = (change: (result: Record<string, unknown>) => object) => () =>
  JSON.stringify({
    ...JSON.parse(whole.files["goodput-report/result.json"]!),
    ...change(JSON.parse(whole.files["goodput-report/result.json"]!)),
  });
for (const [why, text, said] of [
  ["no JSON", () => "::set-output name=passed::true", /is not JSON/],
  ["of another schema", edited(() => ({ schema: "goodput.result/9" })), /has the schema/],
  ["of no schema", () => "{}", /names no schema/],
  ["damaged", edited(() => ({ levels: [{ name: "<img src=x>" }] })), /is damaged/],
  [
    "too large",
    () => `{"schema":"goodput.result/1","x":"${"x".repeat(65 * 1024 * 1024)}"}`,
    /is larger than 64 MiB/,
  ],
  [
    "one whose verdict is not that of its objectives",
    edited(() => ({ verdict: "violated" })),
    /verdict is not that/,
  ],
  [
    "one that is valid against its own findings",
    edited(() => ({ valid: false })),
    /against its own findings/,
  ],
] as const) {
  test(`a result that is ${why} is refused, and nothing is written to GitHub`, async () => {
    const run = await told(text());
    assert.equal(run.exitCode, 1);
    assert.equal(run.outputs.conclusion, "error");
    assert.match(run.summary.replaceAll(/[\\\u200b]/g, ""), said);
    assert.deepEqual(run.writes, []);
    assert.deepEqual(run.comments, []);
    assert.deepEqual([...new Set(run.commands.map(({ name }) => name))].sort(), ["add-mask", "error"]);
  });
}

test("a result of another commit than the workflow's is refused", async () => {
  const event = {
    repository: { full_name: "acme/chat" },
    workflow_run: {
      id: 1,
      event: "pull_request",
      head_sha: "a".repeat(40),
      head_branch: "x",
      head_repository: { full_name: "eve/chat" },
    },
  };
  const run = await told(whole.files["goodput-report/result.json"]!, {
    event,
    env: { GITHUB_EVENT_NAME: "workflow_run" },
  });
  assert.equal(run.exitCode, 1);
  assert.match(run.summary, /of another commit/);
  assert.deepEqual(run.writes, []);
  assert.notEqual(HEAD_SHA, event.workflow_run.head_sha);
});
