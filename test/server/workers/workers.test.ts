import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { startRunProcess } from "../../../server/load-tests/runs/run-child.ts";
import { shardFile } from "../../../server/load-tests/runs/run-files.ts";
import { createRuns } from "../../../server/load-tests/runs/runs.ts";
import { gatherRecords } from "../../../server/workers/gather-records.ts";
import { handInRecords } from "../../../server/workers/hand-in-records.ts";
import { work } from "../../../server/workers/worker.ts";
import { startPostgres } from "../../support/postgres.ts";
import { type ShardBench, withShardBench } from "../../support/shard-bench.ts";

const postgres = await startPostgres();
after(() => postgres.stop());

/** Long enough that it never ends by itself. */
const LONG = { requests: 100_000, concurrency: 4 } as const;

test("three workers together send what one machine sends, and their result is exact", () =>
  withShardBench(postgres, 3, { ttftMs: 2 }, async (bench) => {
    const { stores, log, dataDir, target, runs } = bench;
    const order = bench.request({ concurrency: [4, 2], requests: 31, warmup: 5, "prompt-salt": "of-both" });
    const alone = await createRuns({ store: stores.runs, log, dataDir });
    await alone.ended((await alone.start(order)).runId);
    const once = bodiesSeen(bench, 0);
    assert.equal(once.length, 2 * (31 + 5));

    const workers = await Promise.all([bench.startWorker(), bench.startWorker(), bench.startWorker()]);
    const { runId } = await runs.start(order);
    const told: number[] = [];
    runs.subscribe(runId, (event) => event.kind === "progress" && told.push(event.progress.overallPercent));
    const run = await runs.ended(runId);
    assert.equal(run?.status, "completed", JSON.stringify(run?.error));
    assert.deepEqual(bodiesSeen(bench, once.length), once);
    assert.deepEqual(
      run.result?.levels.map(({ requests }) => [requests.completed, requests.failed, requests.incomplete]),
      [
        [31, 0, 0],
        [31, 0, 0],
      ],
    );
    assert.equal(run.result.run_id, runId);
    assert.equal(told.at(-1), 100, "the last progress is that of all shards");
    assert.deepEqual(
      told,
      told.toSorted((a, b) => a - b),
    );
    assert.equal(target.seen.requests, 2 * once.length);

    const taken = workers.map(({ lines }) => lines.filter(({ event }) => event === "shard_taken"));
    assert.deepEqual(
      taken.map((lines) => lines.length),
      [1, 1, 1],
    );
    assert.deepEqual(
      taken
        .flat()
        .map(({ shard }) => shard)
        .toSorted(),
      [1, 2, 3],
    );
    assert.equal(await bench.leftRows(), 0);

    // The same workers do the next run too, of a load with planned moments.
    const before = target.seen.requests;
    const next = await runs.ended(
      (await runs.start(bench.request({ rate: 100, concurrency: undefined, requests: 40 }))).runId,
    );
    assert.equal(next?.result?.levels[0]?.requests.completed, 40);
    assert.equal(target.seen.requests - before, 40);
    assert.equal(next?.result?.plan.prompt_salt, next?.runId, "what shards share they share among all");
  }));

test("a worker that is killed is named, and what the others measured is kept", () =>
  withShardBench(
    postgres,
    2,
    { ttftMs: 5 },
    async (bench) => {
      const { runs } = bench;
      const [one] = await Promise.all([bench.startWorker(), bench.startWorker()]);
      const { runId } = await runs.start(bench.request(LONG));
      await bench.progress(runId, ({ current }) => current >= 20);
      const { shard } = await one.line("shard_taken");
      await one.end("SIGKILL");
      const run = await runs.ended(runId);
      assert.equal(run?.status, "failed");
      assert.match(
        run.error!.message,
        new RegExp(
          `^Shard ${shard} of 2 \\(worker .+\\) is missing: its worker was not heard of any more\\.$`,
        ),
      );
      const { completed, failed } = run.result!.levels[0]!.requests;
      assert.ok(completed > 0);
      assert.equal(failed, 0);
      assert.deepEqual(
        run.result!.findings.filter(({ code }) => code === "shards_missing").map(({ happened }) => happened),
        [`Of 2 shards these are missing: ${shard}.`],
      );
      assert.equal(await bench.leftRows(), 0);
    },
    { lostMs: 2_000 },
  ));

test("a worker that is told to end hands in what it measured, and ends", () =>
  withShardBench(postgres, 2, { ttftMs: 5 }, async (bench) => {
    const { runs, target } = bench;
    const [one] = await Promise.all([bench.startWorker(), bench.startWorker()]);
    const { runId } = await runs.start(bench.request(LONG));
    await bench.progress(runId, ({ current }) => current >= 20);
    assert.equal(await one.end("SIGTERM"), 0);
    const run = await runs.ended(runId);
    assert.equal(run?.status, "failed");
    assert.match(
      run.error!.message,
      /^Shard [12] of 2 \(worker .+\): its worker was shut down before it was done\.$/,
    );
    const { completed, incomplete } = run.result!.levels[0]!.requests;
    assert.equal(
      run.result!.findings.some(({ code }) => code === "shards_missing"),
      false,
    );
    assertAllThere(completed + incomplete, target.seen.requests);
    const { completed: told } = await one.line("shard_ended");
    assert.ok(Number(told) > 0);
  }));

test("a run that is stopped is cancelled with what all workers measured, and they take the next one", () =>
  withShardBench(postgres, 2, { ttftMs: 5 }, async (bench) => {
    const { runs, target } = bench;
    await Promise.all([bench.startWorker(), bench.startWorker()]);
    const { runId } = await runs.start(bench.request(LONG));
    await bench.progress(runId, ({ current }) => current >= 20);
    await runs.stop(runId);
    const run = await runs.ended(runId);
    assert.equal(run?.status, "cancelled");
    const { completed, incomplete } = run.result!.levels[0]!.requests;
    assert.ok(completed >= 20);
    assertAllThere(completed + incomplete, target.seen.requests);
    assert.equal(await bench.leftRows(), 0);
    const next = await runs.ended((await runs.start(bench.request())).runId);
    assert.equal(next?.status, "completed", JSON.stringify(next?.error));
  }));

test("too few workers fail a run with what to do, and nothing was sent", () =>
  withShardBench(
    postgres,
    3,
    {},
    async (bench) => {
      const { runs, target } = bench;
      const worker = await bench.startWorker();
      const run = await runs.ended((await runs.start(bench.request())).runId);
      assert.equal(run?.status, "failed");
      assert.equal(
        run.error?.message,
        "1 of 3 shards were taken within 3 s: start more workers (goodput worker).",
      );
      assert.equal(run.result, undefined);
      assert.equal(target.seen.requests, 0);
      await worker.line("shard_ended");
      assert.equal(await bench.leftRows(), 0);
      for (const index of [0, 1, 2]) {
        assert.equal(await bench.stores.shards.claim(run.runId, index, "late"), false);
      }
    },
    { waitMs: 3_000 },
  ));

test("what a server that is gone had split is ended and merged by the next one", () =>
  withShardBench(postgres, 2, { ttftMs: 5 }, async (bench) => {
    const { stores, queue, log, dataDir, shards, target } = bench;
    await Promise.all([bench.startWorker(), bench.startWorker()]);
    const { plan, run } = bench.request(LONG);
    const runId = "of-a-server-that-is-gone";
    await stores.runs.create({ ...run, runId, createdAt: new Date().toISOString() });
    await stores.runs.update(runId, { status: "running" });
    await stores.shards.create(runId, 2);
    await queue.add([0, 1].map((index) => ({ run_id: runId, index, of: 2, plan })));
    for (;;) {
      const seen = await stores.shards.watch(runId);
      if (seen.every(({ state }) => state === "taken")) await stores.shards.startIn(runId, 100);
      if (target.seen.requests >= 20) break;
    }

    const next = await createRuns({ store: stores.runs, log, dataDir, shards });
    const found = await stores.runs.find(runId);
    assert.equal(found?.status, "failed");
    assert.equal(found.error?.code, "INTERRUPTED");
    const { completed, incomplete } = found.result!.levels[0]!.requests;
    assertAllThere(completed + incomplete, target.seen.requests);
    assert.equal(await bench.leftRows(), 0);
    await next.close();
  }));

test("what every shard fails at is told once", () =>
  withShardBench(postgres, 2, {}, async (bench) => {
    const { runs } = bench;
    await Promise.all([bench.startWorker(), bench.startWorker()]);
    const run = await runs.ended((await runs.start(bench.request({ url: "http://127.0.0.1:9" }))).runId);
    assert.equal(run?.status, "failed");
    assert.match(run.error!.message, /^Shard [12] of 2 \(worker [^)]+\): .*127\.0\.0\.1:9/);
  }));

test("of workers that reach for one shard at once exactly one has it, and only that one is obeyed", () =>
  withShardBench(postgres, 2, {}, async ({ stores, request }) => {
    const { shards } = stores;
    const runId = "wanted-by-many";
    await stores.runs.create({ ...request().run, runId, createdAt: new Date().toISOString() });
    await shards.create(runId, 1);
    const names = Array.from({ length: 8 }, (_, index) => `worker ${index}`);
    const claims = await Promise.all(names.map((name) => shards.claim(runId, 0, name)));
    assert.equal(claims.filter(Boolean).length, 1);
    const owner = names[claims.indexOf(true)]!;
    for (const name of names) {
      const orders = await shards.beat(runId, 0, name, { of: name });
      assert.equal(orders !== undefined, name === owner);
      if (name !== owner) assert.equal(await shards.end(runId, 0, name, {}), false);
    }
    const [seen] = await shards.watch(runId);
    assert.deepEqual(seen?.progress, { of: owner });
    await shards.lose(runId, 0);
    assert.equal(await shards.beat(runId, 0, owner, undefined), undefined, "who was given up is told");
    assert.equal(await shards.end(runId, 0, owner, {}), false);
  }));

test("a worker whose server is gone ends its load and hands in what it measured", () =>
  withShardBench(
    postgres,
    2,
    { ttftMs: 5 },
    async ({ stores, database, queue, log, lines, request, target }) => {
      const { shards } = stores;
      const { plan, run } = request(LONG);
      const runId = "of-nobody";
      await stores.runs.create({ ...run, runId, createdAt: new Date().toISOString() });
      await shards.create(runId, 1);
      await shards.startIn(runId, 0);
      await queue.add([{ run_id: runId, index: 0, of: 1, plan }]);
      const stop = new AbortController();
      const targets = { check: async () => {} };
      const limits = { beatMs: 50, idleMs: 50, lostMs: 1_500 };
      const working = work({ store: shards, queue, targets, log, name: "w", signal: stop.signal, limits });
      while (target.seen.requests < 20) await shards.watch(runId);
      // From here on nobody looks.
      const row = () => database.selectFrom("benchmark_run_shards").selectAll().executeTakeFirstOrThrow();
      while ((await row()).state !== "done") {
        const bad = lines.find(({ level }) => Number(level) > 40);
        assert.equal(bad, undefined);
      }
      assert.equal((await row()).failure, "its server was not heard of any more.");
      stop.abort();
      await working;
      const parts: Buffer[] = [];
      for await (const part of shards.records(runId, 0)) parts.push(part);
      const records = gunzipSync(Buffer.concat(parts)).toString().trimEnd().split("\n");
      assert.match(records.at(-1)!, /"state":"cancelled"/, "the records are whole");
      const requests = records.filter((line) => line.includes('"outcome"'));
      assertAllThere(requests.length, target.seen.requests);
    },
  ));

test("a shard begins at the moment that all have in common, and not before", () =>
  withShardBench(postgres, 2, {}, async ({ request, dataDir }) => {
    const startAtMs = Date.now() + 1_000;
    const { plan } = request();
    const order = { plan, outDir: dataDir, shard: { index: 1, of: 2 }, startAtMs };
    const outcome = await startRunProcess(order, () => {}).ended;
    assert.ok("result" in outcome);
    assert.ok(Date.parse(outcome.result.started_at) >= startAtMs - 2, "timers may be a millisecond early");
    assert.equal(outcome.result.levels[0]?.requests.completed, 10);
  }));

test("records that were handed in in many parts are one file again, and half a file is none", () =>
  withShardBench(postgres, 2, {}, async ({ stores, request, dataDir }) => {
    const { shards } = stores;
    const runId = "in-parts";
    await stores.runs.create({ ...request().run, runId, createdAt: new Date().toISOString() });
    await shards.create(runId, 2);
    const content = Array.from({ length: 2_000 }, (_, line) => `{"line":${line}}\n`).join("");
    const file = join(dataDir, "records.jsonl");
    writeFileSync(file, content);
    for (const index of [0, 1]) {
      await shards.claim(runId, index, "w");
      let parts = 0;
      const add = async (part: number, bytes: Buffer) => {
        parts = part + 1;
        await shards.addRecords(runId, index, part, bytes);
      };
      await handInRecords(file, add, 500);
      assert.ok(parts > 5, String(parts));
    }
    await shards.end(runId, 1, "w", {});
    assert.deepEqual(await gatherRecords(shards, runId, 2, dataDir), [1]);
    assert.equal(readFileSync(shardFile(dataDir, 1), "utf8"), content);
    assert.equal(existsSync(shardFile(dataDir, 0)), false);
  }));

/** What is cut off on its way is in the records, and may never have arrived. */
function assertAllThere(recorded: number, seen: number): void {
  assert.ok(recorded >= seen && recorded <= seen + LONG.concurrency, `${recorded} recorded, ${seen} seen`);
}

/** In an order that does not depend on who came first. */
function bodiesSeen({ target }: ShardBench, from: number): string[] {
  return target.seen.bodies
    .slice(from)
    .map((body) => JSON.stringify(body))
    .toSorted();
}
