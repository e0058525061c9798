import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { GenerationRequest, Inference } from "../../../server/inference/inference.ts";
import { fakeInference, startApp } from "../../support/fake-inference.ts";
import { events, send, startServer, type TestServer } from "../../support/server.ts";

let server: TestServer;
before(async () => {
  server = await startServer({ slots: 2, contextSize: 1024 });
});
after(() => server.close());

const infer = (body: object) => send(`${server.url}/inference`, { body });
const get = (path: string) => send(`${server.url}${path}`);

test("[A-248] [A-253] [A-254] [A-274] an inference is its text and what it took, and is in the averages", async () => {
  const before = (await get("/metrics")).json;
  const { status, json } = await infer({ prompt: "Hello", max_tokens: 20 });
  assert.equal(status, 200);
  const kinds = Object.fromEntries(Object.entries(json).map(([name, value]) => [name, typeof value]));
  assert.deepEqual(kinds, {
    text: "string",
    tokens_generated: "number",
    generation_time: "number",
    tokens_per_second: "number",
    memory_used_gb: "number",
  });
  assert.equal(json.tokens_generated, 20);
  assert.ok(Math.abs(json.tokens_per_second * json.generation_time - 20) < 0.1);
  assert.ok(json.memory_used_gb > 0);
  const { json: later } = await get("/metrics");
  assert.equal(later.total_inferences, before.total_inferences + 1);
  assert.ok(later.avg_tokens_per_second > 0);
});

test("[A-249] [A-255] [A-273] what cannot be asked for is 400, with every mistake", async () => {
  const rows: readonly (readonly [body: object, fields: readonly string[], reason: string])[] = [
    [{}, ["prompt"], "a prompt is needed"],
    [{ prompt: "" }, ["prompt"], "and has something in it"],
    [{ prompt: 5 }, ["prompt"], "and is a text"],
    [{ prompt: "x", max_tokens: 0 }, ["max_tokens"], "none is nothing to ask for"],
    [{ prompt: "x", temperature: -1 }, ["temperature"], "below what there is"],
    [{ max_tokens: "10x", temperature: true, stream: 7 }, WRONG, "all of them at once"],
  ];
  for (const [body, fields, reason] of rows) {
    const { status, json } = await infer(body);
    assert.deepEqual([status, json.error.code], [400, "VALIDATION_ERROR"], reason);
    const named = json.error.details.map(({ field }: { field: string }) => field);
    assert.deepEqual(named.toSorted(), fields, reason);
  }
});
const WRONG = ["max_tokens", "prompt", "stream", "temperature"];

test("[A-250] [A-251] length and temperature reach the model, and are 100 and 0.7 when not given", async () => {
  const asked: GenerationRequest[] = [];
  const fake = fakeInference();
  const listening: Inference = Object.assign(Object.create(fake), {
    generate(...given: Parameters<Inference["generate"]>) {
      asked.push(given[0]);
      return fake.generate(...given);
    },
  });
  const app = await startApp(Promise.resolve(listening));
  await send(`${app.url}/inference`, { body: { prompt: "x" } });
  await send(`${app.url}/inference`, { body: { prompt: "x", max_tokens: 7, temperature: 1.5 } });
  await app.close();
  assert.deepEqual(
    asked.map(({ maxTokens, temperature }) => [maxTokens, temperature]),
    [
      [100, 0.7],
      [7, 1.5],
    ],
  );
  assert.equal((await infer({ prompt: "Hello", max_tokens: 7 })).json.tokens_generated, 7);
});

test("[A-252] stream gives tokens as they come, and without it the answer is whole", async () => {
  const whole = await infer({ prompt: "Hello", max_tokens: 5 });
  assert.match(String(whole.headers["content-type"]), /^application\/json/);
  const { headers, text } = await infer({ prompt: "Hello", max_tokens: 5, stream: true });
  assert.match(String(headers["content-type"]), /^text\/event-stream/);
  assert.equal(events(text).filter(({ token }) => token !== undefined).length, 5);
  assert.equal(events(text).at(-1).tokens_generated, 5);
});

test("[A-102] [A-256] a model that fails is 500 under its request's id, and the next request is answered", async () => {
  const app = await startApp(Promise.resolve(fakeInference({ failsAt: 1 })));
  const ask = () => send(`${app.url}/inference`, { body: { prompt: "x" } });
  const failed = await ask();
  const next = await ask();
  await app.close();
  assert.deepEqual([failed.status, failed.json.error.code], [500, "INFERENCE_ERROR"]);
  assert.equal(failed.headers["x-request-id"], failed.json.request_id);
  assert.equal(next.status, 200);
});

test("[A-257] [A-280] while the model is not ready inference is 503, however often it is asked, and health says so", async () => {
  const app = await startApp(new Promise(() => {}), { wait: false });
  const statuses: number[] = [];
  for (let time = 0; time < 3; time++) {
    const { status, json } = await send(`${app.url}/inference`, { body: { prompt: "x" } });
    statuses.push(status);
    assert.equal(json.error.code, "MODEL_NOT_READY");
  }
  const health = await send(`${app.url}/health`);
  await app.close();
  assert.deepEqual(statuses, [503, 503, 503]);
  assert.deepEqual([health.status, health.json.status, health.json.model_ready], [503, "unhealthy", false]);
});

test("[A-281] [A-282] health looks at the graphics card, the memory and the speed that is to be exceeded", async () => {
  const { json } = await get("/health");
  assert.equal(json.gpu_available, false);
  assert.ok(json.memory_sufficient && json.memory_available_gb >= json.memory_required_gb);
  for (const [seconds, ok] of [
    [100 / 5.1, true],
    [100 / 4.9, false],
  ] as const) {
    const app = await startApp(Promise.resolve(fakeInference({ seconds: [seconds] })));
    await send(`${app.url}/inference`, { body: { prompt: "x" } });
    const health = await send(`${app.url}/health`);
    await app.close();
    assert.deepEqual([health.json.target_tokens_per_second, health.json.performance_ok], [5, ok]);
  }
});

test("[A-278] a memory benchmark has longer prompts from one to the next", async () => {
  const { status, json, text } = await send(`${server.url}/benchmark`, {
    body: { test_type: "memory", iterations: 3 },
  });
  assert.equal(status, 200, text);
  const lengths: number[] = json.test_prompts.map(
    (prompt: { prompt_length: number }) => prompt.prompt_length,
  );
  assert.equal(lengths.length, 3);
  assert.ok(lengths[0]! < lengths[1]! && lengths[1]! < lengths[2]!, lengths.join());
});

test("[A-279] a benchmark's report has its figures, its prompts and whether the target is met", async () => {
  const { json } = await send(`${server.url}/benchmark`, { body: { test_type: "standard", iterations: 2 } });
  for (const key of [
    "benchmark_type",
    "iterations",
    "avg_tokens_per_second",
    "min_tokens_per_second",
    "max_tokens_per_second",
    "p95_tokens_per_second",
    "avg_memory_usage_gb",
    "test_prompts",
    "meets_target",
  ]) {
    assert.ok(json[key] !== undefined && json[key] !== null, key);
  }
});
