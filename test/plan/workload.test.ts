import assert from "node:assert/strict";
import { test } from "node:test";
import { BUILTIN_PROMPTS } from "../../src/plan/builtin-prompts.ts";
import type { Workload } from "../../src/plan/plan.ts";
import { openTokenizer } from "../../src/plan/tokenizer.ts";
import { openWorkload, type WorkloadSource } from "../../src/plan/workload.ts";

const FIXTURES = "test/fixtures/workloads";
const tokenizer = `${FIXTURES}/tokenizer.json`;

const workload = (changes: Partial<Workload> = {}): Workload => ({
  input: { kind: "fixed", tokens: 16 },
  output: { kind: "fixed", tokens: 8 },
  prompts: { kind: "synthetic" },
  prefixTokens: 0,
  turns: 1,
  turnThink: { minNs: 0, maxNs: 0 },
  promptCache: "warm",
  ignoreEos: false,
  stream: true,
  ...changes,
});

const contents = (source: WorkloadSource, count: number, stream: string | number = 0) =>
  Array.from({ length: count }, (_, i) => source.conversation(stream, i).turns[0]!.content);

const words = (text: string) => text.split(" ").length;

const KINDS: readonly (readonly [name: string, workload: Workload])[] = [
  [
    "synthetic prompts",
    workload({ input: { kind: "uniform", min: 5, max: 50 }, turns: 2, prefixTokens: 10 }),
  ],
  [
    "the built-in set",
    workload({ prompts: { kind: "builtin" }, output: { kind: "uniform", min: 5, max: 50 } }),
  ],
  ["a file", workload({ prompts: { kind: "file", path: `${FIXTURES}/sharegpt.json` } })],
  ["a trace", workload({ trace: { path: `${FIXTURES}/mooncake.jsonl`, format: "auto", timeScale: 1 } })],
];
for (const [name, asked] of KINDS) {
  test(`${name}: the same seed gives the same conversations, in whatever order they are asked for`, async () => {
    const [one, two] = await Promise.all([openWorkload(asked, 3), openWorkload(asked, 3)]);
    const order = Array.from({ length: 20 }, (_, i) => i);
    const forth = order.map((i) => one.conversation(0, i));
    const back = order.toReversed().map((i) => two.conversation(0, i));
    assert.deepEqual(back.toReversed(), forth);
    assert.ok(forth.every(({ turns }) => turns.length > 0 && turns.every(({ maxTokens }) => maxTokens >= 1)));
  });
}

test("lengths are drawn per request, and a change of one side leaves the other as it is", async () => {
  const input = { kind: "normal", mean: 40, std: 10, min: 20, max: 60 } as const;
  const output = { kind: "uniform", min: 5, max: 50 } as const;
  const both = await openWorkload(workload({ input, output }), 1);
  const outputOnly = await openWorkload(workload({ output }), 1);
  const indices = Array.from({ length: 200 }, (_, i) => i);
  const asked = indices.map((i) => both.conversation(0, i).turns[0]!);
  assert.ok(new Set(asked.map(({ content }) => words(content))).size > 20);
  assert.ok(asked.every(({ content }) => words(content) >= 20 && words(content) <= 60));
  assert.deepEqual(
    asked.map(({ maxTokens }) => maxTokens),
    indices.map((i) => outputOnly.conversation(0, i).turns[0]!.maxTokens),
  );
});

test("a long prompt says nothing about the length of its answer", async () => {
  const lengths = { kind: "uniform", min: 1, max: 100 } as const;
  const source = await openWorkload(workload({ input: lengths, output: lengths }), 1);
  const turns = Array.from({ length: 2000 }, (_, i) => source.conversation(0, i).turns[0]!);
  const product = turns.reduce(
    (sum, turn) => sum + (words(turn.content) - 50.5) * (turn.maxTokens - 50.5),
    0,
  );
  const correlation = product / turns.length / ((100 ** 2 - 1) / 12);
  assert.ok(Math.abs(correlation) < 0.07, `correlation ${correlation}`);
});

test("all synthetic prompts begin with the shared prefix, which comes on top, and go on differently", async () => {
  const source = await openWorkload(workload({ prefixTokens: 20 }), 1);
  const prompts = [...contents(source, 50), ...contents(source, 50, "warmup 0"), ...contents(source, 50, 1)];
  assert.ok(prompts.every((prompt) => words(prompt) === 36));
  assert.equal(new Set(prompts.map((prompt) => prompt.split(" ").slice(0, 20).join(" "))).size, 1);
  assert.equal(new Set(prompts.map((prompt) => prompt.split(" ").slice(20).join(" "))).size, 150);
  assert.equal(source.items, undefined);
});

test("a synthetic conversation has its turns, each of its own text; only the first has the prefix", async () => {
  const { turns } = (await openWorkload(workload({ turns: 3, prefixTokens: 4 }), 1)).conversation(0, 0);
  assert.deepEqual(
    turns.map(({ content }) => words(content)),
    [20, 16, 16],
  );
  assert.equal(new Set(turns.map(({ content }) => content)).size, 3);
});

test("with a tokenizer synthetic prompts have their exact length, prefix and all", async () => {
  const { count } = await openTokenizer(tokenizer);
  const source = await openWorkload(
    workload({ tokenizer, prefixTokens: 30, input: { kind: "fixed", tokens: 100 } }),
    1,
  );
  for (const content of contents(source, 20)) assert.equal(count(content), 130);
});

test("the built-in prompts come in an order of the stream's own, all of them before any again", async () => {
  const source = await openWorkload(workload({ prompts: { kind: "builtin" } }), 1);
  assert.equal(source.items, BUILTIN_PROMPTS.length);
  const round = contents(source, BUILTIN_PROMPTS.length);
  assert.deepEqual(round.toSorted(), BUILTIN_PROMPTS.toSorted());
  assert.notDeepEqual(round, BUILTIN_PROMPTS);
  assert.notDeepEqual(contents(source, BUILTIN_PROMPTS.length, 1), round);
  assert.equal(contents(source, BUILTIN_PROMPTS.length + 1).at(-1), round[0]);
});

test("the built-in prompts are different and of different lengths", () => {
  assert.equal(new Set(BUILTIN_PROMPTS).size, 60);
  const lengths = BUILTIN_PROMPTS.map(words).toSorted((a, b) => a - b);
  assert.ok(lengths[0]! <= 6 && lengths[30]! >= 15 && lengths.at(-1)! >= 100, lengths.join(" "));
});

test("a file's own answer lengths go before the plan's, and with a tokenizer those of its answers", async () => {
  const open = async (changes: Partial<Workload>) => {
    const path = `${FIXTURES}/sharegpt.json`;
    const source = await openWorkload(workload({ prompts: { kind: "file", path }, ...changes }), 1);
    assert.deepEqual([source.items, source.skipped], [2, 1]);
    return [0, 1].map((i) => source.conversation(0, i)).find(({ system }) => system === "Be brief.")!;
  };
  assert.deepEqual(
    (await open({})).turns.map(({ maxTokens }) => maxTokens),
    [8, 8],
  );
  assert.deepEqual(
    (await open({ tokenizer })).turns.map(({ maxTokens }) => maxTokens),
    [4, 2],
  );
  const jsonl = await openWorkload(
    workload({ prompts: { kind: "file", path: `${FIXTURES}/prompts.jsonl` } }),
    1,
  );
  const all = Array.from({ length: 4 }, (_, i) =>
    jsonl.conversation(0, i).turns.map(({ maxTokens }) => maxTokens),
  );
  assert.deepEqual(
    all.toSorted((a, b) => a[0]! - b[0]!),
    [[8, 9], [8], [12], [64]].toSorted((a, b) => a[0]! - b[0]!),
  );
});

for (const withTokenizer of [false, true]) {
  test(`a trace's prompts have its lengths and share blocks as its hash ids do${withTokenizer ? ", by the tokenizer" : ""}`, async () => {
    const source = await openWorkload(
      workload({
        trace: { path: `${FIXTURES}/mooncake.jsonl`, format: "auto", timeScale: 1 },
        ...(withTokenizer && { tokenizer }),
      }),
      1,
    );
    const count = withTokenizer ? (await openTokenizer(tokenizer)).count : words;
    const prompts = contents(source, 4);
    assert.deepEqual(prompts.map(count), [1100, 1300, 20, 100]);
    assert.deepEqual(source.arrivals?.length, 4);
    const [a, b] = prompts.map((prompt) => prompt.split(" "));
    assert.deepEqual(a!.slice(0, 1024), b!.slice(0, 1024));
    assert.notEqual(a![1024], b![1024]);
    // Neither the next level nor the next lap finds the texts of this one.
    assert.notEqual(contents(source, 1, 1)[0]!.slice(0, 40), prompts[0]!.slice(0, 40));
    assert.notEqual(source.conversation(0, 4).turns[0]!.content.slice(0, 40), prompts[0]!.slice(0, 40));
    assert.equal(source.conversation(0, 4).turns[0]!.maxTokens, 5);
  });
}

test("a turn tells what the plan has it share with prompts before it", async () => {
  const shared = async (asked: Workload, count: number) => {
    const source = await openWorkload(asked, 1, "salt");
    return Array.from({ length: count }, (_, i) =>
      source.conversation(0, i).turns.map(({ sharedTokens }) => sharedTokens),
    );
  };
  assert.deepEqual(await shared(workload({ prefixTokens: 20, turns: 2 }), 1), [[20, undefined]]);
  assert.deepEqual(await shared(workload(), 1), [[undefined]]);
  const trace = { path: `${FIXTURES}/mooncake.jsonl`, format: "auto", timeScale: 1 } as const;
  assert.deepEqual(await shared(workload({ trace }), 4), [[undefined], [1024], [undefined], [undefined]]);
});

test("requests that share blocks come in the file's order", async () => {
  const path = `${FIXTURES}/mooncake-without-moments.jsonl`;
  const source = await openWorkload(workload({ prompts: { kind: "file", path } }), 1);
  const [a, b] = contents(source, 2);
  assert.deepEqual([words(a!), words(b!)], [600, 700]);
  assert.equal(a!.split(" ").slice(0, 512).join(" "), b!.split(" ").slice(0, 512).join(" "));
  assert.deepEqual(
    [source.conversation(0, 0).turns[0]!.maxTokens, source.conversation(0, 1).turns[0]!.maxTokens],
    [5, 8],
  );
});
