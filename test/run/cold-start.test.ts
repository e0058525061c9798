import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { parseConfig } from "../../src/plan/config.ts";
import { resultFromRecords } from "../../src/run/from-records.ts";
import { runPlan } from "../../src/run/run.ts";

/** Answers after 150 ms, but its first requests after a second and a half. */
async function coldServer(coldRequests: number) {
  let seen = 0;
  const server = createServer(async (request, response) => {
    if (request.url !== "/v1/chat/completions") return response.writeHead(404).end();
    const cold = seen++ < coldRequests;
    request.resume();
    await once(request, "end");
    await sleep(cold ? 1500 : 150);
    response.writeHead(200, { "content-type": "text/event-stream" });
    const chunk = (delta: object, end: string | null) =>
      `data: ${JSON.stringify({ choices: [{ index: 0, delta, finish_reason: end }] })}\n\n`;
    response.end(`${chunk({ content: "one" }, null)}${chunk({}, "stop")}data: [DONE]\n\n`);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

for (const [name, load] of [
  ["a closed loop", { concurrency: 16 }],
  ["an open loop", { rate: 100 }],
] as const) {
  test(`a service that is cold when ${name} begins is measured from where it is warm on, again from records too`, async () => {
    const { server, url } = await coldServer(50);
    try {
      const outDir = await mkdtemp(join(tmpdir(), "goodput-"));
      const raw = {
        url,
        model: "cold",
        requests: 400,
        warmup: 0,
        slo: "ttft_p95 < 500ms",
        "metrics-url": "off",
      };
      const result = await runPlan(
        parseConfig({ ...raw, ...load }, (key) => key),
        { outDir },
      );
      const [level] = result.levels;
      const { issued, left_out: leftOut } = level!.requests;
      // More than the cold ones where the machine itself was slower at first; never more than half.
      assert.ok(leftOut! >= 50 && leftOut! <= 200, `${leftOut} were left out`);
      assert.equal(issued, 400);
      assert.equal(level!.metrics.ttft!.count, 400 - leftOut!);
      assert.equal(level!.objectives[0]!.outcome, "met");
      assert.ok(level!.window.start > 0.4);
      assert.ok(result.findings.some(({ code }) => code === "transient_cut"));
      const again = await resultFromRecords(join(outDir, "records.jsonl"));
      assert.deepEqual(again, JSON.parse(JSON.stringify(result)));
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
}
