import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import type { Plan } from "../../src/plan/plan.ts";
import type { RequestRecord } from "../../src/record/record.ts";
import { RECORDS_SCHEMA, type RecordsHeader, writeRecords } from "../../src/record/records-file.ts";
import { compatFigures, readCompatFigures, renderCompat } from "../../src/report/exports/compat.ts";
import { exportVllm, vllmResult } from "../../src/report/exports/vllm.ts";
import { EXPORT_FORMATS, needsRecords, renderExport } from "../../src/report/formats.ts";
import { importResult } from "../../src/report/import/import-result.ts";
import { planOf, record } from "../support/records.ts";
import { STATES } from "./fixture.ts";

const MS = 1e6;
const result = STATES.met!();
const folder = await mkdtemp(join(tmpdir(), "goodput-"));
after(() => rm(folder, { recursive: true }));

/** The second goes while the first is under way; each 2 ms late, so that a latency from the plan would show. */
const SENDS_MS = [2, 52, 202, 302] as const;

/** Four requests by hand with gaps of 10 ms; the last one failed. */
const RECORDS: readonly RequestRecord[] = [
  request(0, { ttft: 50 }),
  request(1, { ttft: 60 }),
  request(2, { ttft: 100, outputTokens: 9 }),
  {
    ...request(3, { ttft: 50 }),
    outcome: "failed",
    outputs: [],
    outputTokens: 0,
    end: 2000 * MS,
    failure: { reason: "timeout", detail: "" },
  },
];

describe("vLLM's figures from our stamps", async () => {
  const plan = planOf({ concurrency: 2, slo: "goodput_ratio(ttft < 55ms, tpot < 20ms) >= 50%" });
  const figures = await vllmResult(headerOf(plan), RECORDS, result, 0);

  // From the first send at 2 ms to the end of the failed one at 2,000 ms.
  const seconds = 1.998;
  const rows: readonly (readonly [key: string, expected: unknown, why: string])[] = [
    ["date", "20260314-092653", "vLLM's shape, in UTC"],
    ["model_id", "llama-3.1-8b-instruct", "what was asked"],
    ["request_rate", "inf", "a closed loop sends as fast as its limit lets it"],
    ["max_concurrency", 2, ""],
    ["completed", 3, ""],
    ["failed", 1, ""],
    ["duration", seconds, "failed requests are waited for too"],
    ["total_input_tokens", 3 * 256, "of completed requests"],
    ["total_output_tokens", 5 + 5 + 9, ""],
    ["request_throughput", 3 / seconds, ""],
    ["request_goodput", 1 / seconds, "only the first has a ttft below 55 ms"],
    ["output_throughput", 19 / seconds, ""],
    ["mean_ttft_ms", 70, "(50 + 60 + 100) / 3, from the send"],
    ["median_ttft_ms", 60, ""],
    ["std_ttft_ms", Math.sqrt((400 + 100 + 900) / 3), "numpy's std divides by n"],
    ["p99_ttft_ms", 60 + 40 * 0.98, "between the second and the third of three"],
    ["mean_tpot_ms", (10 + 10 + 5) / 3, "40 ms over 4, 4 and 8 tokens after the first"],
    ["mean_itl_ms", 10, "every gap"],
    ["mean_e2el_ms", 110, "ends with the last token, not with the answer's end"],
    ["max_output_tokens_per_s", 15, "all chunks lie within the first second"],
    ["max_concurrent_requests", 2, "the second begins before the first has ended"],
  ];
  for (const [key, expected, why] of rows) {
    test(`${key}${why === "" ? "" : `: ${why}`}`, () => {
      const value = figures[key];
      if (typeof expected === "number" && typeof value === "number") {
        assert.ok(Math.abs(value - expected) < 1e-9, `${value} is not ${expected}`);
      } else assert.equal(value, expected);
    });
  }

  test("hold nothing where nothing was measured", async () => {
    const none = await vllmResult(headerOf(plan), [], result, 0);
    assert.equal(none.request_throughput, null);
    assert.ok(!("mean_ttft_ms" in none));
  });

  test("leave out a baseline's requests and other levels'", async () => {
    const more = [...RECORDS, { ...RECORDS[0]!, side: "base" as const }, { ...RECORDS[0]!, level: 1 }];
    assert.deepEqual(await vllmResult(headerOf(plan), more, result, 0), figures);
  });
});

describe("An export made from a records file", () => {
  test("is one object for one level, and an array for several", async () => {
    const one = JSON.parse(await exportVllm(await recordsFile("one", [0]), result));
    assert.equal(one.completed, 3);
    const two = JSON.parse(await exportVllm(await recordsFile("two", [0, 1]), result));
    assert.deepEqual(
      two.map(({ max_concurrency }: { max_concurrency: number }) => max_concurrency),
      [1, 4],
    );
  });

  test("is read again as what it was", async () => {
    const text = await exportVllm(await recordsFile("again", [0, 1]), result);
    const { result: read, tool } = importResult(text)!;
    assert.equal(tool, "vllm");
    assert.deepEqual(
      read.levels.map(({ name }) => name),
      ["concurrency 1", "concurrency 4"],
    );
    assert.equal(read.levels[0]!.metrics.ttft_sent!.mean, 70);
  });

  test("takes the time of each block where a level was measured in several", async () => {
    const path = join(folder, "blocks.jsonl");
    const plan = planOf({ concurrency: 1 });
    const writer = writeRecords(path, headerOf(plan));
    for (const block of [0, 1]) {
      writer.start({ level: plan.levels[0]!, startNs: 0 });
      // A minute lies between them, in which the baseline had its turn.
      for (const one of RECORDS.slice(0, 3)) writer.request(later(one, block * 60_000));
    }
    await writer.close({ state: "completed", durationNs: 1 });
    const { duration } = JSON.parse(await exportVllm(path, result));
    assert.ok(Math.abs(duration - 2 * 0.34) < 1e-9, `${duration}`);
  });

  test("refuses without records, with a hint", async () => {
    await assert.rejects(renderExport(result, "vllm"), { code: "RESULT_UNREADABLE", hint: /records/u });
  });

  for (const format of EXPORT_FORMATS) {
    test(`as ${format} gives a text that ends in a line`, async () => {
      const records = needsRecords(format) ? await recordsFile(`format-${format}`, [0]) : undefined;
      assert.match(await renderExport(result, format, records), /\n$/u);
    });
  }
});

describe("Figures in the words of others", () => {
  test("GuideLLM's time per output token counts the first token too, and weighs by tokens", async () => {
    const figures = await compatFigures(RECORDS, "guidellm");
    const of = (name: string) => figures.find((figure) => figure.name === name)!;
    near(of("time_to_first_token_ms").statistics!.mean, 70);
    // (90 + 100 + 140) ms over 19 tokens.
    near(of("time_per_output_token_ms").statistics!.mean, 330 / 19);
    // 40 ms in each, over 4 + 4 + 8 tokens after the first.
    near(of("inter_token_latency_ms").statistics!.mean, 120 / 16);
    near(of("request_latency").statistics!.mean, (0.09 + 0.1 + 0.14) / 3);
    // Nearest rank: the middle of three.
    near(of("time_to_first_token_ms").statistics!.p50, 60);
    near(of("requests_per_second").total, 3 / 0.34);
  });

  test("AIPerf's inter-token latency is one value per request, its inter-chunk latency every gap", async () => {
    const figures = await compatFigures(RECORDS, "aiperf");
    const of = (name: string) => figures.find((figure) => figure.name === name)!;
    near(of("inter_token_latency").statistics!.mean, 25 / 3);
    near(of("inter_chunk_latency").statistics!.mean, 10);
    near(of("time_to_second_token").statistics!.p99, 10);
    near(of("request_latency").statistics!.mean, 110);
    near(of("output_token_throughput_per_user").statistics!.mean, (100 + 100 + 200) / 3);
    near(of("error_request_count").total, 1);
  });

  for (const tool of ["guidellm", "aiperf"] as const) {
    test(`read as they did when they were last looked at, ${tool}`, async () => {
      const written = renderCompat(
        await readCompatFigures(await recordsFile(`compat-${tool}`, [0, 1]), tool),
      );
      const file = new URL(`../golden/report/compat-${tool}.txt`, import.meta.url);
      if (process.env.UPDATE_GOLDEN === "1") await writeFile(file, written);
      assert.equal(written, await readFile(file, "utf8"));
    });
  }
});

function request(
  index: number,
  { ttft, outputTokens = 5 }: { ttft: number; outputTokens?: number },
): RequestRecord {
  const issued = SENDS_MS[index]! * MS;
  const outputs = [0, 1, 2, 3, 4].map((i) => issued + (ttft + i * 10) * MS);
  return record(index, {
    scheduled: issued - 2 * MS,
    issued,
    sent: issued,
    outputs,
    outputTokens,
    end: outputs[4]!,
  });
}

function later(one: RequestRecord, ms: number): RequestRecord {
  const move = (ns: number) => ns + ms * MS;
  return {
    ...one,
    scheduled: move(one.scheduled),
    issued: move(one.issued),
    outputs: one.outputs.map(move),
    end: move(one.end),
  };
}

function headerOf(plan: Plan): RecordsHeader {
  return {
    schema: RECORDS_SCHEMA,
    generator: "goodput/test",
    run_id: "run",
    started_at: "2026-03-14T09:26:53.000Z",
    environment: { node: "24", platform: "linux x64", cpu: "test", cores: 2 },
    model: "llama-3.1-8b-instruct",
    plan,
  };
}

async function recordsFile(name: string, levels: readonly number[]): Promise<string> {
  const path = join(folder, `${name}.jsonl`);
  const plan = planOf({ concurrency: levels.map((level) => 4 ** level).join(",") });
  const writer = writeRecords(path, headerOf(plan));
  for (const level of levels) {
    writer.start({ level: plan.levels[level]!, startNs: 0 });
    for (const one of RECORDS) writer.request({ ...one, level });
  }
  await writer.close({ state: "completed", durationNs: 1 });
  return path;
}

function near(value: number | undefined, expected: number): void {
  assert.ok(value !== undefined && Math.abs(value - expected) < 1e-9, `${value} is not ${expected}`);
}
