import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { modelSource } from "../../../../server/inference/model-file.ts";
import { events, openStream, send, startServer, type TestServer, until } from "../../../support/server.ts";

const MODEL = "goodput-tiny-random-qwen3";

let server: TestServer;
before(async () => {
  server = await startServer({ slots: 4, contextSize: 1024, queueLimit: 8, bodyLimitBytes: 64 * 1024 });
});
after(() => server.close());

const chat = (body: object) => send(`${server.url}/v1/chat/completions`, { body });
const complete = (body: object) => send(`${server.url}/v1/completions`, { body });
const ask = (content: unknown, more: object = {}) => ({ messages: [{ role: "user", content }], ...more });
const metrics = () => send(`${server.url}/metrics`);

test("a chat is answered with the number of tokens asked for and an exact usage", async () => {
  const { status, json } = await chat(ask("Hello", { model: MODEL, max_tokens: 24 }));
  assert.equal(status, 200);
  assert.equal(json.object, "chat.completion");
  assert.equal(json.choices[0].message.role, "assistant");
  assert.equal(json.choices[0].finish_reason, "length");
  assert.match(json.choices[0].message.content, /^(The|Each|Every|One) \w+/);
  assert.equal(json.usage.completion_tokens, 24);
  assert.equal(json.usage.total_tokens, json.usage.prompt_tokens + 24);
});

test("a stream is a role, one chunk per token, a finish, the usage and [DONE]", async () => {
  const { text, headers } = await chat(
    ask("Hello", { max_tokens: 16, stream: true, stream_options: { include_usage: true } }),
  );
  assert.match(String(headers["content-type"]), /^text\/event-stream/);
  assert.ok(headers["x-request-id"]);
  assert.ok(text.endsWith("data: [DONE]\n\n"));
  const chunks = events(text);
  assert.deepEqual(chunks[0].choices[0].delta, { role: "assistant", content: "" });
  const contents = chunks.slice(1, -2).map((chunk) => chunk.choices[0].delta.content);
  assert.equal(contents.length, 16);
  assert.ok(contents.every((content) => typeof content === "string" && content !== ""));
  assert.deepEqual(chunks.at(-2).choices[0], {
    index: 0,
    delta: {},
    logprobs: null,
    finish_reason: "length",
  });
  assert.deepEqual(chunks.at(-1).choices, []);
  assert.equal(chunks.at(-1).usage.completion_tokens, 16);
  assert.equal(new Set(chunks.map((chunk) => chunk.id)).size, 1);
});

test("without include_usage a stream has no usage", async () => {
  const { text } = await chat(ask("Hello", { max_tokens: 2, stream: true }));
  assert.ok(events(text).every((chunk) => !("usage" in chunk)));
});

test("a completion continues the prompt and streams in its own shape", async () => {
  const whole = await complete({ prompt: "The server keeps", max_tokens: 6 });
  assert.equal(whole.json.object, "text_completion");
  assert.equal(whole.json.usage.prompt_tokens, 3);
  assert.match(whole.json.choices[0].text, /^ (the|its|every|another) /);
  const chunks = events((await complete({ prompt: ["The server keeps"], max_tokens: 6, stream: true })).text);
  assert.equal(chunks.length, 7);
  assert.equal(chunks.at(-1).choices[0].finish_reason, "length");
});

test("the same seed gives the same text, another or none another", async () => {
  const text = async (more: object) =>
    (await complete({ prompt: "Hello", max_tokens: 32, ...more })).json.choices[0].text;
  const first = await text({ seed: 7 });
  assert.equal(await text({ seed: 7 }), first);
  assert.notEqual(await text({ seed: 8 }), first);
  assert.notEqual(await text({}), await text({}));
});

test("a stop string ends the text before itself", async () => {
  const { json } = await complete({ prompt: "The server keeps", max_tokens: 500, stop: [".", "\n"] });
  assert.equal(json.choices[0].finish_reason, "stop");
  assert.doesNotMatch(json.choices[0].text, /[.\n]/);
  assert.ok(json.usage.completion_tokens < 500);
});

test("ignore_eos and content in text parts are accepted", async () => {
  const parts = [
    { type: "text", text: "Hel" },
    { type: "text", text: "lo" },
  ];
  const split = await chat(ask(parts, { max_tokens: 3, ignore_eos: true }));
  const whole = await chat(ask("Hello", { max_tokens: 3 }));
  assert.equal(split.json.usage.prompt_tokens, whole.json.usage.prompt_tokens);
});

test("a control token that a user types stays text", async () => {
  const tokens = async (content: string) =>
    (await chat(ask(content, { max_tokens: 1 }))).json.usage.prompt_tokens;
  const plain = await tokens("a");
  assert.ok((await tokens("a<|im_end|>")) - plain >= 5, "it was read as one control token");
  const raw = await complete({ prompt: "<|im_end|>", max_tokens: 1 });
  assert.ok(raw.json.usage.prompt_tokens >= 5);
});

test("concurrent requests are all answered, and computed together on one context", async () => {
  const answers = await Promise.all(
    Array.from({ length: 12 }, (_, index) => chat(ask(`Question ${index}`, { max_tokens: 40 }))),
  );
  for (const { status, json } of answers) {
    assert.equal(status, 200);
    assert.equal(json.usage.completion_tokens, 40);
  }
  assert.equal((await metrics()).json.largest_step_requests, 4);
});

test("a long prompt is read in pieces beside others and still answered", async () => {
  const long = "word ".repeat(600);
  const [first, second] = await Promise.all([
    complete({ prompt: long, max_tokens: 4 }),
    complete({ prompt: "Hello", max_tokens: 50 }),
  ]);
  assert.ok(first.json.usage.prompt_tokens >= 600);
  assert.equal(first.json.usage.completion_tokens, 4);
  assert.equal(second.json.usage.completion_tokens, 50);
});

test("a client that goes away frees its slot", async () => {
  const before = (await metrics()).json.total_inferences;
  const stream = openStream(
    `${server.url}/v1/chat/completions`,
    ask("Hello", { max_tokens: 900, stream: true }),
  );
  await stream.begun;
  assert.equal((await metrics()).json.requests_running, 1);
  stream.drop();
  const { json } = await until(metrics, (answer) => answer.json.requests_running === 0);
  assert.equal(json.kv_cache_usage, 0);
  assert.equal(json.total_inferences, before, "it ran to its end instead");
});

test("what does not fit is refused with 429, and what waits is answered or forgotten with its client", async () => {
  const body = ask("Hello", { max_tokens: 900, stream: true });
  const streams = Array.from({ length: 12 }, () => openStream(`${server.url}/v1/chat/completions`, body));
  await until(metrics, ({ json }) => json.requests_running + json.requests_waiting === 12);
  const refused = await chat(body);
  assert.equal(refused.status, 429);
  assert.ok(Number(refused.headers["retry-after"]) >= 1);
  assert.equal(refused.json.error.code, "queue_full");
  assert.equal(refused.json.error.type, "rate_limit_error");
  for (const stream of streams) stream.drop();
  await until(metrics, ({ json }) => json.requests_running === 0 && json.requests_waiting === 0);
});

test("all mistakes of a body are told at once", async () => {
  const { status, json } = await chat({ messages: [], max_tokens: 0, temperature: 3, n: 0, stop: 5 });
  assert.equal(status, 400);
  assert.equal(json.error.type, "invalid_request_error");
  const fields = json.error.details.map((detail: { field: string }) => detail.field).sort();
  assert.deepEqual(fields, ["max_tokens", "messages", "n", "stop", "temperature"]);
  for (const field of fields) assert.ok(json.error.message.includes(field));
});

test("an empty prompt, broken JSON and a JSON list are 400", async () => {
  assert.equal((await complete({ prompt: "" })).status, 400);
  const url = `${server.url}/v1/chat/completions`;
  const broken = await send(url, { body: '{"messages": [', headers: { "content-type": "application/json" } });
  assert.equal(broken.status, 400);
  assert.equal(broken.json.error.code, "validation_error");
  assert.equal((await chat([])).status, 400);
});

test("an unknown model is 404 and the served one is named", async () => {
  const { status, json } = await chat(ask("Hello", { model: "gpt-4o" }));
  assert.equal(status, 404);
  assert.equal(json.error.code, "model_not_found");
  assert.equal(json.error.param, "model");
  assert.ok(json.error.message.includes(MODEL));
});

test("a prompt or an answer longer than the context is 400, not a forgotten beginning", async () => {
  for (const body of [ask("word ".repeat(1100)), ask("Hello", { max_tokens: 1024 })]) {
    const { status, json } = await chat(body);
    assert.equal(status, 400);
    assert.equal(json.error.code, "context_length_exceeded");
    assert.match(json.error.message, /the context holds 1024 tokens/);
  }
});

test("a body over the limit is 413", async () => {
  const { status, json } = await chat(ask("x".repeat(70_000)));
  assert.equal(status, 413);
  assert.equal(json.error.code, "payload_too_large");
});

test("the models are listed, and one is described by its name", async () => {
  const { json } = await send(`${server.url}/v1/models`);
  assert.deepEqual(
    json.data.map((model: { id: string }) => model.id),
    [MODEL],
  );
  assert.match(json.data[0].description, /never trained/);
  assert.equal((await send(`${server.url}/v1/models/${MODEL}`)).json.id, MODEL);
  assert.equal((await send(`${server.url}/v1/models/other`)).status, 404);
});

test("a conversation's next turn reuses what the slot knows of it and says the same", async () => {
  const question = { role: "user", content: "Tell the story of a slow server. ".repeat(8) };
  const first = await chat({ messages: [question], max_tokens: 30, seed: 1, cache_prompt: false });
  assert.equal(first.json.usage.prompt_tokens_details.cached_tokens, 0);
  const { content } = first.json.choices[0].message;
  const messages = [question, { role: "assistant", content }, { role: "user", content: "And then?" }];
  const body = { messages, max_tokens: 40, seed: 2 };

  const reused = (await chat(body)).json;
  const { prompt_tokens, prompt_tokens_details } = reused.usage;
  assert.ok(prompt_tokens_details.cached_tokens >= first.json.usage.prompt_tokens);
  assert.ok(prompt_tokens_details.cached_tokens < prompt_tokens);
  assert.equal(reused.timings.cache_n + reused.timings.prompt_n, prompt_tokens);

  const again = (await chat(body)).json;
  assert.equal(again.usage.prompt_tokens_details.cached_tokens, prompt_tokens - 1, "all but the last token");
  const fresh = (await chat({ ...body, cache_prompt: false })).json;
  assert.equal(fresh.usage.prompt_tokens_details.cached_tokens, 0);
  assert.equal(reused.choices[0].message.content, fresh.choices[0].message.content);
  assert.equal(again.choices[0].message.content, fresh.choices[0].message.content);
});

test("each of two conversations finds the slot that knows it", async () => {
  const prompts = ["A river flows slowly. ", "The team keeps every promise. "].map((text) => text.repeat(20));
  const round = () =>
    Promise.all(prompts.map(async (prompt) => (await complete({ prompt, max_tokens: 30 })).json.usage));
  await round();
  for (const { prompt_tokens, prompt_tokens_details } of await round()) {
    assert.equal(prompt_tokens_details.cached_tokens, prompt_tokens - 1);
  }
});

test("a model with a recurrent state computes every prompt whole", async () => {
  const hybrid = await startServer({ model: modelSource("builtin:qwen3next"), slots: 1, contextSize: 512 });
  try {
    const body = { prompt: "The server keeps the answer. ".repeat(5), max_tokens: 4 };
    for (let turn = 0; turn < 2; turn++) {
      const { usage } = (await send(`${hybrid.url}/v1/completions`, { body })).json;
      assert.equal(usage.prompt_tokens_details.cached_tokens, 0);
      assert.equal(usage.completion_tokens, 4);
    }
  } finally {
    await hybrid.close();
  }
});
