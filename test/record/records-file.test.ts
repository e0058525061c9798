/** Records may come from anywhere: whatever is wrong with a line is said before anything is made of it. */
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import {
  RECORDS_SCHEMA,
  type RecordsHeader,
  readRecords,
  writeRecords,
} from "../../src/record/records-file.ts";
import { failure, planOf, record } from "../support/records.ts";

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "goodput-records-"));
});
after(() => rm(folder, { recursive: true, force: true }));

const header: RecordsHeader = {
  schema: RECORDS_SCHEMA,
  generator: "goodput/test",
  run_id: "run-1",
  started_at: "2026-03-14T09:26:53.000Z",
  environment: { node: "v24", platform: "linux x64", cpu: "test", cores: 2 },
  model: "m",
  plan: planOf({ slo: "ttft_p95 < 500ms\ngoodput_ratio(ttft < 1s) >= 90%\nttft_p95 regression < 10%" }),
};

async function read(text: string): Promise<unknown[]> {
  const path = join(folder, "records.jsonl");
  await writeFile(path, text);
  const lines: unknown[] = [];
  for await (const line of readRecords(path)) lines.push(line);
  return lines;
}

test("what was written is read as it was", async () => {
  const path = join(folder, "written.jsonl");
  const writer = writeRecords(path, header);
  writer.start({ level: header.plan.levels[0]!, startNs: 0 });
  writer.request(record(0));
  writer.request(failure(1));
  await writer.close({ state: "completed", durationNs: 5 });
  const lines: unknown[] = [];
  for await (const line of readRecords(path)) lines.push(line);
  assert.deepEqual(lines, [
    { header: JSON.parse(JSON.stringify(header)) },
    { start: { level: header.plan.levels[0], startNs: 0 } },
    { request: record(0) },
    { request: failure(1) },
    { footer: { state: "completed", durationNs: 5 } },
  ]);
});

for (const raw of [
  { rate: 5, arrivals: "gamma", burstiness: 0.5 },
  { "rate-stages": "30s:50,10s:0" },
  { users: 3 },
  { search: "rate", slo: "ttft_p95 < 1s" },
  { sweep: 3, "input-tokens": "lognormal:256,100" },
  { trace: "t.jsonl", "baseline-url": "http://base.test", confidence: "none" },
]) {
  test(`the plan of ${JSON.stringify(raw)} is read`, async () => {
    const { requests: _, ...plan } = { requests: undefined, ...raw };
    const lines = await read(`${JSON.stringify({ ...header, plan: planOf(plan) })}\n`);
    assert.equal(lines.length, 1);
  });
}

const { plan } = header;
for (const [why, lines] of [
  ["another schema", [{ ...header, schema: "goodput.records/9" }]],
  ["no object", [null]],
  ["a plan that is none", [{ ...header, plan: { levels: "many" } }]],
  ["more shards than memory has room for", [{ ...header, shard: { index: 0, of: 4e9 } }]],
  ["a shard beyond the last", [{ ...header, shard: { index: 2, of: 2 } }]],
  ["an objective of an unknown kind", [{ ...header, plan: { ...plan, objectives: [{ text: "x" }] } }]],
  ["a request without moments", [header, { request: { level: 0, index: 0 } }]],
  ["a moment before the run", [header, { request: { ...record(0), issued: -1 } }]],
  ["outputs that are no list", [header, { request: { ...record(0), outputs: "x" } }]],
  ["an unknown outcome", [header, { request: { ...record(0), outcome: "great" } }]],
  ["a window that ends before it starts", [header, { end: { level: 0, window: { start: 2, end: 1 } } }]],
  ["an unknown state", [header, { footer: { state: "fine", durationNs: 1 } }]],
  ["an unknown line", [header, { surprise: 1 }]],
] as const) {
  test(`records with ${why} are refused`, async () => {
    const text = lines.map((line) => JSON.stringify(line)).join("\n");
    await assert.rejects(read(text), (error: Error & { code?: string }) => {
      assert.equal(error.code, "RESULT_UNREADABLE");
      assert.match(error.message, new RegExp(`line ${lines.length}: `));
      return true;
    });
  });
}

test("a number beyond all numbers is refused", async () => {
  const text = `${JSON.stringify(header)}\n${JSON.stringify({ request: record(0) }).replace(/"end":\d+/, '"end":1e999')}\n`;
  await assert.rejects(read(text), /line 2: damaged: end/);
});

test("a line that does not end is not read into memory", async () => {
  await assert.rejects(
    read(`${JSON.stringify(header)}\n${"x".repeat(65 * 1024 * 1024)}`),
    /longer than 64 MiB/,
  );
});
