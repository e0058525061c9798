import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ConfigError, readConfig } from "../../../server/config.ts";
import { cacheBytesPerToken } from "../../../server/inference/model-memory.ts";
import { fakeInference, startApp } from "../../support/fake-inference.ts";
import { send, startServer, type TestServer } from "../../support/server.ts";

let server: TestServer;
before(async () => {
  server = await startServer({ slots: 2, contextSize: 512 });
});
after(() => server.close());

const get = (path: string) => send(`${server.url}${path}`);
const infer = () => send(`${server.url}/inference`, { body: { prompt: "Hello", max_tokens: 10 } });

test("[A-270] health needs no parameters and knows of no inference before the first", async () => {
  const { status, json } = await get("/health");
  assert.equal(status, 200);
  assert.deepEqual(
    [json.status, json.model_ready, json.gpu_available, json.memory_sufficient],
    ["healthy", true, false, true],
  );
  assert.deepEqual([json.last_inference, json.performance_ok], [null, null]);
  assert.equal(json.target_tokens_per_second, 5);
  assert.ok(json.memory_available_gb >= json.memory_required_gb);
});

test("[A-271] the last inference is an ISO time in UTC that moves with each", async () => {
  await infer();
  const first = (await get("/health")).json;
  assert.match(first.last_inference, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assert.equal(first.performance_ok, true);
  await infer();
  assert.ok((await get("/health")).json.last_inference > first.last_inference);
});

test("[A-258] [A-259] [A-260] metrics give every figure of the contract, and count each inference", async () => {
  const before = (await get("/metrics")).json;
  await infer();
  const { json } = await get("/metrics");
  assert.equal(json.model_loaded, true);
  assert.deepEqual([json.gpu_memory_used_gb, json.gpu_memory_total_gb], [null, null]);
  assert.ok(json.system_memory_used_gb > 0 && json.avg_tokens_per_second > 0 && json.uptime_seconds > 0);
  assert.equal(json.total_inferences, before.total_inferences + 1);
  assert.equal(json.averaged_inferences, json.total_inferences);
  assert.ok(json.memory_samples.count > 0 && json.system_memory_peak_gb >= json.system_memory_used_gb);
  assert.ok(json.model_memory.model_ram_bytes > 0 && json.model_memory.context_ram_bytes > 0);
  assert.deepEqual([json.model_memory.model_gpu_bytes, json.model_memory.context_gpu_bytes], [null, null]);
});

test("[A-275] averages roll over the last hundred inferences", async () => {
  const seconds = Array.from({ length: 150 }, (_, index) => (index <= 50 ? 10 : 1));
  const app = await startApp(Promise.resolve(fakeInference({ seconds })));
  const average = async () => (await send(`${app.url}/metrics`)).json;
  assert.equal((await average()).avg_generation_seconds, null);
  // The first request is the benchmark's warm-up, which counts nowhere.
  await send(`${app.url}/benchmark`, { body: { iterations: 50 } });
  const slow = await average();
  assert.deepEqual([slow.avg_tokens_per_second, slow.averaged_inferences], [10, 50]);
  assert.equal(slow.avg_time_to_first_token_seconds, 2.5);
  for (let left = 100; left > 0; left--) await send(`${app.url}/inference`, { body: { prompt: "Hello" } });
  const fast = await average();
  assert.deepEqual([fast.avg_tokens_per_second, fast.averaged_inferences], [100, 100]);
  assert.deepEqual([fast.avg_generation_seconds, fast.avg_tokens_generated], [1, 100]);
  assert.equal(fast.total_inferences, 150);
  await app.close();
});

test("[A-272] too little memory is 503 with the same fields, and not ready", async () => {
  let availableBytes = 64 * 1024 ** 2;
  const app = await startApp(Promise.resolve(fakeInference()), { availableBytes: () => availableBytes });
  const sick = await send(`${app.url}/health`);
  assert.equal(sick.status, 503);
  assert.deepEqual([sick.json.status, sick.json.memory_sufficient], ["unhealthy", false]);
  const ready = await send(`${app.url}/health/ready`);
  assert.deepEqual([ready.status, ready.json.status], [503, "memory_insufficient"]);
  assert.equal((await send(`${app.url}/health/live`)).status, 200);
  availableBytes = 256 * 1024 ** 2;
  const well = await send(`${app.url}/health`);
  assert.equal(well.status, 200);
  assert.deepEqual(Object.keys(well.json), Object.keys(sick.json));
  assert.equal((await send(`${app.url}/health/ready`)).status, 200);
  await app.close();
});

test("[A-272] a model that could not be loaded is 503 with the same fields", async () => {
  const app = await startApp(Promise.reject(new Error("no such tensor")));
  const { status, json } = await send(`${app.url}/health`);
  assert.equal(status, 503);
  assert.deepEqual([json.status, json.model_ready, json.model_state], ["unhealthy", false, "failed"]);
  assert.deepEqual(Object.keys(json), Object.keys((await get("/health")).json));
  assert.equal((await send(`${app.url}/metrics`)).json.model_memory, null);
  await app.close();
});

test("a server below its target is healthy and says that it is slow", async () => {
  const app = await startApp(Promise.resolve(fakeInference({ seconds: [20] })));
  await send(`${app.url}/inference`, { body: { prompt: "Hello" } });
  const { status, json } = await send(`${app.url}/health`);
  assert.equal(status, 200);
  assert.deepEqual([json.performance_ok, json.avg_tokens_per_second], [false, 5]);
  await app.close();
});

test("[A-261] metrics that cannot be collected are 500 in both forms", async () => {
  const broken = fakeInference();
  broken.load = () => {
    throw new Error("gone");
  };
  const app = await startApp(Promise.resolve(broken));
  for (const format of ["json", "prometheus"]) {
    const { status, json } = await send(`${app.url}/metrics?format=${format}`);
    assert.deepEqual([status, json.error.code], [500, "METRICS_ERROR"], format);
  }
  await app.close();
});

test("each graphics processor has its own figures, as its driver gives them, and peaks stay", async () => {
  const gigabyte = 1024 ** 3;
  const gpu = { devices: ["card A", "card A"], usedBytes: 9 * gigabyte, totalBytes: 16 * gigabyte };
  const card = { vendor: "", model: "GA", bus: "", vram: null, vramDynamic: false, name: "card A" };
  const inference = fakeInference({ gpu });
  const app = await startApp(Promise.resolve(inference), {
    controllers: async () => [
      { ...card, name: "another" },
      { ...card, memoryUsed: 5120, memoryTotal: 8192, utilizationGpu: 37 },
    ],
  });
  inference.gpuMemory = async () => ({ ...gpu, usedBytes: 2 * gigabyte });
  await app.system.sample();
  const { json } = await send(`${app.url}/metrics`);
  assert.deepEqual([json.gpu_memory_used_gb, json.gpu_memory_peak_gb, json.gpu_memory_total_gb], [2, 9, 16]);
  assert.deepEqual(json.gpu.devices, [
    { name: "card A", memory_used_gb: 5, memory_total_gb: 8, utilization_percent: 37 },
    { name: "card A", memory_used_gb: null, memory_total_gb: null, utilization_percent: null },
  ]);
  assert.deepEqual([json.model_memory.model_gpu_bytes, json.model_memory.context_gpu_bytes], [2_000, 4_000]);
  assert.equal((await send(`${app.url}/health`)).json.gpu_available, true);
  inference.gpuMemory = () => Promise.reject(new Error("fell off the bus"));
  await app.system.sample();
  assert.equal((await send(`${app.url}/health`)).json.gpu_available, false);
  const lost = (await send(`${app.url}/metrics`)).json;
  assert.deepEqual([lost.gpu_memory_used_gb, lost.gpu_memory_peak_gb, lost.gpu.devices], [null, 9, []]);
  await app.close();
});

test("a single graphics processor without a talkative driver has the figures of the whole", async () => {
  const gpu = { devices: ["card"], usedBytes: 1024 ** 3, totalBytes: 2 * 1024 ** 3 };
  const app = await startApp(Promise.resolve(fakeInference({ gpu })), {
    controllers: () => Promise.reject(new Error("no driver")),
  });
  assert.deepEqual((await send(`${app.url}/metrics`)).json.gpu.devices, [
    { name: "card", memory_used_gb: 1, memory_total_gb: 2, utilization_percent: null },
  ]);
  await app.close();
});

test("what a token takes in the cache follows from the layers that keep it", () => {
  const attention = { head_count: 8, head_count_kv: 2, key_length: 64, value_length: 32 };
  assert.equal(cacheBytesPerToken({ block_count: 4, attention }, 2, 2), 4 * 2 * 96 * 2);
  assert.equal(cacheBytesPerToken({ block_count: 8, full_attention_interval: 4, attention }, 2, 2), 768);
  const perLayer = { ...attention, head_count_kv: [0, 0, 0, 2] };
  assert.equal(cacheBytesPerToken({ block_count: 4, attention: perLayer }, 2, 2), 384);
  const plain = { head_count: 8 };
  assert.equal(
    cacheBytesPerToken({ block_count: 1, embedding_length: 512, attention: plain }, 2, 2),
    8 * 128 * 2,
  );
  assert.equal(
    cacheBytesPerToken({ block_count: 4, attention: { ...attention, kv_lora_rank: 8 } }, 2, 2),
    undefined,
  );
  assert.equal(cacheBytesPerToken({ block_count: 4, attention }, undefined, 2), undefined);
  assert.equal(cacheBytesPerToken(undefined, 2, 2), undefined);
});

test("the target comes from the environment", () => {
  assert.equal(readConfig({}).targetTokensPerSecond, 5);
  assert.equal(readConfig({ TARGET_TOKENS_PER_SECOND: "7.5" }).targetTokensPerSecond, 7.5);
  assert.throws(() => readConfig({ TARGET_TOKENS_PER_SECOND: "-1" }), ConfigError);
});
