import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import OpenAI, { BadRequestError, NotFoundError, RateLimitError } from "openai";
import { send, startServer, type TestServer, until } from "../../../support/server.ts";

const MODEL = "goodput-tiny-random-qwen3";
const SLOTS = 4;
const QUEUE_LIMIT = 4;

let server: TestServer;
let client: OpenAI;
before(async () => {
  server = await startServer({ slots: SLOTS, contextSize: 1024, queueLimit: QUEUE_LIMIT });
  client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: "unused", maxRetries: 0 });
});
after(() => server.close());

const metrics = () => send(`${server.url}/metrics`);
const hello = (more: object = {}) => ({
  model: MODEL,
  messages: [{ role: "user" as const, content: "Hello" }],
  max_tokens: 12,
  ...more,
});
const say = async (more: object = {}) =>
  (await client.chat.completions.create(hello(more))).choices[0]!.message.content;

test("the client gets a chat whole, with its usage", async () => {
  const answer = await client.chat.completions.create(hello());
  assert.equal(answer.model, MODEL);
  assert.equal(answer.choices[0]!.finish_reason, "length");
  assert.match(answer.choices[0]!.message.content ?? "", /^(The|Each|Every|One) \w+/);
  assert.equal(answer.usage?.completion_tokens, 12);
  assert.equal(answer.usage?.total_tokens, answer.usage!.prompt_tokens + 12);
});

test("the client gets a chat as a stream, with the usage at its end when it asks for it", async () => {
  const stream = await client.chat.completions.create({
    ...hello({ seed: 3 }),
    stream: true,
    stream_options: { include_usage: true },
  });
  let text = "";
  let usage: OpenAI.CompletionUsage | null | undefined;
  const finishes: unknown[] = [];
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta.content ?? "";
    if (chunk.choices[0]?.finish_reason) finishes.push(chunk.choices[0].finish_reason);
    usage = chunk.usage ?? usage;
  }
  assert.equal(text, await say({ seed: 3 }));
  assert.deepEqual(finishes, ["length"]);
  assert.equal(usage?.completion_tokens, 12);
});

test("the client's own gathering of a stream gives the whole answer", async () => {
  const answer = await client.chat.completions.stream(hello({ seed: 4 })).finalChatCompletion();
  assert.equal(answer.choices[0]!.message.content, await say({ seed: 4 }));
});

test("the client gets a completion whole and as a stream", async () => {
  const body = { model: MODEL, prompt: "The server keeps", max_tokens: 8, seed: 5 };
  const whole = await client.completions.create(body);
  let text = "";
  for await (const chunk of await client.completions.create({ ...body, stream: true })) {
    text += chunk.choices[0]!.text;
  }
  assert.match(text, /^ (the|its|every|another) /);
  assert.equal(text, whole.choices[0]!.text);
});

test("the client lists the models and looks one up", async () => {
  const names: string[] = [];
  for await (const model of client.models.list()) names.push(model.id);
  assert.deepEqual(names, [MODEL]);
  assert.equal((await client.models.retrieve(MODEL)).id, MODEL);
  await assert.rejects(client.models.retrieve("other"), NotFoundError);
});

test("temperature, top_p, seed, stop and both limits of tokens do what the client expects", async () => {
  const likeliest = await say({ temperature: 0 });
  assert.equal(await say({ temperature: 0, seed: 9 }), likeliest);
  // Words that are equally likely are told apart by the sampler's order, which seeds do not change.
  const narrow = { temperature: 2, top_p: 1e-6 };
  assert.equal(await say({ ...narrow, seed: 9 }), await say({ ...narrow, seed: 10 }));
  assert.equal(await say({ seed: 9 }), await say({ seed: 9 }));
  assert.notEqual(await say({ seed: 9 }), await say({ seed: 10 }));
  const short = await client.chat.completions.create(hello({ max_tokens: null, max_completion_tokens: 5 }));
  assert.equal(short.usage?.completion_tokens, 5);
  const stopped = await client.chat.completions.create(hello({ max_tokens: 500, stop: "." }));
  assert.equal(stopped.choices[0]!.finish_reason, "stop");
  assert.ok(!stopped.choices[0]!.message.content?.includes("."));
});

test("what is wrong reaches the client as its own typed errors", async () => {
  await assert.rejects(client.chat.completions.create(hello({ model: "gpt-4o" })), (error) => {
    assert.ok(error instanceof NotFoundError);
    assert.equal(error.code, "model_not_found");
    assert.equal(error.param, "model");
    return true;
  });
  await assert.rejects(client.chat.completions.create(hello({ temperature: 3 })), (error) => {
    assert.ok(error instanceof BadRequestError);
    assert.equal(error.param, "temperature");
    assert.equal(error.type, "invalid_request_error");
    assert.ok(error.requestID);
    return true;
  });
  await assert.rejects(client.chat.completions.create(hello({ max_tokens: 2000 })), { status: 400 });
});

test("a full queue reaches the client as a rate limit, and leaving a stream frees its slot", async () => {
  const streams = await Promise.all(
    Array.from({ length: SLOTS + QUEUE_LIMIT }, () =>
      client.chat.completions.create({ ...hello({ max_tokens: 900 }), stream: true }),
    ),
  );
  await assert.rejects(client.chat.completions.create(hello()), (error) => {
    assert.ok(error instanceof RateLimitError);
    assert.ok(Number(error.headers.get("retry-after")) >= 1);
    return true;
  });
  for (const stream of streams) stream.controller.abort();
  const { json } = await until(
    metrics,
    (answer) => answer.json.requests_running + answer.json.requests_waiting === 0,
  );
  assert.equal(json.kv_cache_usage, 0);
});

test("several choices come whole, each its own, with one usage for all", async () => {
  const body = hello({ n: 3, seed: 20 });
  const answer = await client.chat.completions.create(body);
  assert.deepEqual(
    answer.choices.map((choice) => choice.index),
    [0, 1, 2],
  );
  assert.equal(new Set(answer.choices.map((choice) => choice.message.content)).size, 3);
  const one = await client.chat.completions.create(hello());
  assert.equal(answer.usage?.prompt_tokens, one.usage?.prompt_tokens);
  assert.equal(answer.usage?.completion_tokens, 36);
});

test("several choices come as one stream, told apart by their index", async () => {
  const stream = await client.chat.completions.create({
    ...hello({ n: 3 }),
    stream: true,
    stream_options: { include_usage: true },
  });
  const texts = ["", "", ""];
  const finished: number[] = [];
  let usage: OpenAI.CompletionUsage | null | undefined;
  for await (const { choices, usage: told } of stream) {
    for (const { index, delta, finish_reason } of choices) {
      texts[index] += delta.content ?? "";
      if (finish_reason !== null) finished.push(index);
    }
    usage = told ?? usage;
  }
  for (const text of texts) assert.match(text, /^(The|Each|Every|One) \w+/);
  assert.deepEqual(finished.toSorted(), [0, 1, 2]);
  assert.equal(usage?.completion_tokens, 36);
});

test("several prompts of a completion have their choices one after the other", async () => {
  const { choices, usage } = await client.completions.create({
    model: MODEL,
    prompt: ["The server keeps", "Each team writes"],
    n: 2,
    max_tokens: 4,
  });
  assert.deepEqual(
    choices.map((choice) => choice.index),
    [0, 1, 2, 3],
  );
  for (const { text } of choices) assert.match(text, /^ (the|its|every|another) /);
  assert.equal(usage?.prompt_tokens, 6);
  assert.equal(usage?.completion_tokens, 16);
  const tooMany = client.completions.create({ model: MODEL, prompt: ["a", "b", "c"], n: 3 });
  await assert.rejects(tooMany, (error) => error instanceof BadRequestError && error.param === "n");
  await assert.rejects(client.chat.completions.create(hello({ n: 9 })), BadRequestError);
});

test("a JSON schema holds for every answer, whole or streamed, whatever the model would say", async () => {
  const schema = {
    type: "object",
    properties: {
      colour: { type: "string", enum: ["red", "green", 'a "quoted" one'] },
      count: { type: "integer" },
      sizes: { type: "array", items: { type: "boolean" }, minItems: 2, maxItems: 2 },
      day: { anyOf: [{ type: "string", format: "date" }, { type: "null" }] },
      note: { type: "string", maxLength: 8 },
    },
    required: ["colour", "count", "sizes", "day"],
    additionalProperties: false,
  };
  const response_format = {
    type: "json_schema" as const,
    json_schema: { name: "things", schema, strict: true },
  };
  const answers = await Promise.all(
    [1, 2, 3, 4].map((seed) =>
      client.chat.completions
        .stream(hello({ max_tokens: 300, response_format, seed, ignore_eos: seed % 2 === 0 }))
        .finalChatCompletion(),
    ),
  );
  for (const { choices } of answers) {
    assert.equal(choices[0]!.finish_reason, "stop");
    const value = JSON.parse(choices[0]!.message.content ?? "");
    assert.ok(schema.properties.colour.enum.includes(value.colour));
    assert.ok(Number.isFinite(value.count));
    assert.equal(value.sizes.length, 2);
    assert.ok(value.day === null || /^\d{4}-\d\d-\d\d$/.test(value.day));
    assert.ok(value.note === undefined || [...value.note].length <= 8);
  }
});

test("the format json_object begins an object", async () => {
  const text = await say({ max_tokens: 40, response_format: { type: "json_object" } });
  assert.match(text ?? "", /^\{/);
});

test("a schema that cannot be kept is refused with every reason", async () => {
  const refused = (schema: object) =>
    client.chat.completions.create(
      hello({ response_format: { type: "json_schema", json_schema: { name: "x", schema } } }),
    );
  await assert.rejects(
    refused({ type: "object", properties: { a: { type: "string", pattern: "^a" }, b: { type: "date" } } }),
    (error) => {
      assert.ok(error instanceof BadRequestError);
      assert.equal(error.param, "response_format");
      assert.match(error.message, /schema\.properties\.a\.pattern: is not supported here/);
      assert.match(error.message, /schema\.properties\.b\.type: "date" is no type of JSON/);
      return true;
    },
  );
  await assert.rejects(refused({ $ref: "#" }), BadRequestError);
  await assert.rejects(refused({ type: "string", maxLength: 1e9 }), BadRequestError);
  const many = Array.from({ length: 1000 }, (_, index) => `value ${index}`);
  await assert.rejects(refused({ enum: many }), /schema: is too large/);
});

test("a schema may refer to itself, and what it does not require may be left out", async () => {
  const schema = {
    $defs: {
      node: {
        type: "object",
        properties: { leaf: { type: "boolean" }, next: { $ref: "#/$defs/node" } },
        required: ["leaf"],
      },
    },
    $ref: "#/$defs/node",
  };
  const response_format = { type: "json_schema" as const, json_schema: { name: "tree", schema } };
  for (const seed of [1, 2, 3]) {
    const { choices } = await client.chat.completions.create(
      hello({ max_tokens: 900, response_format, seed }),
    );
    assert.equal(choices[0]!.finish_reason, "stop");
    for (let node = JSON.parse(choices[0]!.message.content!); node !== undefined; node = node.next) {
      assert.equal(typeof node.leaf, "boolean");
    }
  }
});

test("the client gets embeddings of one text and of several, the same as floats and as base64", async () => {
  const model = MODEL;
  const { data, usage } = await client.embeddings.create({ model, input: ["The server", "a quiet river"] });
  assert.deepEqual(
    data.map((one) => one.index),
    [0, 1],
  );
  assert.ok(usage.prompt_tokens > 0);
  const [first] = (await client.embeddings.create({ model, input: "The server", encoding_format: "float" }))
    .data;
  assert.equal(first!.embedding.length, data[0]!.embedding.length);
  const dot = (a: readonly number[], b: readonly number[]) =>
    a.reduce((sum, value, i) => sum + value * b[i]!, 0);
  assert.ok(Math.abs(dot(first!.embedding, data[0]!.embedding) - 1) < 1e-3);
  assert.ok(dot(first!.embedding, data[1]!.embedding) < 0.999, "two texts have one vector");
});

test("embeddings refuse what they cannot do", async () => {
  const ask = (more: object) => client.embeddings.create({ model: MODEL, input: "Hello", ...more });
  await assert.rejects(ask({ model: "other" }), NotFoundError);
  await assert.rejects(ask({ dimensions: 8 }), BadRequestError);
  await assert.rejects(ask({ input: [] }), BadRequestError);
  await assert.rejects(ask({ input: "word ".repeat(1100) }), (error) => {
    assert.ok(error instanceof BadRequestError);
    assert.equal(error.code, "context_length_exceeded");
    assert.equal(error.param, "input");
    return true;
  });
});
