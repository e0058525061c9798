import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { createRuns } from "../../../server/load-tests/runs/runs.ts";
import { withRunBench } from "../../support/run-bench.ts";
import type { RunServerNews, RunServerOrder } from "../../support/run-server-process.ts";

test("[A-291] a server that was killed leaves no load behind, and the next one keeps what it measured", () =>
  withRunBench({ ttftMs: 10 }, async ({ store, log, lines, target, request, dataDir, databasePath }) => {
    const server = fork(new URL("../../support/run-server-process.ts", import.meta.url), { execArgv: [] });
    const order: RunServerOrder = {
      databasePath,
      dataDir,
      requests: [request({ requests: 100_000, concurrency: 1 }), request()],
    };
    server.send(order);
    const runIds = await new Promise<readonly string[]>((resolve) => {
      let ids: readonly string[] = [];
      server.on("message", (news: RunServerNews) => {
        if ("runIds" in news) ids = news.runIds;
        else if (news.current >= 6) resolve(ids);
      });
    });
    const [going = "", waiting = ""] = runIds;
    const pid = Number(readFileSync(join(dataDir, "runs", going, "pid"), "utf8"));
    server.kill("SIGKILL");
    await once(server, "exit");
    assert.equal((await store.find(going))?.status, "running", "nobody was left to change that");

    const runs = await createRuns({ store, log, dataDir });
    assert.throws(() => process.kill(pid, 0), { code: "ESRCH" }, "the process that measured is gone");
    const first = await store.find(going);
    assert.equal(first?.status, "failed");
    assert.equal(first.error?.code, "INTERRUPTED");
    assert.match(first.completedAt!, /Z$/);
    const { completed, incomplete, failed } = first.result!.levels[0]!.requests;
    assert.ok(completed >= 6);
    assert.equal(failed, 0);
    // The target may have seen one more than was written down, sent in the very moment of the end.
    assert.ok(Math.abs(completed + incomplete - target.seen.requests) <= 1, "every request is in the result");
    assert.equal(existsSync(join(dataDir, "runs", going, "pid")), false);

    const second = await store.find(waiting);
    assert.equal(second?.status, "failed");
    assert.equal(second.error?.code, "INTERRUPTED");
    assert.equal(second.result, undefined);
    assert.deepEqual(
      lines.map(({ event, run_id }) => [event, run_id]),
      [
        ["benchmark_failed", going],
        ["benchmark_failed", waiting],
      ],
    );
    await runs.close();
  }));
