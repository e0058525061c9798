import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { builtinModel, builtinModelFile } from "../../../server/inference/builtin-model.ts";
import { checkGguf } from "../../../server/inference/gguf-check.ts";
import type { Damage, Outcome } from "../../support/load-corpus.ts";

const folder = mkdtempSync(join(tmpdir(), "goodput-damaged-"));
after(() => rmSync(folder, { recursive: true }));

const good = builtinModel(1);
const { header } = builtinModelFile(1, "qwen3");
const vocabularyAt = header.indexOf("tokenizer.ggml.tokens");
const tensorsAt = header.indexOf("token_embd.weight");

/** Loads all of them in a process that has to outlive them. */
async function outcomes(damages: readonly Damage[]): Promise<Outcome[]> {
  const list = join(folder, "damages.json");
  writeFileSync(list, JSON.stringify(damages));
  const script = fileURLToPath(new URL("../../support/load-corpus.ts", import.meta.url));
  const child = spawn(process.execPath, [script, list, join(folder, "damaged.gguf")], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let text = "";
  let complaints = "";
  child.stdout.setEncoding("utf8").on("data", (piece: string) => {
    text += piece;
  });
  child.stderr.setEncoding("utf8").on("data", (piece: string) => {
    complaints = (complaints + piece).slice(-2_000);
  });
  const [code, signal] = await once(child, "close");
  const found = [...text.matchAll(/^@(.*)$/gm)].map(([, line]) => JSON.parse(line!) as Outcome);
  assert.deepEqual(
    [code, signal],
    [0, null],
    `ended by ${JSON.stringify(damages[found.length])}\n${complaints}`,
  );
  return found;
}

test("a model that is cut anywhere is refused with a sentence, and takes no process with it", async () => {
  const places = fc.sample(fc.integer({ min: 0, max: good.length - 1 }), { seed: 1, numRuns: 40 });
  const inHeader = fc.sample(fc.integer({ min: 0, max: header.length }), { seed: 2, numRuns: 40 });
  const lengths = [
    0,
    1,
    4,
    23,
    24,
    header.length - 1,
    header.length,
    good.length - 1,
    ...places,
    ...inHeader,
  ];
  for (const [index, outcome] of (
    await outcomes(lengths.map((length) => ({ bytes: [], length })))
  ).entries()) {
    assert.equal(outcome.kind, "refused", `cut at ${lengths[index]}: ${JSON.stringify(outcome)}`);
    assert.ok(outcome.kind === "refused" && outcome.code === "MODEL_CORRUPT");
    assert.match(outcome.message, /damaged\.gguf is not a usable GGUF file: [^\n]+\.$/);
  }
});

test("a model with a wrong byte in its header works or is refused, and takes no process with it", async () => {
  const value = fc.integer({ min: 0, max: 255 });
  const wrongByte = (from: number, to: number) =>
    fc.tuple(fc.integer({ min: from, max: to - 1 }), value).map(([at, value]) => [at, value] as const);
  // The vocabulary is most of the header and the least of what can go wrong in it.
  const damage = fc.oneof(
    { weight: 4, arbitrary: fc.array(wrongByte(0, vocabularyAt), { minLength: 1, maxLength: 2 }) },
    { weight: 2, arbitrary: fc.array(wrongByte(tensorsAt, header.length), { minLength: 1, maxLength: 2 }) },
    { weight: 1, arbitrary: fc.array(wrongByte(vocabularyAt, tensorsAt), { minLength: 1, maxLength: 2 }) },
  );
  const damages = fc
    .sample(damage, { seed: 3, numRuns: 40 })
    .map((bytes) => ({ bytes, length: good.length }));
  const found = await outcomes(damages);
  for (const [index, outcome] of found.entries()) {
    assert.notEqual(outcome.kind, "odd", `${JSON.stringify(damages[index])}: ${JSON.stringify(outcome)}`);
  }
  assert.ok(found.some(({ kind }) => kind === "refused") && found.some(({ kind }) => kind === "works"));
});

test("what llama.cpp would end the process for is refused before it sees the file", async () => {
  // The value follows the key and its type; a key is spoilt by its last letter.
  const number = (key: string, value: number): Damage => {
    const at = header.indexOf(key) + key.length + 4;
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(value);
    return { bytes: [...bytes].map((byte, index) => [at + index, byte] as const), length: good.length };
  };
  const missing = (key: string): Damage => ({
    bytes: [[header.indexOf(key) + key.length - 1, 0x21]],
    length: good.length,
  });
  const nan = Buffer.alloc(4);
  nan.writeFloatLE(Number.NaN);
  const cases = [
    [number("qwen3.block_count", 0), /its qwen3\.block_count is 0\.$/],
    [number("qwen3.block_count", 513), /its qwen3\.block_count is 513\.$/],
    [missing("qwen3.feed_forward_length"), /it lacks qwen3\.feed_forward_length\.$/],
    [number("qwen3.feed_forward_length", 0), /its qwen3\.feed_forward_length is 0\.$/],
    [missing("qwen3.attention.head_count"), /it lacks qwen3\.attention\.head_count\.$/],
    [number("qwen3.attention.head_count", 3), /its 3 attention heads cannot share/],
    [number("qwen3.attention.head_count_kv", 0), /cannot share 0 of keys and values\.$/],
    [number("qwen3.embedding_length", 2 ** 32 - 1), /its qwen3\.embedding_length is 4294967295\.$/],
    [missing("general.architecture"), /it does not name the model's architecture\.$/],
    [number("layer_norm_rms_epsilon", nan.readUInt32LE()), /layer_norm_rms_epsilon is NaN\.$/],
  ] as const;
  const found = await outcomes(cases.map(([damage]) => damage));
  for (const [index, [, expected]] of cases.entries()) {
    const outcome = found[index]!;
    assert.ok(outcome.kind === "refused" && outcome.code === "MODEL_CORRUPT", JSON.stringify(outcome));
    assert.match(outcome.message, expected);
  }
});

test("a hybrid model whose state has another size than its tensors is refused too", () => {
  const bytes = builtinModel(1, "qwen3next");
  const path = join(folder, "hybrid.gguf");
  for (const [key, expected] of [
    ["qwen3next.ssm.inner_size", /ssm\.inner_size is 0\.$/],
    ["qwen3next.rope.dimension_count", /it rotates 0 dimensions of heads/],
  ] as const) {
    const damaged = Buffer.from(bytes);
    damaged.writeUInt32LE(0, damaged.indexOf(key) + key.length + 4);
    writeFileSync(path, damaged);
    assert.throws(() => checkGguf(path), expected);
    damaged.writeUInt32LE(
      2,
      damaged.indexOf("qwen3next.ssm.inner_size") + "qwen3next.ssm.inner_size".length + 4,
    );
    writeFileSync(path, damaged);
    assert.throws(() => checkGguf(path), { code: "MODEL_CORRUPT" });
  }
});

test("every built-in architecture passes the check", () => {
  for (const id of ["qwen2", "qwen3", "qwen3moe", "qwen3next"] as const) {
    const path = join(folder, `${id}.gguf`);
    writeFileSync(path, builtinModel(1, id));
    checkGguf(path);
  }
});
