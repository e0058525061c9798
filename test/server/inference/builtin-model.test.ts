import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { writeBuiltinModel } from "../../../server/inference/builtin/builtin-file.ts";
import { builtinModel } from "../../../server/inference/builtin-model.ts";
import { checkGguf } from "../../../server/inference/gguf-check.ts";
import { ModelError } from "../../../server/inference/model-error.ts";
import { modelSource } from "../../../server/inference/model-file.ts";

const folder = mkdtempSync(join(tmpdir(), "goodput-model-"));
after(() => rmSync(folder, { recursive: true }));

const model = builtinModel(1);

function file(name: string, bytes: Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

function problem(path: string): ModelError {
  try {
    checkGguf(path);
  } catch (error) {
    assert.ok(error instanceof ModelError, String(error));
    return error;
  }
  throw new assert.AssertionError({ message: `${path} was taken for a good model` });
}

test("the same seed writes the same bytes, another seed others", () => {
  assert.ok(model.equals(builtinModel(1)));
  assert.ok(!model.equals(builtinModel(2)));
});

test("the default built-in model is the same file as ever", () => {
  const digest = createHash("sha256").update(model).digest("hex");
  assert.equal(digest, "ca1f61111727958bf90d2afdf6de54da66da0837a0c49eec25f3c08e2044eec1");
});

test("MODEL selects a built-in model by its name, and an unknown one is refused with those there are", () => {
  assert.deepEqual(modelSource("builtin"), modelSource(undefined));
  assert.deepEqual(modelSource("builtin:qwen3next"), { kind: "builtin", seed: 1, id: "qwen3next" });
  assert.throws(
    () => modelSource("builtin:llama"),
    (error: ModelError) => {
      assert.equal(error.code, "MODEL_NOT_FOUND");
      assert.match(error.message, /no built-in model "llama"/);
      assert.match(error.hint!, /builtin:qwen3, builtin:qwen2, builtin:qwen3moe, builtin:qwen3next/);
      return true;
    },
  );
});

test("the built-in model passes the check that users' models go through", () => {
  checkGguf(file("good.gguf", model));
});

test("the built-in model's file is reused when intact and written again when damaged", async () => {
  const path = await writeBuiltinModel(1, "qwen3", [folder]);
  assert.equal(await writeBuiltinModel(1, "qwen3", [folder]), path);
  writeFileSync(path, model.subarray(0, 1000));
  assert.equal(await writeBuiltinModel(1, "qwen3", [folder]), path);
  assert.ok(readFileSync(path).equals(model));
});

test("a folder that cannot be written to is passed over for the next", async () => {
  const blocked = join(file("a-file", Buffer.of(1)), "below");
  assert.ok((await writeBuiltinModel(3, "qwen3", [blocked, folder])).startsWith(folder));
});

test("a missing file is told apart from a broken one", () => {
  const error = problem(join(folder, "nowhere.gguf"));
  assert.equal(error.code, "MODEL_NOT_FOUND");
  assert.match(error.message, /There is no model file at .*nowhere\.gguf/);
  assert.ok(error.hint);
});

test("a folder is not a model", () => {
  assert.equal(problem(folder).code, "MODEL_CORRUPT");
});

test("a model cut short anywhere is refused with the reason", () => {
  for (const length of [0, 3, 10, 24, 100, 5_000, 30_000, 100_000, model.length - 1000, model.length - 100]) {
    const error = problem(file("short.gguf", model.subarray(0, length)));
    assert.equal(error.code, "MODEL_CORRUPT", `at ${length}`);
  }
  assert.match(
    problem(file("short.gguf", model.subarray(0, -1000))).message,
    /the tensor output\.weight ends at byte/,
  );
});

test("another format is refused by its first letters", () => {
  assert.match(
    problem(file("page.gguf", Buffer.from("<!doctype html><title>Not Found</title>"))).message,
    /letters GGUF/,
  );
});

test("a header of random numbers is refused and allocates nothing to speak of", () => {
  // A seeded xorshift: each file is different, every run the same.
  let state = 0x2545f491;
  const randomByte = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state & 0xff;
  };
  for (let round = 0; round < 200; round++) {
    const bytes = Buffer.from(model.subarray(0, 60_000));
    // From the counts on, or from some place within the metadata.
    const start = round % 2 === 0 ? 8 : 24 + ((round * 37) % 20_000);
    for (let index = start; index < start + 64; index++) bytes[index] = randomByte();
    assert.equal(problem(file("random.gguf", bytes)).code, "MODEL_CORRUPT");
  }
});
