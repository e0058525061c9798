import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { events, send, startServer, type TestServer } from "../../support/server.ts";

let server: TestServer;
before(async () => {
  server = await startServer({ slots: 2, contextSize: 512 });
});
after(() => server.close());

const infer = (options: Parameters<typeof send>[1]) =>
  send(`${server.url}/inference`, { method: "POST", ...options });

test("before the first inference there is no average and no last one", async () => {
  assert.equal((await send(`${server.url}/metrics`)).json.avg_tokens_per_second, null);
  assert.equal((await send(`${server.url}/health`)).json.last_inference, null);
});

test("an inference gives its text and what it cost", async () => {
  const { status, json } = await infer({ body: { prompt: "Hello", max_tokens: 20 } });
  assert.equal(status, 200);
  assert.equal(json.tokens_generated, 20);
  assert.ok(json.text.length > 20);
  assert.ok(Math.abs(json.tokens_per_second * json.generation_time - 20) < 0.1);
  assert.ok(json.memory_used_gb > 0.01);
});

test("an inference takes at most 100 tokens unless told otherwise", async () => {
  assert.equal((await infer({ body: { prompt: "Hello" } })).json.tokens_generated, 100);
});

test("parameters come as a form, as a query, and as JSON that calls itself a form", async () => {
  const form = { "content-type": "application/x-www-form-urlencoded" };
  const ways = [
    infer({ body: "prompt=Hello+there&max_tokens=5&temperature=0.5&stream=false", headers: form }),
    infer({ body: '{"prompt":"Hello there","max_tokens":5}', headers: form }),
    infer({ body: '{"prompt":"Hello there","max_tokens":5}', headers: { "content-type": "text/plain" } }),
    send(`${server.url}/inference?prompt=Hello&max_tokens=5`, { method: "POST" }),
    send(`${server.url}/inference?prompt=Hello&max_tokens=9`, { body: { max_tokens: 5 } }),
  ];
  for (const { status, text, json } of await Promise.all(ways)) {
    assert.equal(status, 200, text);
    assert.equal(json.tokens_generated, 5);
  }
});

test("a streamed inference is its tokens and then its statistics", async () => {
  const { text } = await infer({ body: { prompt: "Hello", max_tokens: 8, stream: true } });
  const all = events(text);
  assert.equal(all.length, 9);
  assert.ok(all.slice(0, 8).every((event) => typeof event.token === "string"));
  assert.match(text, /\nevent: stats\ndata: [^\n]+\n\n$/);
  assert.equal(all.at(-1).tokens_generated, 8);
  assert.ok(all.at(-1).tokens_per_second > 0);
});

test("a bad inference request names each mistake in the common error body", async () => {
  const form = { "content-type": "application/x-www-form-urlencoded" };
  const { status, headers, json } = await infer({
    body: "max_tokens=10x&temperature=9&stream=maybe",
    headers: form,
  });
  assert.equal(status, 400);
  assert.equal(json.error.code, "VALIDATION_ERROR");
  const fields = json.error.details.map((detail: { field: string }) => detail.field);
  assert.deepEqual(fields.sort(), ["max_tokens", "prompt", "stream", "temperature"]);
  assert.equal(json.request_id, headers["x-request-id"]);
  assert.match(json.timestamp, /Z$/);
  assert.equal((await infer({ body: "{bad", headers: { "content-type": "application/json" } })).status, 400);
  assert.equal((await infer({ body: "[1]", headers: { "content-type": "application/json" } })).status, 400);
  assert.equal((await infer({ body: { prompt: "" } })).status, 400);
  assert.equal((await infer({ body: { prompt: "Hello", max_tokens: 600 } })).status, 400);
});

test("metrics are JSON with nulls where there is nothing to measure", async () => {
  const { json, headers } = await send(`${server.url}/metrics`, { headers: { accept: "*/*" } });
  assert.equal(json.model_loaded, true);
  assert.equal(json.gpu_memory_used_gb, null);
  assert.equal(json.gpu_memory_total_gb, null);
  assert.deepEqual(json.gpu, { available: false, devices: [] });
  assert.ok(json.system_memory_used_gb > 0);
  assert.ok(json.avg_tokens_per_second > 0);
  assert.ok(json.total_inferences > 0);
  assert.ok(json.uptime_seconds > 0);
  assert.match(String(headers.vary), /Accept/);
});

test("metrics are Prometheus's text for whom asks like Prometheus, and JSON for all others", async () => {
  const type = async (accept: string, query = "") => {
    const { headers } = await send(`${server.url}/metrics${query}`, { headers: { accept } });
    return String(headers["content-type"]).split(";")[0];
  };
  const prometheus =
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
  assert.equal(await type(prometheus), "text/plain");
  assert.equal(await type("text/plain"), "text/plain");
  assert.equal(await type("application/json, text/plain, */*"), "application/json");
  assert.equal(await type("text/html,application/xhtml+xml,*/*;q=0.8"), "application/json");
  assert.equal(await type("*/*", "?format=prometheus"), "text/plain");
  assert.equal(await type(prometheus, "?format=json"), "application/json");
  assert.equal((await send(`${server.url}/metrics?format=xml`)).status, 400);
});

test("Prometheus's figures agree with what was asked for", async () => {
  const read = async () => {
    const { text } = await send(`${server.url}/metrics?format=prometheus`);
    return (name: string) =>
      Number(text.match(new RegExp(`^goodput:${name}(?:\\{[^}]*\\})? (\\S+)$`, "m"))?.[1] ?? Number.NaN);
  };
  const before = await read();
  await infer({ body: { prompt: "Hello", max_tokens: 30 } });
  const after = await read();
  const grown = (name: string) => after(name) - before(name);
  assert.equal(grown("generation_tokens_total"), 30);
  assert.equal(grown("time_to_first_token_seconds_count"), 1);
  assert.equal(grown("inter_token_latency_seconds_count"), 29);
  assert.equal(grown("e2e_request_latency_seconds_count"), 1);
  assert.equal(grown("request_queue_time_seconds_count"), 1);
  assert.equal(after("num_requests_running"), 0);
  assert.equal(after("num_requests_waiting"), 0);
  assert.equal(after("gpu_devices"), 0);
  assert.ok(Number.isNaN(after("gpu_memory_used_bytes")), "a missing card must have no figure");
  const { text } = await send(`${server.url}/metrics?format=prometheus`);
  assert.match(
    text,
    /goodput:request_success_total\{model_name="goodput-tiny-random-qwen3",finished_reason="length"\}/,
  );
  assert.match(text, /^process_resident_memory_bytes /m);
});

test("health tells the state of model, memory and graphics card", async () => {
  const { status, json } = await send(`${server.url}/health`);
  assert.equal(status, 200);
  assert.equal(json.status, "healthy");
  assert.equal(json.model_ready, true);
  assert.equal(json.gpu_available, false);
  assert.equal(json.memory_sufficient, true);
  assert.match(json.last_inference, /^\d{4}-.*Z$/);
  assert.equal((await send(`${server.url}/health/live`)).status, 200);
  assert.equal((await send(`${server.url}/health/ready`)).status, 200);
  assert.equal((await send(`${server.url}/`)).json.service, "goodput");
});

test("each response carries a request id: the client's if it is harmless, a new one if not", async () => {
  const id = async (given: string) =>
    (await send(`${server.url}/health/live`, { headers: { "x-request-id": given } })).headers["x-request-id"];
  assert.equal(await id("trace-1:a.b_c"), "trace-1:a.b_c");
  assert.match(String(await id("no spaces or <tags>")), /^[0-9a-f-]{36}$/);
  assert.match(String(await id("x".repeat(200))), /^[0-9a-f-]{36}$/);
});

test("an unknown address is 404 and a wrong method 405 with the right ones", async () => {
  const unknown = await send(`${server.url}/nothing`);
  assert.equal(unknown.status, 404);
  assert.equal(unknown.json.error.code, "NOT_FOUND");
  const wrong = await send(`${server.url}/inference`, { method: "DELETE" });
  assert.equal(wrong.status, 405);
  assert.equal(wrong.json.error.code, "METHOD_NOT_ALLOWED");
  assert.equal(wrong.headers.allow, "POST");
});
