import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import OpenAI, { BadRequestError } from "openai";
import { startServer, type TestServer } from "../../../support/server.ts";

const MODEL = "goodput-tiny-random-qwen3";

let server: TestServer;
let client: OpenAI;
before(async () => {
  server = await startServer({ slots: 4, contextSize: 1024, queueLimit: 8 });
  client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: "unused", maxRetries: 0 });
});
after(() => server.close());

const hello = (more: object = {}) => ({
  model: MODEL,
  messages: [{ role: "user" as const, content: "Hello" }],
  max_tokens: 12,
  seed: 3,
  ...more,
});
const say = async (more: object = {}) => (await client.chat.completions.create(hello(more))).choices[0]!;
const continued = async (more: object = {}) => {
  const body = { model: MODEL, prompt: "The server keeps", max_tokens: 12, seed: 3, ...more };
  return (await client.completions.create(body)).choices[0]!;
};

const total = (logprobs: readonly { logprob: number }[]) =>
  logprobs.reduce((sum, { logprob }) => sum + Math.exp(logprob), 0);
const textOf = (tokens: readonly { bytes: number[] | null }[]) =>
  Buffer.from(tokens.flatMap(({ bytes }) => bytes!)).toString();

test("a chat's tokens come with their log probabilities, and the text is the one it would be without", async () => {
  const { message, logprobs } = await say({ logprobs: true });
  assert.equal(message.content, (await say()).message.content);
  const { content, refusal } = logprobs!;
  assert.equal(refusal, null);
  assert.equal(content!.length, 12);
  assert.equal(content!.map(({ token }) => token).join(""), message.content);
  assert.equal(textOf(content!), message.content);
  for (const { logprob, top_logprobs } of content!) {
    assert.ok(logprob < 0 && logprob > -20, `${logprob}`);
    assert.deepEqual(top_logprobs, []);
  }
  assert.equal((await say()).logprobs, null);
});

test("the likeliest tokens stand beside each, the likeliest first, as many as asked for", async () => {
  const { content } = (await say({ logprobs: true, top_logprobs: 20, top_k: 0 })).logprobs!;
  for (const { token, logprob, top_logprobs } of content!) {
    assert.equal(top_logprobs.length, 20);
    const inOrder = top_logprobs.map((one) => one.logprob);
    assert.deepEqual(
      inOrder,
      inOrder.toSorted((a, b) => b - a),
    );
    const same = top_logprobs.find((one) => one.token === token);
    if (same !== undefined) assert.equal(same.logprob, logprob);
    const share = total(top_logprobs);
    assert.ok(share > 0.2 && share < 1 + 1e-5, `${share} of all`);
  }
});

test("at temperature 0 the numbers are the model's own, the drawn token the likeliest", async () => {
  const first = async (more: object) =>
    (await say({ max_tokens: 1, logprobs: true, top_logprobs: 20, top_k: 0, ...more })).logprobs!
      .content![0]!;
  const greedy = await first({ temperature: 0 });
  const drawn = await first({ temperature: 1 });
  assert.equal(greedy.logprob, greedy.top_logprobs[0]!.logprob);
  const byToken = new Map(drawn.top_logprobs.map(({ token, logprob }) => [token, logprob]));
  const both = greedy.top_logprobs.filter(({ token }) => byToken.has(token));
  assert.ok(both.length >= 10);
  for (const { token, logprob } of both) assert.ok(Math.abs(logprob - byToken.get(token)!) < 1e-3, token);
});

test("a temperature, top_k and top_p are in the numbers", async () => {
  const first = async (more: object) =>
    (await say({ max_tokens: 1, logprobs: true, top_logprobs: 20, ...more })).logprobs!.content![0]!
      .top_logprobs;
  const spread = (likeliest: readonly { logprob: number }[]) =>
    likeliest[0]!.logprob - likeliest.at(-1)!.logprob;
  const plain = spread(await first({ top_k: 0 }));
  const hot = spread(await first({ top_k: 0, temperature: 2 }));
  assert.ok(Math.abs(hot - plain / 2) < 0.01 * plain, `${hot} is not half of ${plain}`);
  const three = await first({ top_k: 3 });
  assert.equal(three.length, 3);
  assert.ok(Math.abs(total(three) - 1) < 1e-5);
  assert.ok((await first({ top_k: 0, top_p: 0.5 })).length < 5);
});

test("a stream's log probabilities are those of the whole answer, each with its text", async () => {
  const body = hello({ logprobs: true, top_logprobs: 2 });
  const streamed: OpenAI.ChatCompletionTokenLogprob[] = [];
  let text = "";
  for await (const { choices } of await client.chat.completions.create({ ...body, stream: true })) {
    const { delta, logprobs } = choices[0]!;
    if (delta.content) assert.equal(textOf(logprobs!.content!), delta.content);
    text += delta.content ?? "";
    streamed.push(...(logprobs?.content ?? []));
  }
  const whole = (await client.chat.completions.create(body)).choices[0]!;
  assert.equal(text, whole.message.content);
  assert.equal(streamed.length, 12);
  for (const [index, { token, logprob, top_logprobs }] of whole.logprobs!.content!.entries()) {
    assert.equal(streamed[index]!.token, token);
    assert.ok(Math.abs(streamed[index]!.logprob - logprob) < 1e-3);
    assert.equal(streamed[index]!.top_logprobs.length, top_logprobs.length);
  }
});

test("a character that is several tokens has the bytes of each", async () => {
  const schema = { const: "\u20ac" };
  const response_format = { type: "json_schema", json_schema: { name: "euro", schema } };
  const more = { logprobs: true, top_logprobs: 1, response_format, max_tokens: 20 };
  const { message, logprobs } = await say(more);
  assert.equal(message.content, '"\u20ac"');
  const told = logprobs!.content!.map(({ token, bytes }) => ({ token, bytes }));
  assert.deepEqual(told, [
    { token: '"', bytes: [0x22] },
    { token: "\\xe2", bytes: [0xe2] },
    { token: "\\x82", bytes: [0x82] },
    { token: "\\xac", bytes: [0xac] },
    { token: '"', bytes: [0x22] },
  ]);
  for (const { logprob } of logprobs!.content!) assert.equal(logprob, 0, "the grammar left no choice");

  const pieces: string[] = [];
  for await (const { choices } of await client.chat.completions.create({ ...hello(more), stream: true })) {
    const { delta, logprobs: part } = choices[0]!;
    if (delta.content) pieces.push(`${delta.content} ${part!.content!.length}`);
  }
  assert.deepEqual(pieces, ['" 1', "\u20ac 3", '" 1']);
});

test("a completion's log probabilities are lists side by side", async () => {
  const { text, logprobs } = await continued({ logprobs: 2 });
  const { tokens, token_logprobs, top_logprobs, text_offset } = logprobs!;
  assert.equal(tokens!.join(""), text);
  assert.equal(token_logprobs!.length, 12);
  for (const [index, likeliest] of top_logprobs!.entries()) {
    assert.ok(Object.keys(likeliest).length >= 2 && Object.keys(likeliest).length <= 3);
    assert.equal(likeliest[tokens![index]!], token_logprobs![index]);
    assert.equal(text.slice(text_offset![index]).indexOf(tokens![index]!), 0);
  }
  assert.equal(text, (await continued()).text);
});

test("none of the likeliest may be asked for, and a stream's offsets go on from chunk to chunk", async () => {
  assert.equal((await continued({ logprobs: 0 })).logprobs!.top_logprobs, null);
  const body = { model: MODEL, prompt: "The server keeps", max_tokens: 8, seed: 3, logprobs: 0 };
  let text = "";
  for await (const { choices } of await client.completions.create({ ...body, stream: true })) {
    for (const offset of choices[0]!.logprobs?.text_offset ?? []) assert.equal(offset, text.length);
    text += choices[0]!.text;
  }
  assert.ok(text.length > 20);
});

test("tokens of a stop string are not told, as their text is not", async () => {
  const { message, logprobs, finish_reason } = await say({ logprobs: true, stop: ".", max_tokens: 200 });
  assert.equal(finish_reason, "stop");
  assert.equal(textOf(logprobs!.content!), message.content);
});

const refusals: readonly (readonly [string, object, string])[] = [
  ["top_logprobs is above 20", { logprobs: true, top_logprobs: 21 }, "top_logprobs"],
  ["top_logprobs comes without logprobs", { top_logprobs: 3 }, "top_logprobs"],
  ["logprobs is a number", { logprobs: 3 }, "logprobs"],
  ["the end is to be ignored, which replaces tokens", { logprobs: true, ignore_eos: true }, "logprobs"],
];
for (const [reason, more, param] of refusals) {
  test(`a chat is refused when ${reason}`, async () => {
    await assert.rejects(say(more), (error) => error instanceof BadRequestError && error.param === param);
  });
}

test("a completion is refused when more than 5 of the likeliest are asked for", async () => {
  for (const logprobs of [6, -1, true]) {
    await assert.rejects(
      continued({ logprobs }),
      (error) => error instanceof BadRequestError && error.param === "logprobs",
    );
  }
});
