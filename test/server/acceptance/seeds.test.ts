import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { readSheet } from "read-excel-file/node";
import { WebSocket } from "ws";
import { type ScriptedServer, startScriptedServer } from "../../../src/scripted-server.ts";
import { type CurlAnswer, curl, readCurl } from "../../support/curl.ts";
import { startServer, type TestServer } from "../../support/server.ts";

/**
 * What the documents of the seeds 000, 001 and 002 print, sent as it is printed: only hosts and ports are others.
 * One server, as it is without any setting, on a database that nothing was in.
 */
let server: TestServer;
let target: ScriptedServer;
const folder = mkdtempSync(join(tmpdir(), "goodput-seeds-"));
before(async () => {
  server = await startServer({
    store: { kind: "sqlite", path: join(folder, "benchmarks.db") },
    dataDir: folder,
  });
});
beforeEach(async () => {
  await target?.close();
  target = await startScriptedServer({ ttftMs: 1 });
});
after(async () => {
  await target.close();
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

const RUN_001 = `curl -X POST http://localhost:8085/api/v1/benchmark/run \\
  -H "Content-Type: application/json" \\
  -H "X-API-Key: your-secret-key" \\
  -d '{
    "server_url": "http://localhost:8000",
    "model": "meta-llama/Llama-3.2-3B-Instruct",
    "adapter": "openai",
    "config": {
      "concurrency_levels": [1, 2, 4],
      "num_requests": 10,
      "max_input_tokens": 512,
      "max_output_tokens": 128
    }
  }'`;
const RESULT_001 = "curl http://localhost:8085/api/v1/benchmark/result/{run_id}";
const RUN_002 = `curl -X POST "http://localhost:8000/api/v1/benchmarks/run" \\
  -H "Authorization: Basic YWRtaW46c2VjdXJlX3Bhc3N3b3Jk" \\
  -d "user=100&spawnrate=10&duration=60&url=https://api.example.com"`;
const LIST_002 = `curl -X GET "http://localhost:8000/api/v1/benchmarks/?page=1&limit=10" \\
  -H "Authorization: Basic YWRtaW46c2VjdXJlX3Bhc3N3b3Jk"`;
/** The document of seed 000 prints bodies, and the method and path that take them. */
const RUN_000 = post(
  "/api/v1/benchmark/run",
  `{
  "server_url": "http://localhost:8000",
  "model": "qwen3-14b",
  "adapter": "openai",
  "concurrency": [1, 10, 50],
  "num_prompts": 100,
  "input_len": 256,
  "output_len": 128,
  "stream": true,
  "warmup": 3,
  "timeout": 120.0,
  "api_key": "optional-key",
  "goodput_thresholds": {
    "ttft_ms": 500,
    "tpot_ms": 50,
    "e2e_ms": 3000
  },
  "validation_config": {
    "enabled": true,
    "container_name": "vllm-qwen3-30b",
    "tolerance": 0.05
  }
}`,
);
const RECOMMEND_000 = post(
  "/api/v1/benchmark/recommend",
  `{
  "server_url": "http://localhost:8000",
  "model": "qwen3-14b",
  "adapter": "openai",
  "workload": {
    "peak_concurrency": 500,
    "avg_input_tokens": 256,
    "avg_output_tokens": 512,
    "ttft_target_ms": 500,
    "tpot_target_ms": 50,
    "goodput_target_percent": 95
  },
  "headroom_percent": 20,
  "test_config": {
    "concurrency_steps": [1, 10, 50, 100, 200],
    "num_requests_per_step": 50
  }
}`,
);
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

test("[A-95] seed 001: the result of the id as it is printed is not there", async () => {
  const { status, json } = await curl(here(RESULT_001));
  assert.equal(status, 404);
  assert.equal(json.error.code, "NOT_FOUND");
});

test("[A-152] seed 002: the list as it is printed is a page of at most ten, and empty before the first run", async () => {
  const { status, json } = await curl(here(LIST_002));
  assert.equal(status, 200);
  assert.deepEqual(json, { results: [], total: 0, page: 1, limit: 10 });
});

test("[A-90] [A-91] [A-92] [A-94] [A-95] seed 001: the run as it is printed sends ten requests at each of 1, 2 and 4", async () => {
  const started = await curl(here(RUN_001));
  assert.equal(started.status, 200, started.text);
  assert.match(started.json.run_id, UUID);
  assert.equal(started.json.status, "started");
  const result = await settled(RESULT_001.replace("{run_id}", started.json.run_id));
  assert.equal(result.json.run_id, started.json.run_id);
  assert.deepEqual(
    result.json.results.map((level: Json) => [level.concurrency, level.successful_requests]),
    [
      [1, 10],
      [2, 10],
      [4, 10],
    ],
  );
  assert.equal(target.seen.maxInFlight, 4);
  assert.ok(target.seen.bodies.every(({ max_tokens: most }) => most === 128));
  assert.ok(target.seen.bodies.every(({ model }) => model === "meta-llama/Llama-3.2-3B-Instruct"));
  assert.equal(result.json.config.input_len, 512);
});

test("[A-147] [A-148] [A-149] [A-150] [A-151] seed 002: the run as it is printed, shortened, is its record", async () => {
  // A minute with a hundred users would only take longer.
  const command = RUN_002.replace("user=100", "user=5").replace("duration=60", "duration=2");
  const { status, json, text } = await curl(here(command));
  assert.equal(status, 200, text);
  assert.deepEqual(
    [json.user, json.spawnrate, json.duration, json.url, json.status],
    [5, 10, 2, target.url, "Test completed"],
  );
  const { requests, time_to_first_token_ms, throughput } = json.results.metrics;
  assert.equal(requests.total + requests.incomplete, target.seen.requests, "[A-150] all went to this target");
  assert.equal(requests.failed, 0);
  assert.ok(requests.successful >= 1 && time_to_first_token_ms.average > 0);
  assert.ok(throughput.output_tokens_per_second > 0);
  const list = await curl(here(LIST_002));
  assert.deepEqual(list.json, { results: [json], total: 1, page: 1, limit: 10 });
  const one = await curl(here(`curl http://localhost:8085/api/v1/benchmarks/${json.id}`));
  assert.deepEqual(one.json, json);
});

test("[A-150] [A-163] seed 002: where nobody answers at its url the run as it is printed is refused, and goes nowhere else", async () => {
  const gone = await startScriptedServer();
  await gone.close();
  const { status, json } = await curl(here(RUN_002, gone.url));
  assert.deepEqual([status, json.error.code], [400, "URL_VALIDATION_ERROR"]);
  assert.equal(json.error.details[0].field, "url");
  assert.equal(target.seen.requests, 0);
});

test("[A-20] [A-24] [A-25] [A-38] [A-61] [A-62] [A-63] seed 000: the body of a run as it is printed, and every route for what it gives", async () => {
  const started = await curl(here(RUN_000));
  assert.equal(started.status, 200, started.text);
  const { run_id: id, ...rest } = started.json;
  assert.match(id, UUID);
  assert.deepEqual(rest, { status: "started" });
  const messages = await watch(id);
  const { json: result } = await settled(`curl http://localhost:8085/api/v1/benchmark/result/${id}`);
  assert.deepEqual(
    result.results.map((level: Json) => [level.concurrency, level.total_requests]),
    [
      [1, 100],
      [10, 100],
      [50, 100],
    ],
  );
  assert.ok(target.seen.maxInFlight <= 50);
  assert.equal(target.seen.bodies.length, target.seen.requests);
  assert.ok(target.seen.keys.every((key) => key === "Bearer optional-key"));
  for (const level of result.results) {
    assert.ok(level.ttft.mean > 0 && level.throughput_tokens_per_sec > 0);
    assert.equal(level.goodput.total_requests, 100);
  }
  // No container is named so here, and none of that is passed over in silence.
  assert.equal(result.validation.tolerance, 0.05);
  assert.ok(result.validation.warnings.length > 0);

  const progress = messages.find(({ type }) => type === "progress")!;
  assert.deepEqual([progress.run_id, progress.progress.total, progress.concurrency.total], [id, 100, 3]);
  assert.equal(messages.at(-1)!.type, "completed");
  const rows: readonly (readonly [path: string, method: string, keys: readonly string[]])[] = [
    ["/health", "GET", ["status", "model_ready", "gpu_available", "memory_sufficient", "last_inference"]],
    ["/api/v1/benchmark/health", "GET", ["status", "version", "timestamp"]],
    [
      `/api/v1/benchmark/run/${id}`,
      "GET",
      [
        "run_id",
        "status",
        "server_url",
        "model",
        "adapter",
        "framework",
        "started_at",
        "completed_at",
        "created_at",
      ],
    ],
    [
      `/api/v1/benchmark/result/${id}`,
      "GET",
      ["run_id", "status", "config", "results", "summary", "validation"],
    ],
    ["/api/v1/benchmark/history", "GET", ["runs", "total", "limit", "offset"]],
    ["/api/v1/benchmark/ws/stats", "GET", ["connections", "total"]],
  ];
  for (const [path, method, keys] of rows) {
    const { status, json } = await curl(here(`curl -X ${method} http://localhost:8085${path}`));
    assert.equal(status, 200, path);
    for (const key of keys) assert.ok(key in json, `${path} has no ${key}`);
  }
  const analysis = await curl(here(`curl http://localhost:8085/api/v1/benchmark/result/${id}/analysis`));
  assert.deepEqual([analysis.status, analysis.contentType], [200, "text/event-stream; charset=utf-8"]);
  assert.match(analysis.text, /data: \[DONE\]\s*$/);
  const other = (await curl(here(RUN_001))).json.run_id;
  await settled(RESULT_001.replace("{run_id}", other));
  const compared = await curl(
    here(post("/api/v1/benchmark/compare", JSON.stringify({ run_ids: [id, other] }))),
  );
  assert.equal(compared.status, 200, compared.text);
  assert.deepEqual(Object.keys(compared.json.by_concurrency["1"]).toSorted(), [id, other].toSorted());
  const deleted = await curl(here(`curl -X DELETE http://localhost:8085/api/v1/benchmark/run/${id}`));
  assert.deepEqual([deleted.status, deleted.json], [200, { deleted: id }]);
  const gone = await curl(here(`curl http://localhost:8085/api/v1/benchmark/run/${id}`));
  assert.equal(gone.status, 404);
});

test("[A-40] [A-41] seed 000: both formats of an export come with the types that are printed", async () => {
  const { run_id: id } = (await curl(here(RUN_001))).json;
  await settled(RESULT_001.replace("{run_id}", id));
  const csv = await curl(here(`curl http://localhost:8085/api/v1/benchmark/result/${id}/export`));
  assert.deepEqual([csv.status, csv.contentType], [200, "text/csv; charset=utf-8"]);
  assert.ok(csv.text.includes(id));
  const xlsx = `http://localhost:8085/api/v1/benchmark/result/${id}/export?format=xlsx`;
  // Not by curl, which is read as text here.
  const answer = await fetch(here(xlsx));
  assert.equal(
    answer.headers.get("content-type"),
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
  );
  assert.ok((await readSheet(Buffer.from(await answer.arrayBuffer()))).length > 3);
});

test("[A-43] [A-48] [A-49] [A-50] [A-51] [A-52] [A-59] [A-60] seed 000: the body of a recommendation as it is printed has all that is printed of its result", async () => {
  const started = await curl(here(RECOMMEND_000));
  assert.equal(started.status, 200, started.text);
  const { run_id: id, ...rest } = started.json;
  assert.match(id, UUID);
  assert.equal(rest.status, "started");
  // Beyond what is printed: fifty requests never make two hundred at once.
  assert.match(rest.warnings.join(), /^test_config\.num_requests_per_step is 50/);
  const at = `http://localhost:8085/api/v1/benchmark/recommend/${id}`;
  const { json } = await settled(`curl ${at}/result`);
  for (const key of ["run_id", "recommendation", "current_infra", "test_results"])
    assert.ok(key in json, key);
  for (const key of [
    "model_name",
    "recommended_gpu",
    "recommended_count",
    "tensor_parallelism",
    "estimated_max_concurrency",
    "estimated_goodput",
    "estimated_throughput",
    "headroom_percent",
    "calculation_formula",
    "reasoning",
  ]) {
    assert.ok(key in json.recommendation, key);
  }
  for (const key of ["gpu_model", "gpu_count", "max_concurrency_at_slo", "throughput_tokens_per_sec"]) {
    assert.ok(key in json.current_infra, key);
  }
  assert.deepEqual(
    json.test_results.map((level: Json) => [level.concurrency, level.total_requests]),
    [1, 10, 50, 100, 200].map((concurrency) => [concurrency, 50]),
  );
  assert.ok(target.seen.bodies.every(({ max_tokens: most }) => most === 512));
  const status = await curl(here(`curl ${at}`));
  assert.equal(status.json.status, "completed");
  const deleted = await curl(here(`curl -X DELETE ${at}`));
  assert.deepEqual([deleted.status, deleted.json], [200, { deleted: id }]);
});

test("what curl sends is read from its command, for machines without it", () => {
  const authorization = "Basic YWRtaW46c2VjdXJlX3Bhc3N3b3Jk";
  assert.deepEqual(readCurl(RUN_002), {
    url: "http://localhost:8000/api/v1/benchmarks/run",
    method: "POST",
    headers: { authorization, "content-type": "application/x-www-form-urlencoded" },
    body: "user=100&spawnrate=10&duration=60&url=https://api.example.com",
  });
  assert.deepEqual(readCurl(LIST_002), {
    url: "http://localhost:8000/api/v1/benchmarks/?page=1&limit=10",
    method: "GET",
    headers: { authorization },
  });
  assert.equal(readCurl(RESULT_001).url, "http://localhost:8085/api/v1/benchmark/result/run_id");
  const { body, headers, method } = readCurl(RUN_001);
  assert.equal(JSON.parse(body!).config.num_requests, 10);
  assert.deepEqual(headers, { "content-type": "application/json", "x-api-key": "your-secret-key" });
  assert.equal(method, "POST");
});

// biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever came.
type Json = any;

function post(path: string, body: string): string {
  return `curl -X POST http://localhost:8085${path} -H "Content-Type: application/json" -d '${body}'`;
}

/** The command with the hosts and ports of this test. */
function here(command: string, targetUrl = target.url): string {
  return command
    .replaceAll(/http:\/\/localhost:8085|http:\/\/localhost:8000(?=\/api)/g, server.url)
    .replaceAll(/http:\/\/localhost:8000|https:\/\/api\.example\.com/g, targetUrl);
}

/** The answer once it is no longer 202: still on its way. */
async function settled(command: string): Promise<CurlAnswer> {
  for (;;) {
    const answer = await curl(here(command));
    if (answer.status !== 202) {
      assert.equal(answer.status, 200, answer.text);
      assert.equal(answer.json.status, "completed", answer.text);
      return answer;
    }
  }
}

/** Everything that is told of a run until it has ended. */
async function watch(runId: string): Promise<Json[]> {
  const socket = new WebSocket(`${server.url.replace("http", "ws")}/api/v1/benchmark/ws/run/${runId}`);
  const messages: Json[] = [];
  await new Promise<void>((resolve, reject) => {
    socket.on("error", reject);
    socket.on("message", (data) => {
      messages.push(JSON.parse(String(data)));
      if (!["progress", "validation_log"].includes(messages.at(-1).type)) resolve();
    });
  });
  socket.close();
  return messages;
}
