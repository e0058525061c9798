import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { ConfigError } from "../../src/errors.ts";
import type { TraceFormat } from "../../src/plan/plan.ts";
import { readTrace } from "../../src/plan/trace.ts";

const FIXTURES = "test/fixtures/workloads";
let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "goodput-trace-"));
});
after(() => rm(folder, { recursive: true }));

test("Mooncake's milliseconds count from the first request, and lengths go with their moments", async () => {
  const { arrivals, requests, skipped } = await readTrace(`${FIXTURES}/mooncake.jsonl`, "auto", 1);
  assert.deepEqual([...arrivals], [0, 0, 2_000_500_000, 3_500_000_000]);
  assert.deepEqual(requests, [
    { inputTokens: 1100, outputTokens: 5, hashIds: [0, 1, 2] },
    { inputTokens: 1300, outputTokens: 7, hashIds: [0, 1, 3] },
    { inputTokens: 20, outputTokens: 9 },
    { inputTokens: 100, outputTokens: 3, hashIds: [4] },
  ]);
  assert.equal(skipped, 0);
});

test("Azure's moments are exact to their seventh digit, over a full hour too", async () => {
  const { arrivals, requests, skipped } = await readTrace(`${FIXTURES}/azure.csv`, "auto", 1);
  assert.deepEqual([...arrivals], [0, 200, 3_000_000_100]);
  assert.deepEqual(requests, [
    { inputTokens: 374, outputTokens: 44 },
    { inputTokens: 396, outputTokens: 109 },
    { inputTokens: 91, outputTokens: 16 },
  ]);
  assert.equal(skipped, 1, "a request without an answer failed when it was recorded");
});

test("BurstGPT's moments are seconds, and requests that failed are counted as skipped", async () => {
  const { arrivals, requests, skipped } = await readTrace(`${FIXTURES}/burstgpt.csv`, "auto", 1);
  assert.deepEqual([...arrivals], [0, 40_500_000_000, 113_000_000_000]);
  assert.deepEqual(requests[1], { inputTokens: 1087, outputTokens: 230 });
  assert.equal(skipped, 1);
});

test("a time scale of 0.5 replays twice as fast, one of 2 takes twice as long", async () => {
  const last = async (scale: number) =>
    (await readTrace(`${FIXTURES}/mooncake.jsonl`, "mooncake", scale)).arrivals.at(-1);
  assert.equal(await last(0.5), 1_750_000_000);
  assert.equal(await last(2), 7_000_000_000);
});

const ZONES: readonly (readonly [first: string, second: string, gapNs: number])[] = [
  ["2024-05-10 00:00:00.009930+00:00", "2024-05-10 00:00:01+00:00", 990_070_000],
  ["2024-05-10T00:00:00Z", "2024-05-10T01:00:01+0100", 1_000_000_000],
  ["2024-05-09 23:59:59", "2024-05-10 00:00:00", 1_000_000_000],
];
for (const [first, second, gapNs] of ZONES) {
  test(`${first} and ${second} are ${gapNs} ns apart`, async () => {
    const path = join(folder, "zones.csv");
    await writeFile(path, `TIMESTAMP,ContextTokens,GeneratedTokens\n${first},1,1\n${second},1,1\n`);
    assert.deepEqual([...(await readTrace(path, "azure", 1)).arrivals], [0, gapNs]);
  });
}

const AZURE = "TIMESTAMP,ContextTokens,GeneratedTokens";
const MISTAKES: readonly (readonly [why: string, format: TraceFormat, text: string, says: RegExp])[] = [
  ["an empty file", "mooncake", "", /: holds no request to replay\.$/],
  ["a header alone", "auto", `${AZURE}\n`, /: holds no request to replay\.$/],
  ["another kind of file", "auto", "prompt\nWhy?\n", /: is no trace that is known: mooncake is JSONL/],
  [
    "another format than named",
    "burstgpt",
    `${AZURE}\n`,
    / line 1: should name the columns Timestamp, Request tokens, Response tokens; it lacks Request tokens, Response tokens\.$/,
  ],
  [
    "no moment",
    "auto",
    '{"input_length": 5, "output_length": 5}',
    / line 1: should have a "timestamp" in milliseconds/,
  ],
  ["no length", "auto", '{"timestamp": 0, "input_length": 5}', / line 1: should have "output_length"/],
  [
    "a length that is none",
    "auto",
    `${AZURE}\n2024-05-10 00:00:00,x,5\n`,
    / line 2: has "x" as "ContextTokens"; it should be a whole number/,
  ],
  ["an empty length", "auto", `${AZURE}\n2024-05-10 00:00:00,,5\n`, / line 2: has "" as "ContextTokens"/],
  [
    "a day that is none",
    "auto",
    `${AZURE}\n2024-13-10 00:00:00,5,5\n`,
    / line 2: has "2024-13-10 00:00:00" as TIMESTAMP/,
  ],
  [
    "seconds that are none",
    "auto",
    "Timestamp,Request tokens,Response tokens\n-1,5,5\n",
    / line 2: has "-1" as Timestamp/,
  ],
  [
    "blocks of another size",
    "auto",
    '{"timestamp": 0, "input_length": 32, "output_length": 5, "hash_ids": [1, 2]}',
    / line 1: has 2 hash_ids for 32 tokens/,
  ],
];
for (const [why, format, text, says] of MISTAKES) {
  test(`a trace with ${why} is refused, with the place and what would be right`, async () => {
    const path = join(folder, "wrong");
    await writeFile(path, text);
    await assert.rejects(readTrace(path, format, 1), (error) => {
      assert.ok(error instanceof ConfigError);
      assert.match(error.message, says);
      return true;
    });
  });
}
