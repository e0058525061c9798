import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { LARGEST_RESULT_BYTES, readResult } from "../../src/report/read-result.ts";
import { planOf, record, times } from "../support/records.ts";
import { resultOf } from "../support/results.ts";

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "goodput-read-"));
});
after(() => rm(folder, { recursive: true }));

const result = resultOf(
  planOf({ slo: ["ttft_p95 < 500ms", "error_rate < 5%"] }),
  times(60, (i) => record(i)),
);
const written = () => JSON.parse(JSON.stringify(result));

async function file(name: string, content: unknown): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
}

test("a result reads as it was written, from its file or its folder", async () => {
  const path = await file("result.json", result);
  assert.deepEqual(await readResult(path), written());
  assert.deepEqual(await readResult(folder), written());
});

test("fields of a newer program are let through", async () => {
  const newer = { ...written(), later: { than: "this" } };
  assert.deepEqual(await readResult(await file("newer.json", newer)), newer);
});

// biome-ignore lint/suspicious/noExplicitAny: what is damaged here has no type.
const DAMAGED: readonly (readonly [what: string, damage: (json: any) => unknown, says: RegExp])[] = [
  ["nothing at all", () => "", /is not JSON/],
  ["half a file", () => JSON.stringify(written()).slice(0, 500), /is not JSON/],
  ["a list", () => [], /names no schema/],
  ["null", () => "null", /names no schema/],
  [
    "another schema",
    (json) => ({ ...json, schema: "goodput.result/2" }),
    /has the schema goodput\.result\/2, not/,
  ],
  ["a schema with orders in it", (json) => ({ ...json, schema: "\u001b[2J\n::error::" }), /has the schema/],
  ["no levels", ({ levels, ...json }) => json, /is damaged: levels: /],
  [
    "a count that is text",
    (json) => {
      json.levels[0].requests.completed = "60";
      return json;
    },
    /levels\[0\]\.requests\.completed: .*expected number/,
  ],
  [
    "a bucket beyond all numbers",
    (json) => {
      json.levels[0].histograms.ttft = [[2 ** 31, 60]];
      return json;
    },
    /levels\[0\]\.histograms\.ttft\[0\]\[0\]: /,
  ],
  [
    "buckets out of order",
    (json) => {
      json.levels[0].histograms.ttft = [
        [9, 30],
        [8, 30],
      ];
      return json;
    },
    /histograms\.ttft: buckets must be in ascending order/,
  ],
  [
    "a histogram of other samples",
    (json) => {
      json.levels[0].histograms.ttft = [[9, 1]];
      return json;
    },
    /histograms\.ttft: holds 1 samples where metrics\.ttft\.count is 60/,
  ],
  [
    "a load of no kind that is known",
    (json) => {
      json.levels[0].load = { kind: "tide" };
      return json;
    },
    /levels\[0\]\.load\.kind: /,
  ],
  [
    "a comparison without levels",
    (json) => ({ ...json, comparison: { kind: "stored", baseline: json.target } }),
    /comparison\.baseline\.run_id: .*comparison\.levels: /,
  ],
  [
    "another tool's mark in our own form",
    (json) => ({ ...json, imported: { tool: "vllm" } }),
    /is damaged: imported: /,
  ],
  [
    "a confidence of 0",
    (json) => {
      json.plan.confidence = 0;
      return json;
    },
    /plan\.confidence: /,
  ],
];

for (const [what, damage, says] of DAMAGED) {
  test(`${what} is refused, with the file and what is wrong`, async () => {
    const path = await file("damaged.json", damage(written()));
    await assert.rejects(readResult(path), (error: Error & { code?: string; hint?: string }) => {
      assert.equal(error.code, "RESULT_UNREADABLE");
      assert.ok(error.message.startsWith(`${path} `), error.message);
      assert.match(error.message, says);
      assert.doesNotMatch(error.message, /[\u001b\n]/u);
      assert.ok(error.message.length < 1000 && error.hint);
      return true;
    });
  });
}

const FIXTURES = new URL("../fixtures/results/", import.meta.url).pathname;

for (const [name, tool] of [
  ["vllm-bench.json", "vllm"],
  ["vllm-append.jsonl", "vllm"],
  ["guidellm-benchmarks.json", "guidellm"],
  ["aiperf-profile.json", "aiperf"],
  ["genai-perf-profile.json", "aiperf"],
] as const) {
  test(`another tool's result is told by what is in it, whatever its name: ${name}`, async () => {
    const path = await file("figures.txt", await readFile(join(FIXTURES, name), "utf8"));
    const { imported, levels } = await readResult(path);
    assert.equal(imported?.tool, tool);
    assert.ok(levels.length > 0);
  });
}

test("a file of nobody known is refused with what can be read", async () => {
  const path = await file("k6.json", { metrics: { http_req_duration: { avg: 1 } } });
  await assert.rejects(readResult(path), (error: Error & { hint?: string }) => {
    assert.match(error.message, /k6\.json is no result this program can read: it names no schema/);
    assert.match(error.hint!, /result\.json .* vLLM bench serve, GuideLLM, AIPerf or GenAI-Perf/);
    return true;
  });
});

test("two tools in one file are refused by the file's name", async () => {
  const vllm = (await readFile(join(FIXTURES, "vllm-bench.json"), "utf8")).replace("NaN", "null");
  const path = await file("both.json", `[${vllm}, {}]`);
  await assert.rejects(readResult(path), /both\.json holds nothing to read: The first of 2 results/);
});

test("a file that is not there, a folder without one, a pipe and a giant are refused", async () => {
  await assert.rejects(readResult(join(folder, "none.json")), /none\.json does not exist/);
  await mkdir(join(folder, "empty"));
  await assert.rejects(readResult(join(folder, "empty")), /empty\/result\.json does not exist/);
  execFileSync("mkfifo", [join(folder, "pipe")]);
  await assert.rejects(readResult(join(folder, "pipe")), /pipe is no file/);
  const giant = await file("giant.json", "{}");
  await truncate(giant, LARGEST_RESULT_BYTES + 1);
  await assert.rejects(readResult(giant), /giant\.json is larger than 64 MiB/);
});
