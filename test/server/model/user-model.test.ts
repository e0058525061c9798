import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { builtinModel } from "../../../server/inference/builtin-model.ts";
import { send, startServer, type TestServer } from "../../support/server.ts";

// The built-in model with the full stop as its end token: a file of the user's own whose answers come to an end.
const folder = mkdtempSync(join(tmpdir(), "goodput-user-model-"));
let server: TestServer;

before(async () => {
  const bytes = builtinModel(5);
  const key = "tokenizer.ggml.eos_token_id";
  // The key is followed by the value's type and then by the value; single bytes are tokens under their own number.
  bytes.writeUInt32LE(".".charCodeAt(0), bytes.indexOf(key) + key.length + 4);
  const path = join(folder, "sentences.gguf");
  writeFileSync(path, bytes);
  server = await startServer({ model: { kind: "file", path }, slots: 2, contextSize: 512 });
});
after(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

const complete = async (more: object) =>
  (
    await send(`${server.url}/v1/completions`, {
      body: { prompt: "Hello", max_tokens: 300, seed: 3, ...more },
    })
  ).json;

test("a user's model is served under its file's name", async () => {
  const { json } = await send(`${server.url}/v1/models`);
  assert.equal(json.data[0].id, "sentences");
});

test("the model's own end ends the answer, and does not count as a token of it", async () => {
  const { choices, usage } = await complete({});
  assert.equal(choices[0].finish_reason, "stop");
  assert.doesNotMatch(choices[0].text, /\./);
  assert.equal(usage.completion_tokens, choices[0].text.match(/ \w+|,/g).length);
});

test("a chat without max_tokens goes on to the model's end", async () => {
  const body = { messages: [{ role: "user", content: "Hello" }] };
  const { json } = await send(`${server.url}/v1/chat/completions`, { body });
  assert.equal(json.choices[0].finish_reason, "stop");
});

test("ignore_eos goes on past the end for as long as asked", async () => {
  const { choices, usage } = await complete({ ignore_eos: true });
  assert.equal(choices[0].finish_reason, "length");
  assert.equal(usage.completion_tokens, 300);
});
