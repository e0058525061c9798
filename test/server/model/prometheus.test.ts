import assert from "node:assert/strict";
import { test } from "node:test";
import { readMetricsPage, type Sample } from "../../../src/observe/metrics-page.ts";
import { fakeInference, startApp } from "../../support/fake-inference.ts";
import { send, startServer } from "../../support/server.ts";

/** The page as this project's own reader of such pages takes it in. */
async function page(url: string): Promise<readonly Sample[]> {
  const { status, text } = await send(`${url}/metrics?format=prometheus`);
  assert.equal(status, 200, text);
  return readMetricsPage(text);
}

/** Labels and values of a name, without the model's name. */
function read(samples: readonly Sample[], name: string): [Record<string, string>, number][] {
  return samples
    .filter((sample) => sample.name === `goodput:${name}`)
    .map(({ labels, value }) => {
      const { model_name: _, ...rest } = Object.fromEntries(labels);
      return [rest, value];
    });
}

/** vLLM's, under this project's prefix: what reads the one reads the other. */
const SHARED_WITH_VLLM = [
  "num_requests_running",
  "num_requests_waiting",
  "kv_cache_usage_perc",
  "prompt_tokens_total",
  "generation_tokens_total",
  "request_success_total",
  "prefix_cache_queries_total",
  "prefix_cache_hits_total",
  ...["time_to_first_token", "inter_token_latency", "e2e_request_latency", "request_queue_time"].map(
    (name) => `${name}_seconds_count`,
  ),
];

const GIGABYTE = 1024 ** 3;
const card = { vendor: "", model: "GA", bus: "", vram: null, vramDynamic: false, name: "card A" };

test("every name that vLLM has for the same thing is on the page, with the model's name", async () => {
  const server = await startServer({ slots: 2, contextSize: 512 });
  await send(`${server.url}/inference`, { body: { prompt: "Hello", max_tokens: 4 } });
  const samples = await page(server.url);
  for (const name of SHARED_WITH_VLLM) {
    const found = samples.filter((sample) => sample.name === `goodput:${name}`);
    assert.ok(found.length > 0, name);
    for (const { labels } of found) assert.equal(labels.get("model_name"), "goodput-tiny-random-qwen3", name);
  }
  await server.close();
});

test("a real model's memory, its requests' caches and its embeddings are on the page", async () => {
  const server = await startServer({ slots: 1, contextSize: 512 });
  const prompt = "One two three four five six seven eight nine ten.";
  const complete = () => send(`${server.url}/v1/completions`, { body: { prompt, max_tokens: 4 } });
  const { usage } = (await complete()).json;
  const cached = (await complete()).json.usage.prompt_tokens_details.cached_tokens;
  assert.ok(cached > 0);
  const embedded = (await send(`${server.url}/v1/embeddings`, { body: { input: ["Hello", "you"] } })).json;
  const samples = await page(server.url);
  const { model_memory: memory } = (await send(`${server.url}/metrics`)).json;
  assert.deepEqual(read(samples, "model_memory_bytes"), [[{ memory: "ram" }, memory.model_ram_bytes]]);
  assert.deepEqual(read(samples, "context_memory_bytes"), [[{ memory: "ram" }, memory.context_ram_bytes]]);
  assert.deepEqual(read(samples, "prefix_cache_queries_total"), [[{}, 2 * usage.prompt_tokens]]);
  assert.deepEqual(read(samples, "prefix_cache_hits_total"), [[{}, cached]]);
  assert.deepEqual(read(samples, "request_kv_cache_peak_bytes_count"), [[{}, 2]]);
  assert.deepEqual(read(samples, "request_kv_cache_peak_bytes_sum"), [
    [{}, 2 * usage.total_tokens * memory.kv_cache_bytes_per_token],
  ]);
  assert.deepEqual(read(samples, "embedding_requests_total"), [[{}, 1]]);
  assert.deepEqual(read(samples, "embedding_tokens_total"), [[{}, embedded.usage.prompt_tokens]]);
  assert.deepEqual(read(samples, "gpu_devices"), [[{}, 0]]);
  assert.deepEqual(
    samples.filter(({ name }) => name.startsWith("goodput:gpu_memory")),
    [],
    "a missing card must have no figure",
  );
  await server.close();
});

test("each graphics processor is a series of its own, and together they are the whole", async () => {
  const gpu = { devices: ["card A", "card A"], usedBytes: 9 * GIGABYTE, totalBytes: 16 * GIGABYTE };
  const app = await startApp(Promise.resolve(fakeInference({ gpu })), {
    controllers: async () => [
      { ...card, memoryUsed: 5120, memoryTotal: 8192 },
      { ...card, memoryUsed: 4096, memoryTotal: 8192 },
    ],
  });
  const samples = await page(app.url);
  assert.deepEqual(read(samples, "gpu_devices"), [[{}, 2]]);
  assert.deepEqual(read(samples, "gpu_memory_used_bytes"), [
    [{ gpu: "0", device: "card A" }, 5 * GIGABYTE],
    [{ gpu: "1", device: "card A" }, 4 * GIGABYTE],
  ]);
  assert.deepEqual(read(samples, "gpu_memory_total_bytes"), [
    [{ gpu: "0", device: "card A" }, 8 * GIGABYTE],
    [{ gpu: "1", device: "card A" }, 8 * GIGABYTE],
  ]);
  assert.deepEqual(read(samples, "model_memory_bytes"), [
    [{ memory: "ram" }, 1_000],
    [{ memory: "gpu" }, 2_000],
  ]);
  assert.deepEqual(read(samples, "context_memory_bytes"), [
    [{ memory: "ram" }, 3_000],
    [{ memory: "gpu" }, 4_000],
  ]);
  await app.close();
});

test("where a driver is silent on one card the whole is told, so that a sum is never of a part", async () => {
  const gpu = { devices: ["card A", "card B"], usedBytes: 9 * GIGABYTE, totalBytes: 16 * GIGABYTE };
  const app = await startApp(Promise.resolve(fakeInference({ gpu })), {
    controllers: async () => [{ ...card, memoryUsed: 5120, memoryTotal: 8192 }],
  });
  const samples = await page(app.url);
  assert.deepEqual(read(samples, "gpu_memory_used_bytes"), [[{ gpu: "all", device: "" }, 9 * GIGABYTE]]);
  assert.deepEqual(read(samples, "gpu_memory_total_bytes"), [[{ gpu: "all", device: "" }, 16 * GIGABYTE]]);
  await app.close();
});

test("while no model is there nothing is said of one", async () => {
  const app = await startApp(Promise.reject(new Error("no such tensor")));
  const samples = await page(app.url);
  for (const name of ["model_memory_bytes", "context_memory_bytes", "num_requests_running"]) {
    assert.deepEqual(read(samples, name), [], name);
  }
  await app.close();
});
