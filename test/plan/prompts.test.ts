import assert from "node:assert/strict";
import { test } from "node:test";
import { promptWriter } from "../../src/plan/prompts.ts";
import { openTokenizer, type Tokenizer } from "../../src/plan/tokenizer.ts";

const FIXTURE = "test/fixtures/workloads/tokenizer.json";
const letters: Tokenizer = { count: (text) => text.length };
const pairs: Tokenizer = { count: (text) => 2 * text.split(" ").filter((word) => word !== "").length };

test("without a tokenizer a prompt has a word per token", () => {
  const writer = promptWriter(7);
  for (const tokens of [1, 2, 3, 4, 64, 1000]) {
    assert.equal(writer.write(tokens, { stream: 0, index: 3 }).split(" ").length, tokens);
  }
});

test("the same seed writes the same prompt; seed, stream, index and turn each make another", () => {
  const prompt = (seed: number, stream: string | number, index: number, turn = 0) =>
    promptWriter(seed).write(16, { stream, index, turn });
  assert.equal(prompt(7, 0, 3), prompt(7, 0, 3));
  const all = [
    prompt(7, 0, 3),
    prompt(8, 0, 3),
    prompt(7, 1, 3),
    prompt(7, "warmup 0", 3),
    prompt(7, 0, 4),
    prompt(7, 0, 3, 1),
  ];
  assert.equal(new Set(all).size, all.length);
});

test("neighbours differ from the first word on, and no three first words come twice", () => {
  const writer = promptWriter(1);
  const prompts = Array.from({ length: 50_000 }, (_, index) => writer.write(3, { stream: 0, index }));
  assert.equal(new Set(prompts).size, prompts.length);
  const firstWords = prompts.slice(0, 150).map((prompt) => prompt.split(" ")[0]);
  assert.equal(new Set(firstWords).size, firstWords.length);
});

test("the salt is in the first three words of a text, and in nothing else", () => {
  const [one, two, none] = ["a", "b", undefined].map((salt) => promptWriter(1, undefined, salt));
  const texts = (writer: typeof one) => [
    ...Array.from({ length: 500 }, (_, index) => writer!.write(16, { stream: 0, index })),
    writer!.shared(16, "prefix"),
  ];
  const parts = [one, two, none].map((writer) => texts(writer).map((text) => text.split(" ")));
  const beginnings = parts.flatMap((all) => all.map((words) => words.slice(0, 3).join(" ")));
  assert.equal(new Set(beginnings).size, 3 * 501);
  const rests = parts.map((all) => all.map((words) => words.slice(3)));
  assert.deepEqual(rests[0], rests[2]);
  assert.deepEqual(rests[1], rests[2]);
  const later = { stream: 0, index: 3, turn: 1 };
  assert.equal(one!.write(16, later), none!.write(16, later), "a later turn begins nothing");
  assert.deepEqual(texts(one), texts(promptWriter(1, undefined, "a")));
});

test("a lead comes first, counts, and leaves the rest its own", () => {
  const writer = promptWriter(1);
  const lead = [writer.shared(8, "prefix")];
  const [a, b] = [0, 1].map((index) => writer.write(12, { stream: 0, index }, lead));
  assert.ok(a!.startsWith(`${lead[0]} `) && b!.startsWith(`${lead[0]} `));
  assert.equal(a!.split(" ").length, 12);
  assert.notEqual(a!.split(" ")[8], b!.split(" ")[8]);
  assert.equal(writer.write(5, { stream: 0, index: 0 }, lead), lead[0]!.split(" ").slice(0, 5).join(" "));
});

test("with a tokenizer every length is exact", async () => {
  const tokenizer = await openTokenizer(FIXTURE);
  const writer = promptWriter(1, tokenizer);
  for (let tokens = 1; tokens <= 300; tokens++) {
    assert.equal(tokenizer.count(writer.write(tokens, { stream: 0, index: tokens })), tokens);
  }
  const lead = [writer.shared(100, "prefix")];
  assert.equal(tokenizer.count(lead[0]!), 100);
  assert.equal(tokenizer.count(writer.write(256, { stream: 0, index: 0 }, lead)), 256);
});

test("with a salt every length is as exact", async () => {
  for (const tokenizer of [await openTokenizer(FIXTURE), letters]) {
    const writer = promptWriter(1, tokenizer, "a");
    const lead = [writer.shared(20, "prefix")];
    for (let tokens = 1; tokens <= 100; tokens++) {
      assert.equal(tokenizer.count(writer.write(tokens, { stream: 0, index: tokens })), tokens);
      assert.equal(tokenizer.count(writer.write(tokens, { stream: 0, index: tokens }, lead)), tokens);
    }
  }
});

test("lengths are exact in a vocabulary of letters, where a word is many tokens", () => {
  const writer = promptWriter(1, letters);
  for (let tokens = 1; tokens <= 200; tokens++) {
    assert.equal(writer.write(tokens, { stream: 0, index: tokens }).length, tokens);
  }
});

test("where no text has the length, the longest that is shorter is written, or the shortest there is", () => {
  const writer = promptWriter(1, pairs);
  assert.equal(pairs.count(writer.write(7, { stream: 0, index: 0 })), 6);
  assert.equal(pairs.count(writer.write(8, { stream: 0, index: 0 })), 8);
  assert.equal(pairs.count(writer.write(1, { stream: 0, index: 0 })), 2);
});
