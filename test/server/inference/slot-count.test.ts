import assert from "node:assert/strict";
import { test } from "node:test";
import { slotsFor } from "../../../server/inference/slot-count.ts";

const GIB = 2 ** 30;

for (const [contextSize, cacheBytesPerToken, freeBytes, slots, why] of [
  [4096, 112 * 1024, 24 * GIB, 8, "more would only slow each other"],
  [4096, 112 * 1024, 4 * GIB, 4, "half of the memory holds four contexts of 448 MiB"],
  [32_768, 112 * 1024, 4 * GIB, 1, "not even one fits half of the memory, and none would be no server"],
  [4096, 112 * 1024, -GIB, 1, "the weights alone take more than there is"],
  [4096, undefined, GIB, 8, "nothing is known of the cache"],
] as const) {
  test(`${slots} slots of ${contextSize} tokens in ${freeBytes / GIB} GiB: ${why}`, () => {
    assert.equal(slotsFor({ contextSize, cacheBytesPerToken, freeBytes }), slots);
  });
}
