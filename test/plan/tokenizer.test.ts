import assert from "node:assert/strict";
import { copyFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { ConfigError } from "../../src/errors.ts";
import { openTokenizer } from "../../src/plan/tokenizer.ts";

const FIXTURE = "test/fixtures/workloads/tokenizer.json";
let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "goodput-tokenizer-"));
});
after(() => rm(folder, { recursive: true }));

const COUNTS: readonly (readonly [text: string, tokens: number])[] = [
  ["", 0],
  ["about", 1],
  ["about all and any", 4],
  // Neither "x" nor what follows it is in a learned word.
  ["about xyz", 5],
  // Four bytes of UTF-8, none of them merged.
  ["🙂", 4],
];
for (const [text, tokens] of COUNTS) {
  test(`${JSON.stringify(text)} is ${tokens} tokens, the template's own not among them`, async () => {
    assert.equal((await openTokenizer(FIXTURE)).count(text), tokens);
  });
}

test("a tokenizer_config.json beside it is read too, and its mistakes are told", async () => {
  await copyFile(FIXTURE, join(folder, "tokenizer.json"));
  await writeFile(join(folder, "tokenizer_config.json"), '{"clean_up_tokenization_spaces": false}');
  assert.equal((await openTokenizer(join(folder, "tokenizer.json"))).count("about all"), 2);
  await writeFile(join(folder, "tokenizer_config.json"), "{");
  await assert.rejects(openTokenizer(join(folder, "tokenizer.json")), /tokenizer_config\.json: is not JSON/);
});

const WRONG: readonly (readonly [what: string, text: string | undefined, says: RegExp])[] = [
  ["is not there", undefined, /: there is no such file\.$/],
  ["is no JSON", "<html>", /: is not JSON: /],
  ["is a list", "[]", /: should hold an object, as a model's tokenizer\.json does\.$/],
  ["is something else", '{"model_type": "llama"}', /: is no tokenizer\.json that can be used: /],
];
for (const [i, [what, text, says]] of WRONG.entries()) {
  test(`a tokenizer file that ${what} is refused by name`, async () => {
    const path = join(folder, `wrong-${i}.json`);
    await rm(join(folder, "tokenizer_config.json"), { force: true });
    if (text !== undefined) await writeFile(path, text);
    await assert.rejects(openTokenizer(path), (error) => {
      assert.ok(error instanceof ConfigError);
      assert.ok(error.message.startsWith(path));
      assert.match(error.message, says);
      return true;
    });
  });
}
