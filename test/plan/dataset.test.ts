import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import fc from "fast-check";
import { ConfigError } from "../../src/errors.ts";
import { parseCsv } from "../../src/plan/csv.ts";
import { readDataset } from "../../src/plan/dataset.ts";
import { jsonElements, jsonLines } from "../../src/plan/json-places.ts";

const FIXTURES = "test/fixtures/workloads";
let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "goodput-dataset-"));
});
after(() => rm(folder, { recursive: true }));

async function reading(name: string, text: string | Buffer) {
  const path = join(folder, name);
  await writeFile(path, text);
  return readDataset(path);
}

const texts = (...contents: readonly string[]) =>
  contents.map((content) => ({ kind: "texts", turns: [{ content }] }));

test("JSONL has prompts and messages, with the answer's length under any of its names", async () => {
  assert.deepEqual(await readDataset(`${FIXTURES}/prompts.jsonl`), {
    items: [
      { kind: "texts", turns: [{ content: "Why is the sky blue?", maxTokens: 64 }] },
      { kind: "texts", turns: [{ content: "Name three rivers.", maxTokens: 12 }] },
      {
        kind: "texts",
        system: "Be brief.",
        turns: [
          { content: "What is rain?", answer: "Water that falls." },
          { content: "And snow?", maxTokens: 9 },
        ],
      },
      ...texts('A line\nand another, with "quotes", a separator\u2028and an emoji 🙂.'),
    ],
    skipped: 0,
  });
});

test("CSV has a header, quoted cells with commas and new lines, and an empty cell for nothing", async () => {
  assert.deepEqual((await readDataset(`${FIXTURES}/prompts.csv`)).items, [
    { kind: "texts", turns: [{ content: "Why is the sky blue?", maxTokens: 64 }] },
    { kind: "texts", system: "Be brief.", turns: [{ content: 'Name three rivers,\r\nwith "quotes"' }] },
    { kind: "texts", turns: [{ content: "What is rain?", maxTokens: 7 }] },
  ]);
});

test("a text file has a prompt per line", async () => {
  const { items } = await readDataset(`${FIXTURES}/prompts.txt`);
  assert.deepEqual(items, texts("Why is the sky blue?", "Name three rivers.", "What is rain?"));
});

test("ShareGPT's human turns are turns; a conversation in which nobody asks is counted as skipped", async () => {
  assert.deepEqual(await readDataset(`${FIXTURES}/sharegpt.json`), {
    items: [
      {
        kind: "texts",
        system: "Be brief.",
        turns: [
          { content: 'What is [rain], "exactly"?', answer: "about all and any" },
          { content: "And snow?", answer: "it just" },
        ],
      },
      ...texts("Go on."),
    ],
    skipped: 1,
  });
});

test("Mooncake's shape without moments is lengths and blocks", async () => {
  assert.deepEqual((await readDataset(`${FIXTURES}/mooncake-without-moments.jsonl`)).items, [
    { kind: "lengths", inputTokens: 600, outputTokens: 5, hashIds: [0, 1] },
    { kind: "lengths", inputTokens: 700, hashIds: [0, 2] },
  ]);
});

const BY_CONTENT: readonly (readonly [why: string, name: string, text: string])[] = [
  ["a byte order mark is no part of the prompt", "mark.txt", "\ufeffWhy?"],
  ["without a known extension a brace means JSONL", "prompts", '{"prompt": "Why?"}\n'],
  ["without a known extension a bracket means a list", "data", ' [{"prompt": "Why?"}]'],
  [".json may be JSONL", "lines.json", '{"prompt": "Why?"}\n'],
  [".jsonl may be a list", "list.jsonl", '[{"prompt":\n"Why?"}\n]'],
  ["anything else is a prompt per line", "readme.md", "Why?\n"],
];
for (const [why, name, text] of BY_CONTENT) {
  test(`a data set is told by its name and its content: ${why}`, async () => {
    assert.deepEqual((await reading(name, text)).items, texts("Why?"));
  });
}

const MISTAKES: readonly (readonly [name: string, text: string, says: RegExp])[] = [
  ["empty.jsonl", "\n\n", /empty\.jsonl: holds no prompt\.$/],
  ["empty.csv", "prompt\r\n", /empty\.csv: holds no prompt\.$/],
  ["empty.json", "[]", /empty\.json: holds no prompt\.$/],
  [
    "silent.json",
    '[{"conversations": []}]',
    /holds no prompt; in none of its 1 conversations does a user ask\.$/,
  ],
  ["broken.jsonl", '{"prompt": "a"}\n\n{"prompt": \n', /broken\.jsonl line 3: is not JSON: /],
  ["cut.json", '[\n{"prompt": "a"},\n{"prompt": "b', /cut\.json item 2 \(line 3\): is not JSON: /],
  ["other.jsonl", '{"promt": "a"}', /other\.jsonl line 1: should have "prompt" \(a text\), "messages"/],
  ["list.jsonl", '{"prompt": "a"}\n3', /list\.jsonl line 2: should be an object/],
  ["none.jsonl", '{"prompt": " "}', /line 1: has an empty "prompt"/],
  [
    "many.jsonl",
    '{"prompt": "a", "max_tokens": "many"}',
    /line 1: has "many" as "max_tokens"; it should be a whole number from 1 on/,
  ],
  [
    "who.jsonl",
    '{"messages": [{"role": "toString", "content": "a"}]}',
    /has a message 1 that is not understood; it should have "role" \(user, assistant or system\)/,
  ],
  [
    "image.jsonl",
    '{"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}',
    /message 1 that is not understood/,
  ],
  [
    "ids.jsonl",
    '{"input_length": 600, "hash_ids": [1, 2, 3]}',
    /has 3 hash_ids for 600 tokens; there is one for each 512 tokens, 2 here/,
  ],
  [
    "columns.csv",
    "question,answer\na,b\n",
    /columns\.csv line 1: should name a column "prompt"; it names "question", "answer"\.$/,
  ],
  [
    "cells.csv",
    "prompt,max_tokens\na,5\nwell, yes,5\n",
    /cells\.csv line 3: has 3 cells where the header has 2/,
  ],
  ["open.csv", 'prompt\n"a\nb\n', /open\.csv line 2: opens a quote that nothing closes/],
  ["after.csv", 'prompt\n"a" b\n', /after\.csv line 2: has text after a closing quote/],
  ["number.csv", 'prompt,max_tokens\n"two\nlines",5\na,0\n', /number\.csv line 4: has "0" as "max_tokens"/],
];
for (const [name, text, says] of MISTAKES) {
  test(`${name} is refused, with the place and what would be right`, async () => {
    await assert.rejects(reading(name, text), (error) => {
      assert.ok(error instanceof ConfigError);
      assert.match(error.message, says);
      return true;
    });
  });
}

test("all mistakes are told at once, but no more than a reader wants", async () => {
  await assert.rejects(reading("bad.jsonl", '{"prompt": 1}\n'.repeat(9)), (error) => {
    assert.ok(error instanceof ConfigError);
    assert.equal(error.mistakes.length, 6);
    assert.match(error.mistakes[5]!.message, /^has 4 more mistakes/);
    return true;
  });
});

test("a file that is not there, or is a folder, is told so", async () => {
  await assert.rejects(readDataset(join(folder, "none.csv")), /none\.csv: there is no such file\.$/);
  await assert.rejects(readDataset(folder), /: is a folder; name a file in it\.$/);
});

test("the elements of a JSON list are found however it is written", () => {
  fc.assert(
    fc.property(fc.array(fc.jsonValue(), { minLength: 1 }), fc.constantFrom(0, 2, "\t"), (values, indent) => {
      const bytes = Buffer.from(JSON.stringify(values, undefined, indent));
      const found = [...jsonElements(bytes)].map(({ json }) => JSON.parse(json));
      assert.deepEqual(found, JSON.parse(bytes.toString()));
    }),
    { seed: 1, numRuns: 500 },
  );
});

test("the lines of JSONL are found with every end of line, and a line separator in a text is none", () => {
  const bytes = Buffer.from('{"a":"\u2028"}\r\n\r\n{"a":2}\n{"a":3}');
  assert.deepEqual(
    [...jsonLines(bytes)],
    [
      { where: "line 1", json: '{"a":"\u2028"}' },
      { where: "line 3", json: '{"a":2}' },
      { where: "line 4", json: '{"a":3}' },
    ],
  );
});

test("whatever is in the cells, CSV gives back what was written", () => {
  const cell = fc.string({ unit: fc.constantFrom("a", ",", '"', "\n", "\r", " ", "é") });
  const table = fc.array(fc.tuple(cell, cell), { minLength: 1 });
  fc.assert(
    fc.property(table, fc.constantFrom("\n", "\r\n", "\r"), (rows, newLine) => {
      const quoted = (text: string) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
      const text = ["x,y", ...rows.map((row) => row.map(quoted).join(","))].join(newLine);
      const found = parseCsv("t.csv", text).rows.map(({ cells }) => [cells.get("x"), cells.get("y")]);
      assert.deepEqual(found, rows);
    }),
    { seed: 1, numRuns: 500 },
  );
});
