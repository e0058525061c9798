import assert from "node:assert/strict";
import { test } from "node:test";
import { NativeGarbage } from "../../../server/inference/native-garbage.ts";

for (const [vocabularySize, requests, why] of [
  [151_936, 37, "64 MiB in pieces of 1.8 MB"],
  [0, 4096, "what a request leaves without a vocabulary"],
] as const) {
  test(`a vocabulary of ${vocabularySize} is collected after each ${requests} requests: ${why}`, () => {
    const collections: number[] = [];
    let ended = 0;
    const garbage = new NativeGarbage(vocabularySize, () => collections.push(ended));
    while (ended < 3 * requests) {
      ended++;
      garbage.requestEnded();
    }
    assert.deepEqual(collections, [requests, 2 * requests, 3 * requests]);
  });
}

test("V8 is asked to collect, and does", { timeout: 30_000 }, async () => {
  let gone = false;
  const registry = new FinalizationRegistry<undefined>(() => {
    gone = true;
  });
  registry.register({}, undefined);
  // One request of this vocabulary is more than may be left.
  const garbage = new NativeGarbage(10_000_000);
  garbage.requestEnded();
  while (!gone) await new Promise((resolve) => setImmediate(resolve));
});
