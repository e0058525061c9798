import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { parseConfig } from "../src/plan/config.ts";
import { runPlan } from "../src/run/run.ts";

/** The scripted server in a process of its own, so that neither's work delays the other's stamps. */
let server: ChildProcess;
let url: string;
before(async () => {
  server = spawn(
    process.execPath,
    ["src/cli/bin.ts", "scripted", "--port", "0", "--ttft", "50", "--gap", "5"],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  const [line] = await once(createInterface({ input: server.stdout! }), "line");
  url = /http:\/\/\S+/.exec(line)![0];
});
after(() => server.kill());

for (const concurrency of [1, 10, 50, 200]) {
  test(`[A-283] at concurrency ${concurrency} ttft is the server's own, or a finding says that it is not`, async () => {
    const requests = Math.max(40, concurrency * 15);
    const plan = parseConfig(
      {
        url,
        concurrency,
        requests,
        "input-tokens": 8,
        // Answers that all end together make requests that wait for each other in the server's sockets, before its own clock.
        "output-tokens": "uniform:1-40",
        slo: "ttft_p95 < 60ms\nerror_rate < 50%",
      },
      (key) => key,
    );
    const before = (await stats()).length;
    const result = await runPlan(plan);
    const own = (await stats()).slice(before + plan.levels[0]!.warmupRequests);
    const mean = own.reduce((sum, ms) => sum + ms, 0) / own.length;
    const error = Math.abs(result.levels[0]!.metrics.ttft!.mean - mean);
    assert.equal(own.length, requests);
    // A verdict that this could not turn stands all the same.
    const moved = result.findings.some(({ code }) => MOVES_TTFT.includes(code));
    assert.ok(error <= Math.max(5, 0.05 * mean) || moved, `${error} ms off, and believed`);
  });
}

const MOVES_TTFT = ["generator_late", "event_loop_blocked"];

async function stats(): Promise<number[]> {
  return ((await (await fetch(`${url}/stats`)).json()) as { ttftMs: number[] }).ttftMs;
}
