import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { serve } from "../../../server/main.ts";
import { percentile } from "../../../server/model/benchmark/report.ts";
import { exactPrompt, planScenario } from "../../../server/model/benchmark/scenarios.ts";
import { fakeInference, startApp } from "../../support/fake-inference.ts";
import { openStream, send, startServer, TEST_CONFIG, type TestServer, until } from "../../support/server.ts";

let server: TestServer;
before(async () => {
  server = await startServer({ slots: 2, contextSize: 2048 });
});
after(() => server.close());

const benchmark = (body?: object | string, query = "", headers: Record<string, string> = {}) =>
  send(`${server.url}/benchmark${query}`, {
    method: "POST",
    headers,
    ...(body === undefined ? {} : { body }),
  });
const metrics = async () => (await send(`${server.url}/metrics`)).json;
const promptTokens = async () => {
  const { text } = await send(`${server.url}/metrics?format=prometheus`);
  return Number(text.match(/^goodput:prompt_tokens_total\S* (\d+)$/m)?.[1] ?? 0);
};
type Entry = { prompt_length: number; output_length: number; tokens_per_second: number };
const lengths = (prompts: readonly Entry[]) => prompts.map((prompt) => prompt.prompt_length);
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

test("[A-262] [A-264] [A-265] [A-267] [A-276] without a body a benchmark is standard with 10 measured iterations over four prompt lengths", async () => {
  const [inferencesBefore, tokensBefore] = [(await metrics()).total_inferences, await promptTokens()];
  const { status, json, text } = await benchmark();
  assert.equal(status, 200, text);
  assert.deepEqual([json.benchmark_type, json.iterations, json.warmup_iterations], ["standard", 10, 1]);
  assert.equal((await metrics()).total_inferences - inferencesBefore, 10);
  assert.deepEqual(lengths(json.test_prompts), [50, 200, 500, 1000, 50, 200, 500, 1000, 50, 200]);
  // The model's own count of what it read says the same.
  assert.equal((await promptTokens()) - tokensBefore, sum(lengths(json.test_prompts)));
  assert.ok(json.test_prompts.every((prompt: Entry) => prompt.output_length === 100));
  assert.ok(json.test_prompts.every((prompt: Entry) => prompt.tokens_per_second > 0));
  assert.deepEqual(json.skipped_prompts, []);
  assert.ok(json.avg_memory_usage_gb > 0.01);
});

test("[A-266] the least, mean, 95th percentile and most are those of the iterations listed", async () => {
  const { json } = await benchmark({ iterations: 5 });
  const speeds: number[] = json.test_prompts.map((prompt: Entry) => prompt.tokens_per_second);
  assert.equal(json.min_tokens_per_second, Math.min(...speeds));
  assert.equal(json.max_tokens_per_second, Math.max(...speeds));
  assert.ok(Math.abs(json.avg_tokens_per_second - sum(speeds) / 5) < 0.01);
  assert.ok(Math.abs(json.p95_tokens_per_second - percentile(speeds, 0.95)) < 0.01);
  assert.ok(json.min_tokens_per_second <= json.avg_tokens_per_second);
  assert.ok(json.avg_tokens_per_second <= json.max_tokens_per_second);
  assert.ok(json.min_tokens_per_second <= json.p95_tokens_per_second);
  assert.ok(json.p95_tokens_per_second <= json.max_tokens_per_second);
});

test("[A-266] a percentile lies between the two values nearest in rank", () => {
  assert.equal(percentile([7], 0.95), 7);
  assert.equal(percentile([30, 10, 20], 0.5), 20);
  const hundred = Array.from({ length: 101 }, (_, index) => index);
  assert.equal(percentile(hundred, 0.95), 95);
  assert.ok(Math.abs(percentile([1, 2], 0.95) - 1.95) < 1e-9);
});

test("[A-263] [A-264] [A-277] a stress test keeps all slots busy for its rounds", async () => {
  const before = (await metrics()).total_inferences;
  const { status, json, text } = await benchmark({ test_type: "stress", iterations: 3 });
  assert.equal(status, 200, text);
  assert.deepEqual([json.benchmark_type, json.iterations], ["stress", 3]);
  assert.deepEqual([json.concurrency, json.requests, json.test_prompts.length], [2, 6, 3]);
  const { total_inferences, largest_step_requests } = await metrics();
  assert.equal(total_inferences - before, 6);
  assert.equal(largest_step_requests, 2);
});

test("[A-263] a memory test grows its contexts to the model's whole one, and says what each takes", async () => {
  const { status, json, text } = await benchmark({ test_type: "memory", iterations: 3 });
  assert.equal(status, 200, text);
  assert.deepEqual([json.benchmark_type, json.iterations], ["memory", 3]);
  assert.deepEqual(lengths(json.test_prompts), [649, 1299, 1948]);
  const { model_memory } = await metrics();
  // Two layers, two heads, keys and values of 32 numbers in two bytes each.
  assert.equal(model_memory.kv_cache_bytes_per_token, 512);
  assert.deepEqual(
    json.test_prompts.map((prompt: { kv_cache_bytes: number }) => prompt.kv_cache_bytes),
    [749 * 512, 1399 * 512, 2048 * 512],
  );
  assert.equal(model_memory.kv_cache_bytes_peak_request, 2048 * 512);
  assert.ok(json.test_prompts.every((prompt: { memory_usage_gb: number }) => prompt.memory_usage_gb > 0.01));
});

test("parameters of a benchmark come as JSON, as a form and as a query, or not at all", async () => {
  const form = { "content-type": "application/x-www-form-urlencoded" };
  const ways = [
    () => benchmark({ test_type: "stress", iterations: 1 }),
    () => benchmark("test_type=stress&iterations=1", "", form),
    () => benchmark('{"test_type":"stress","iterations":1}', "", form),
    () => benchmark(undefined, "?test_type=stress&iterations=1"),
    () => benchmark({ iterations: 1 }, "?test_type=stress&iterations=9"),
    () => benchmark("", "?test_type=stress&iterations=1", { "content-type": "application/json" }),
  ];
  for (const way of ways) {
    const { status, text, json } = await way();
    assert.equal(status, 200, text);
    assert.deepEqual([json.benchmark_type, json.iterations], ["stress", 1]);
  }
});

test("[A-268] an invalid test type is 400 and names the types there are, with every other mistake", async () => {
  const { status, json } = await benchmark({ test_type: "quick", iterations: 0 });
  assert.equal(status, 400);
  assert.equal(json.error.code, "VALIDATION_ERROR");
  assert.deepEqual(json.error.details, [
    { field: "test_type", message: "must be one of standard, stress, memory" },
    { field: "iterations", message: "must be a whole number from 1 to 1000" },
  ]);
  for (const iterations of ["10x", 1.5, 1001, -1, null]) {
    assert.equal((await benchmark({ iterations })).status, 400, String(iterations));
  }
  assert.equal((await benchmark("[1]", "", { "content-type": "application/json" })).status, 400);
  assert.equal((await benchmark("{bad", "", { "content-type": "application/json" })).status, 400);
});

test("only one benchmark runs at a time, and it ends when its client goes away", async () => {
  const long = openStream(`${server.url}/benchmark`, { test_type: "stress", iterations: 1000 });
  long.begun.catch(() => {});
  const status = () => send(`${server.url}/metrics`);
  await until(status, ({ json }) => json.requests_running > 0);
  const second = await benchmark({ iterations: 1 });
  assert.deepEqual([second.status, second.json.error.code], [409, "INVALID_STATE"]);
  long.drop();
  await until(status, ({ json }) => json.requests_running === 0 && json.requests_waiting === 0);
  await until(
    () => benchmark({ iterations: 1 }),
    (answer) => answer.status === 200,
  );
});

test("[A-257] while the model loads a benchmark is 503", async () => {
  const loading = await serve({ ...TEST_CONFIG });
  const { status, json } = await send(`${loading.url}/benchmark`, { method: "POST" });
  assert.deepEqual([status, json.error.code], [503, "MODEL_NOT_READY"]);
  await loading.close();
});

test("a server that shuts down ends its benchmark with 503", async () => {
  const leaving = await startServer({ slots: 2, contextSize: 512 });
  const answer = send(`${leaving.url}/benchmark`, { body: { test_type: "stress", iterations: 1000 } });
  await until(
    () => send(`${leaving.url}/metrics`),
    ({ json }) => json.requests_running > 0,
  );
  await leaving.close();
  const { status, json } = await answer;
  assert.deepEqual([status, json.error.code], [503, "SERVICE_UNAVAILABLE"]);
});

test("[A-269] a model that fails in the middle is 500 BENCHMARK_ERROR, and the next benchmark may run", async () => {
  for (const test_type of ["standard", "stress"]) {
    const app = await startApp(Promise.resolve(fakeInference({ failsAt: 3 })));
    const failed = await send(`${app.url}/benchmark`, { body: { test_type } });
    assert.deepEqual([failed.status, failed.json.error.code], [500, "BENCHMARK_ERROR"]);
    assert.match(failed.json.error.message, /the tensors are tired/);
    assert.equal((await send(`${app.url}/benchmark`, { body: { test_type: "memory" } })).status, 200);
    await app.close();
  }
});

test("[A-264] [A-266] the warm-up is in no figure, and the target must be exceeded", async () => {
  for (const [target, met] of [
    [74.9, true],
    [75, false],
  ] as const) {
    const inference = fakeInference({ seconds: [0.001, 1, 2] });
    const app = await startApp(Promise.resolve(inference), { targetTokensPerSecond: target });
    const { json } = await send(`${app.url}/benchmark`, { body: { iterations: 2 } });
    assert.deepEqual([json.min_tokens_per_second, json.max_tokens_per_second], [50, 100]);
    assert.deepEqual([json.avg_tokens_per_second, json.p95_tokens_per_second], [75, 97.5]);
    assert.deepEqual([json.target_tokens_per_second, json.meets_target], [target, met]);
    assert.equal((await send(`${app.url}/metrics`)).json.total_inferences, 2);
    await app.close();
  }
});

test("memory is the graphics processors' where there are any", async () => {
  const gpu = { devices: ["card"], usedBytes: 3 * 1024 ** 3, totalBytes: 4 * 1024 ** 3 };
  const app = await startApp(Promise.resolve(fakeInference({ gpu })), { controllers: async () => [] });
  const { json } = await send(`${app.url}/benchmark`, { body: { iterations: 1 } });
  assert.equal(json.avg_memory_usage_gb, 3);
  await app.close();
});

test("prompts that do not fit into the context are left out and named", async () => {
  const app = await startApp(Promise.resolve(fakeInference({ contextSize: 512 })));
  const { json } = await send(`${app.url}/benchmark`, { body: { iterations: 4 } });
  assert.deepEqual(lengths(json.test_prompts), [50, 200, 50, 200]);
  assert.deepEqual(lengths(json.skipped_prompts), [500, 1000]);
  assert.match(json.skipped_prompts[0].reason, /does not fit/);
  await app.close();
  const tiny = planScenario("standard", 1, fakeInference({ contextSize: 64 }));
  assert.deepEqual([tiny.promptLengths, tiny.outputLength, tiny.skippedLengths.length], [[32], 32, 4]);
  assert.deepEqual(planScenario("memory", 2, fakeInference({ contextSize: 64 })).promptLengths, [16, 32]);
});

test("a prompt has the length asked for, begins once, and is never the same twice", () => {
  const inference = fakeInference();
  for (const length of [1, 50, 1000]) {
    const { tokens } = exactPrompt(inference, length);
    assert.equal(tokens.length, length);
    assert.equal(tokens.lastIndexOf(0), 0);
  }
  assert.notDeepEqual(exactPrompt(inference, 50).tokens, exactPrompt(inference, 50).tokens);
});
