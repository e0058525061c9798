import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import OpenAI, { BadRequestError } from "openai";
import { send, startServer, type TestServer } from "../../../support/server.ts";

const MODEL = "goodput-tiny-random-qwen3";

let server: TestServer;
let client: OpenAI;
before(async () => {
  server = await startServer({ slots: 2, contextSize: 1024, queueLimit: 8 });
  client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: "unused", maxRetries: 0 });
});
after(() => server.close());

const greedy = async (more: object = {}) => {
  const body = { model: MODEL, prompt: "The server keeps", max_tokens: 40, temperature: 0, ...more };
  return (await client.completions.create(body)).choices[0]!;
};

/** The first tokens of the built-in model's vocabulary are the 256 bytes in order of GPT-2's alphabet. */
const [A, B] = ["A".charCodeAt(0), "B".charCodeAt(0)];

test("a bias of 100 makes a token the only one, and one of -100 keeps it away", async () => {
  assert.equal((await greedy({ logit_bias: { [A]: 100 }, max_tokens: 5 })).text, "AAAAA");
  const both = await greedy({ logit_bias: { [A]: 100, [B]: 99 }, max_tokens: 3, frequency_penalty: 2 });
  assert.equal(both.text, "ABA");
  const banned = { [A]: -100, [B]: 100 };
  assert.equal((await greedy({ logit_bias: banned, max_tokens: 3 })).text, "BBB");
});

test("penalties are taken off the logits of what was generated, one by its number and one once", async () => {
  /** By how much more likely A is than B after A was generated twice; the two requests differ in nothing else. */
  const advantage = async (more: object) => {
    const bias = { [A]: 60, [B]: 40 };
    const { logprobs, text } = await greedy({
      logit_bias: bias,
      max_tokens: 3,
      logprobs: 2,
      ...more,
    });
    assert.equal(text, "AAA");
    const { A: a, B: b } = logprobs!.top_logprobs![2]!;
    return a! - b!;
  };
  const near = (actual: number, expected: number) =>
    assert.ok(Math.abs(actual - expected) < 0.01, `${actual} instead of ${expected}`);
  const plain = await advantage({});
  near(await advantage({ frequency_penalty: 1.5 }), plain - 2 * 1.5);
  near(await advantage({ presence_penalty: 1.5 }), plain - 1.5);
  near(await advantage({ frequency_penalty: -1, presence_penalty: 2 }), plain + 2 - 2);
  near(await advantage({ frequency_penalty: 0, presence_penalty: 0 }), plain);
});

test("penalties count the answer only, not the prompt, and all of it", async () => {
  const bias = { [A]: 60, [B]: 40 };
  const first = async (more: object) =>
    (await greedy({ prompt: "AAAA", logit_bias: bias, max_tokens: 1, logprobs: 2, ...more })).logprobs!;
  assert.deepEqual(await first({ presence_penalty: 2 }), await first({}));
  // llama.cpp looks back 64 tokens unless told otherwise.
  const long = { logit_bias: { [A]: 100, [B]: 26 }, max_tokens: 90, frequency_penalty: 1 };
  assert.match((await greedy(long)).text, /^A{68,80}B/);
  const words = (await greedy({ frequency_penalty: 2, presence_penalty: 2 })).text.split(" ");
  const before = (await greedy()).text.split(" ");
  assert.ok(new Set(words).size > new Set(before).size, "nothing became rarer");
});

test("min_p leaves out what is far less likely than the likeliest", async () => {
  const body = { model: MODEL, prompt: "The server keeps", max_tokens: 1, logprobs: 5, top_k: 0, seed: 1 };
  const kept = async (min_p: number) => {
    const { choices } = await client.completions.create({ ...body, min_p } as typeof body);
    return Object.keys(choices[0]!.logprobs!.top_logprobs![0]!).length;
  };
  assert.equal(await kept(0), 5);
  assert.equal(await kept(0.5), 4, "four words are equally likely here");
});

test("a bias of a token that is not there, or that ends an answer, is refused", async () => {
  for (const [token, reason] of [
    [100_000, /no token 100000/],
    [994, /takes no bias/],
  ] as const) {
    await assert.rejects(greedy({ logit_bias: { [token]: 5 } }), (error) => {
      assert.ok(error instanceof BadRequestError);
      assert.equal(error.param, "logit_bias");
      assert.match(error.message, reason);
      return true;
    });
  }
});

test("every parameter out of its range or of another type is named, all at once", async () => {
  const wrong = {
    model: 5,
    max_tokens: 1.5,
    temperature: "hot",
    top_p: 0,
    top_k: -1,
    min_p: 2,
    seed: "x",
    stop: [1],
    stream: "yes",
    stream_options: 1,
    ignore_eos: 1,
    n: 9,
    presence_penalty: 2.1,
    frequency_penalty: -3,
    repetition_penalty: 1.1,
    logit_bias: { x: 1, 5: 101 },
  };
  const chat = { ...wrong, messages: [{ role: "robot", content: "x" }], logprobs: 1, top_logprobs: "a" };
  const completion = { ...wrong, prompt: [], logprobs: "all", best_of: 2, echo: true, suffix: "x" };
  for (const [path, body] of [
    ["chat/completions", chat],
    ["completions", completion],
  ] as const) {
    const { status, json } = await send(`${server.url}/v1/${path}`, { body });
    assert.equal(status, 400);
    assert.equal(json.error.type, "invalid_request_error");
    assert.equal(json.error.param, json.error.details[0].field);
    const named = new Set(json.error.details.map((detail: { field: string }) => detail.field.split(".")[0]));
    assert.deepEqual([...named].toSorted(), Object.keys(body).toSorted());
    for (const field of Object.keys(body)) assert.ok(json.error.message.includes(`${field}`), field);
  }
});
