import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { gunzipSync } from "node:zlib";
import fc from "fast-check";
import type { RunProgress } from "../../../server/load-tests/runs/run-request.ts";
import { combinedProgress } from "../../../server/workers/combined-progress.ts";
import { DatabaseTime } from "../../../server/workers/database-time.ts";
import { handInRecords } from "../../../server/workers/hand-in-records.ts";
import { parseConfig } from "../../../src/index.ts";

const folder = mkdtempSync(join(tmpdir(), "goodput-shards-"));
after(() => rmSync(folder, { recursive: true, force: true }));

for (const [what, bytes, partBytes] of [
  ["an empty file", 0, 100],
  ["a file of one part", 50, 1_000],
  ["a file of many parts", 100_000, 999],
  ["parts of one byte", 20, 1],
] as const) {
  test(`records are handed in in parts that together are the file: ${what}`, async () => {
    const file = join(folder, "records.jsonl");
    const content = randomBytes(bytes);
    writeFileSync(file, content);
    const parts: Buffer[] = [];
    await handInRecords(file, async (part, piece) => void parts.splice(part, 0, piece), partBytes);
    assert.deepEqual(gunzipSync(Buffer.concat(parts)), content);
    assert.ok(parts.every((part) => part.length > 0 && part.length <= partBytes));
    assert.ok(parts.slice(0, -1).every((part) => part.length === partBytes));
  });
}

const plan = (settings: Readonly<Record<string, unknown>>) =>
  parseConfig({ url: "http://h", model: "m", ...settings }, (key) => key);

function part(
  levelIndex: number,
  current: number,
  percent: number,
  more: Partial<RunProgress["metrics"]> = {},
) {
  return {
    current,
    total: 50,
    percent,
    level: 4,
    levelIndex,
    levels: 2,
    overallPercent: (levelIndex + percent / 100) * 50,
    metrics: { completed: current, failed: 0, ...more },
    at: `2026-01-01T00:00:0${levelIndex}.000Z`,
  } satisfies RunProgress;
}

test("the progress of a run is the sum of its shards', means weighted by requests, medians left out", () => {
  const { add } = combinedProgress(plan({ concurrency: [4, 8], requests: 40 }));
  assert.equal(add([part(0, 5, 12), undefined]), undefined, "not all are heard of");
  const progress = add([
    part(0, 10, 25, { ttftAvgMs: 100, ttftP50Ms: 90, e2eAvgMs: 10, throughput: 30 }),
    part(0, 5, 12.5, { ttftAvgMs: 400, ttftP50Ms: 300, e2eAvgMs: 40, throughput: 20, failed: 2 }),
  ])!;
  assert.deepEqual(progress, {
    current: 15,
    total: 40,
    percent: 37.5,
    level: 4,
    levelIndex: 0,
    levels: 2,
    overallPercent: 18.75,
    metrics: { ttftAvgMs: 200, e2eAvgMs: 20, throughput: 50, completed: 15, failed: 2 },
    at: "2026-01-01T00:00:00.000Z",
  });
});

test("a shard that is a level ahead counts with what it did of the level the others are at", () => {
  const { add } = combinedProgress(plan({ concurrency: [4, 8], requests: 40 }));
  add([part(0, 20, 100), part(0, 10, 25)]);
  const progress = add([part(1, 3, 7), part(0, 12, 30)])!;
  assert.deepEqual([progress.levelIndex, progress.current, progress.percent], [0, 32, 80]);
});

test("of a level that ends by time the slowest shard says how far it is", () => {
  const { add } = combinedProgress(plan({ concurrency: [4, 8], duration: "10s" }));
  const progress = add([part(0, 30, 60), part(0, 10, 50)])!;
  assert.deepEqual([progress.percent, progress.total, progress.overallPercent], [50, 100, 25]);
});

test("a moment of the database's is found on a clock that goes wrong, to half of the quickest answer's time", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: -1e9, max: 1e9 }),
      fc.array(
        fc.record({ there: fc.integer({ min: 0, max: 900 }), back: fc.integer({ min: 0, max: 900 }) }),
        {
          minLength: 1,
          maxLength: 20,
        },
      ),
      (aheadMs, trips) => {
        const time = new DatabaseTime();
        for (const [i, { there, back }] of trips.entries()) {
          const askedMs = 1e12 + i * 5_000;
          time.heard(askedMs, askedMs + there + back, askedMs + there - aheadMs);
        }
        const error = Math.abs(time.here(2e12) - (2e12 + aheadMs));
        const quickest = Math.min(...trips.map(({ there, back }) => there + back));
        assert.ok(error <= quickest / 2 + 0.01, `${error} of ${quickest}`);
      },
    ),
    { seed: 1 },
  );
});
