import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { z } from "zod";
import { readAgentConfig } from "../../../server/agent/agent-config.ts";
import { detailedHealthAnswer, metricsAnswer } from "../../../server/agent/collect/schemas.ts";
import { createTargets } from "../../../server/settings/targets.ts";
import { openRunStore } from "../../../server/store/open-run-store.ts";
import { agentApi, engineWith, listening } from "../../support/agent-api.ts";
import { startPlatform } from "../../support/platform.ts";
import { send } from "../../support/server.ts";

const page = (name: string) => readFileSync(`test/fixtures/metrics/${name}.prom`, "utf8");
const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;

test("[A-165] [A-168] the plain probe answers with a time", async () => {
  await using api = await agentApi();
  const { status, json } = await send(`${api.url}/api/v1/health`);
  assert.deepEqual([status, Object.keys(json), json.status], [200, ["status", "timestamp"], "healthy"]);
  assert.match(json.timestamp, ISO);
});

test("[A-169] [A-170] [A-171] the detailed probe tries the database, and knows when it is gone", async () => {
  const store = await openRunStore({ kind: "sqlite", path: ":memory:" });
  await using api = await agentApi({ store });
  const ask = () => send(`${api.url}/api/v1/health/detailed`);
  const well = await ask();
  assert.equal(well.status, 200);
  const { status, version, dependencies, uptime_seconds } = z
    .strictObject(detailedHealthAnswer.shape)
    .parse(well.json);
  assert.deepEqual([status, version], ["healthy", "1.0.0"]);
  assert.deepEqual(dependencies, { database: "healthy", cache: "healthy" });
  assert.ok((await ask()).json.uptime_seconds > uptime_seconds);
  await store.close();
  const ill = await ask();
  assert.equal(ill.status, 503);
  assert.deepEqual([ill.json.status, ill.json.dependencies.database], ["unhealthy", "unhealthy"]);
});

test("[A-172] [A-173] [A-174] [A-175] [A-176] configuration and capabilities are as the reference prints them", async () => {
  await using api = await agentApi({ pollingIntervalSeconds: 30 });
  assert.deepEqual((await send(`${api.url}/api/v1/config`)).json, {
    agent_id: "performance-agent",
    version: "1.0.0",
    capabilities: ["vllm", "tgi", "sglang"],
    polling_interval: 30,
  });
  assert.deepEqual((await send(`${api.url}/api/v1/capabilities`)).json, {
    capabilities: {
      collectors: ["vllm", "tgi", "sglang"],
      optimizers: ["kv_cache", "quantization", "batching"],
      workflows: ["optimization", "analysis"],
    },
    supported_metrics: ["request_metrics", "gpu_metrics", "throughput_metrics"],
  });
});

test("AGENT_ID and POLLING_INTERVAL are read, and a mistake names itself", () => {
  const mistakes: string[] = [];
  assert.deepEqual(readAgentConfig({}, mistakes), {
    agentId: "performance-agent",
    pollingIntervalSeconds: 30,
  });
  assert.deepEqual(readAgentConfig({ AGENT_ID: "a", POLLING_INTERVAL: "0" }, mistakes), {
    agentId: "a",
    pollingIntervalSeconds: 0,
  });
  assert.deepEqual(mistakes, []);
  for (const wrong of ["10x", "-1", "1.5", "86401"]) readAgentConfig({ POLLING_INTERVAL: wrong }, mistakes);
  assert.equal(mistakes.length, 4);
  assert.match(mistakes[0]!, /^POLLING_INTERVAL: "10x" is not a whole number of seconds/);
});

const collect = (url: string, body: object | string) =>
  send(`${url}/api/v1/metrics/collect`, { body, headers: { "content-type": "application/json" } });

test("[A-177] [A-180] [A-181] [A-184] the sample's body gives the metrics of the page at its address", async () => {
  await using engine = await engineWith(page("vllm-before"), page("vllm-after"));
  await using api = await agentApi();
  const body = { instance_id: "vllm-1", instance_type: "vllm", metrics_url: `${engine.url}/metrics` };
  const { status, json } = await collect(api.url, body);
  assert.equal(status, 200);
  assert.deepEqual(z.strictObject(metricsAnswer.shape).parse(json), json);
  assert.equal(json.instance_id, "vllm-1");
  assert.match(json.timestamp, ISO);
  assert.equal(json.request_metrics.success_total, 114);
  // 3100 tokens between the two readings, which the first call takes a second apart.
  assert.equal(json.throughput_metrics.tokens_per_second, 3100);
  assert.equal(json.averaged_over.time_to_first_token_seconds, "lifetime");
  assert.deepEqual(engine.asked, ["/metrics", "/metrics"]);
});

test("a second call compares with the first and takes one reading", async () => {
  await using engine = await engineWith(page("vllm-before"), page("vllm-before"), page("vllm-after"));
  await using api = await agentApi();
  const body = { instance_id: "vllm-1", instance_type: "VLLM", metrics_url: `${engine.url}/metrics` };
  assert.equal((await collect(api.url, body)).json.throughput_metrics.tokens_per_second, 0);
  const { json } = await collect(api.url, body);
  assert.equal(engine.asked.length, 3);
  assert.equal(json.throughput_metrics.tokens_per_second, 3100);
  assert.equal(json.request_metrics.time_to_first_token_seconds, 0.085);
  assert.equal(json.averaged_over.time_to_first_token_seconds, "interval");
});

test("a page of another address is no earlier state of this one's", async () => {
  await using first = await engineWith(page("vllm-before"));
  await using second = await engineWith(page("vllm-after"));
  await using api = await agentApi();
  const body = { instance_id: "vllm-1", instance_type: "vllm" };
  await collect(api.url, { ...body, metrics_url: first.url });
  const { json } = await collect(api.url, { ...body, metrics_url: second.url });
  assert.equal(json.throughput_metrics.tokens_per_second, 0);
  assert.equal(json.averaged_over.time_to_first_token_seconds, "lifetime");
});

test("who asks for the same instance at the same time shares a reading", async () => {
  await using engine = await engineWith(page("vllm-before"), page("vllm-after"));
  await using api = await agentApi();
  const body = { instance_id: "vllm-1", instance_type: "vllm", metrics_url: `${engine.url}/metrics` };
  const answers = await Promise.all(Array.from({ length: 5 }, () => collect(api.url, body)));
  assert.equal(new Set(answers.map(({ text }) => text)).size, 1);
  assert.equal(engine.asked.length, 2);
});

test("[A-185] [A-186] an instance that is none of its type is read by the names its page has", async () => {
  for (const [type, name] of [
    ["tgi", "tgi"],
    ["sglang", "sglang"],
    ["vllm", "llamacpp"],
    ["vllm", "goodput"],
  ] as const) {
    await using engine = await engineWith(page(`${name}-before`), page(`${name}-after`));
    await using api = await agentApi();
    const { status, json } = await collect(api.url, {
      instance_id: name,
      instance_type: type,
      metrics_url: engine.url,
    });
    assert.deepEqual([status, json.engine], [200, name]);
    assert.ok(json.throughput_metrics.tokens_per_second > 0);
  }
});

const RIGHT = { instance_id: "a", instance_type: "vllm", metrics_url: "http://127.0.0.1:1/metrics" };
const INVALID = [
  ["[A-178]", { ...RIGHT, instance_id: undefined }, "instance_id", "an id is needed"],
  ["[A-178]", { ...RIGHT, instance_id: " " }, "instance_id", "and has a letter"],
  ["[A-180]", { ...RIGHT, metrics_url: undefined }, "metrics_url", "an address is needed"],
  ["[A-187]", { ...RIGHT, metrics_url: "localhost:8000" }, "metrics_url", "with its scheme"],
  ["[A-187]", { ...RIGHT, metrics_url: "file:///etc/passwd" }, "metrics_url", "which is http"],
  ["[A-187]", { ...RIGHT, metrics_url: 5 }, "metrics_url", "and a text"],
] as const;

for (const [number, body, field, why] of INVALID) {
  test(`${number} [A-237] ${JSON.stringify(body)} is refused: ${why}`, async () => {
    await using api = await agentApi();
    const { status, json } = await collect(api.url, body);
    assert.deepEqual(
      [status, json.error.code, json.error.details[0].field],
      [400, "VALIDATION_ERROR", field],
    );
  });
}

test("[A-179] [A-235] [A-236] an unknown type is told with those that are known", async () => {
  await using api = await agentApi();
  for (const instance_type of ["ollama", undefined, 7]) {
    const { status, json } = await collect(api.url, { ...RIGHT, instance_type });
    const { error, timestamp } = json;
    assert.equal(status, 400);
    assert.deepEqual([error.code, error.message], ["VALIDATION_ERROR", "Invalid instance_type"]);
    assert.equal(error.details.field, "instance_type");
    assert.deepEqual(error.details.allowed_values, ["vllm", "tgi", "sglang"]);
    assert.match(timestamp, ISO);
  }
  const { json } = await collect(api.url, { instance_type: "ollama" });
  assert.deepEqual(
    json.error.details.mistakes.map(({ field }: { field: string }) => field),
    ["instance_id", "instance_type", "metrics_url"],
  );
});

test("a metadata address is never asked, and one that is not allowed neither", async () => {
  await using api = await agentApi({ targets: createTargets({ allowed: ["10.0.0.0/8"] }) });
  for (const metrics_url of ["http://169.254.169.254/metrics", "http://127.0.0.1:8000/metrics"]) {
    const { status, json } = await collect(api.url, { ...RIGHT, metrics_url });
    assert.deepEqual([status, json.error.code], [400, "URL_VALIDATION_ERROR"]);
  }
});

test("[A-189] [A-242] nobody there, no end and no answer in time are 503", async () => {
  await using engine = await listening((request, response) => {
    if (request.url === "/silent") return;
    if (request.url === "/broken") return void response.destroy();
    // One line now and then, without end.
    response.write("vllm:num_requests_running 1\n");
  });
  await using api = await agentApi({ timeoutMs: 100 });
  for (const [metrics_url, reason] of [
    [`${engine.url}/silent`, /no whole page within 0\.1 s/],
    [`${engine.url}/endless`, /no whole page within 0\.1 s/],
    [`${engine.url}/broken`, /it ended the connection/],
    ["http://127.0.0.1:1/metrics", /nobody listens/],
    ["http://nobody.invalid/metrics", /nobody knows its host/],
  ] as const) {
    const { status, json } = await collect(api.url, { ...RIGHT, metrics_url });
    assert.deepEqual([status, json.error.code], [503, "SERVICE_UNAVAILABLE"], metrics_url);
    assert.match(json.error.message, reason);
    assert.equal(json.error.details.field, "metrics_url");
  }
  assert.deepEqual(
    (await send(`${api.url}/api/v1/instances`)).json,
    { instances: [] },
    "none of them is watched",
  );
});

test("[A-188] [A-239] what answers without an engine's page is 500, and says why", async () => {
  let stopped: Promise<unknown> | undefined;
  await using engine = await listening((request, response) => {
    switch (request.url) {
      case "/404":
        return void response.writeHead(404).end();
      case "/away":
        return void response.writeHead(302, { location: "http://127.0.0.1:1/" }).end();
      case "/large": {
        stopped = new Promise((resolve) => response.once("close", resolve));
        const line = Buffer.from("x 1\n".repeat(16_384));
        // 50 MB, if anybody took them.
        let left = 50_000_000;
        const pour = () => {
          while (left > 0) {
            left -= line.length;
            if (!response.write(line)) return void response.once("drain", pour);
          }
          response.end();
        };
        return pour();
      }
      case "/html":
        return void response.end("<!doctype html><title>Hi</title>");
      case "/json":
        return void response.end('{"status":"ok"}');
      default:
        return void response.end();
    }
  });
  await using api = await agentApi();
  for (const [path, reason] of [
    ["/404", /HTTP 404/],
    ["/away", /HTTP 302, and redirects are not followed/],
    ["/large", /larger than 4 MiB/],
    ["/html", /HTML/],
    ["/json", /JSON/],
    ["/empty", /none of the names/],
  ] as const) {
    const { status, json } = await collect(api.url, { ...RIGHT, metrics_url: engine.url + path });
    assert.deepEqual([status, json.error.code], [500, "COLLECTION_ERROR"], path);
    assert.match(json.error.message, reason);
  }
  await stopped;
});

test("instances that were collected are listed without the key in their address, and have a history", async () => {
  await using engine = await engineWith(page("vllm-before"), page("vllm-after"));
  await using api = await agentApi();
  const url = `${api.url}/api/v1/instances`;
  const body = { instance_id: "a/b", instance_type: "vllm", metrics_url: `${engine.url}/metrics?key=secret` };
  await collect(api.url, body);
  await collect(api.url, body);
  const { json, text } = await send(url);
  assert.doesNotMatch(text, /secret/);
  assert.deepEqual(json.instances[0].metrics_url, `${engine.url}/metrics`);
  const history = await send(`${url}/a%2Fb/history`);
  assert.deepEqual([history.status, history.json.snapshots.length, history.json.error], [200, 2, null]);
  const last = await send(`${url}/a%2Fb/history?limit=1`);
  assert.deepEqual(last.json.snapshots, history.json.snapshots.slice(1));
  assert.equal((await send(`${url}/a%2Fb/history?limit=0`)).status, 400);
  assert.equal((await send(`${url}/a%2Fb/history?limit=10x`)).status, 400);
});

test("[A-238] ids that nobody knows are 404, whatever they look like", async () => {
  await using api = await agentApi();
  for (const id of ["vllm-1", "%00", "..%2F..", "__proto__", "x".repeat(5000)]) {
    for (const [method, path] of [
      ["GET", `/${id}/history`],
      ["DELETE", `/${id}`],
    ] as const) {
      const { status, json } = await send(`${api.url}/api/v1/instances${path}`, { method });
      assert.deepEqual([status, json.error.code], [404, "NOT_FOUND"]);
    }
  }
});

test("an instance that is deleted is watched no longer", async () => {
  await using engine = await engineWith(page("vllm-after"));
  await using api = await agentApi();
  await collect(api.url, { ...RIGHT, metrics_url: engine.url });
  const { json } = await send(`${api.url}/api/v1/instances/a`, { method: "DELETE" });
  assert.deepEqual(json, { deleted: "a" });
  assert.deepEqual((await send(`${api.url}/api/v1/instances`)).json.instances, []);
});

test("a store that never answers is unhealthy, not waited for", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const { promise: asked, resolve } = Promise.withResolvers<void>();
  const ping = () => {
    resolve();
    return new Promise<void>(() => {});
  };
  await using api = await agentApi({ store: { ping } });
  const answer = send(`${api.url}/api/v1/health/detailed`);
  await asked;
  context.mock.timers.tick(2_000);
  assert.equal((await answer).json.dependencies.database, "unhealthy");
});

test("[A-246] the version is in the path, and there is no other", async () => {
  const platform = await startPlatform();
  try {
    const { status, json } = await send(`${platform.url}/api/v2/health`);
    assert.deepEqual([status, json.error.code], [404, "NOT_FOUND"]);
  } finally {
    await platform.close();
  }
});
