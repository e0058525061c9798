import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { type ContextWish, checkContextFits, fittingHint } from "../../../server/inference/context-fit.ts";
import { ModelError } from "../../../server/inference/model-error.ts";
import { modelSource } from "../../../server/inference/model-file.ts";
import { serve } from "../../../server/main.ts";
import { send, TEST_CONFIG } from "../../support/server.ts";

const GIGABYTE = 1024 ** 3;
const wish: ContextWish = {
  slots: 8,
  contextSize: 4096,
  cacheBytesPerToken: 128 * 1024,
  availableBytes: 2 * GIGABYTE,
};

test("a context that cannot fit is refused before it is allocated, with what would fit", () => {
  assert.throws(
    () => checkContextFits(wish),
    (error: unknown) => {
      assert.ok(error instanceof ModelError && error.code === "OUT_OF_MEMORY");
      assert.equal(
        error.message,
        "There is not enough memory for 8 slots of 4096 tokens: they take 4.0 GB, and 2.0 GB are free.",
      );
      assert.equal(
        error.hint,
        "What would fit: SLOTS=3 with CONTEXT_SIZE=4096, or CONTEXT_SIZE=1536 with SLOTS=8.",
      );
      return true;
    },
  );
});

const fits: [string, Partial<ContextWish>][] = [
  ["the advice of fewer slots", { slots: 3 }],
  ["the advice of a smaller context", { contextSize: 1536 }],
  ["exactly what is free", { availableBytes: 4 * GIGABYTE }],
  ["a model of whose cache nothing is known", { cacheBytesPerToken: undefined }],
];
for (const [what, change] of fits) {
  test(`${what} is let through`, () => checkContextFits({ ...wish, ...change }));
}

const hints: [string, Partial<ContextWish> | undefined, string][] = [
  [
    "only fewer slots help",
    { contextSize: 300, slots: 256 },
    "What would fit: SLOTS=43 with CONTEXT_SIZE=300.",
  ],
  [
    "only a smaller context helps",
    { slots: 1, contextSize: 65_536 },
    "What would fit: CONTEXT_SIZE=13056 with SLOTS=1.",
  ],
  [
    "nothing would fit",
    { availableBytes: 1_000_000 },
    "Lower SLOTS or CONTEXT_SIZE, or take a smaller model or quantization.",
  ],
  [
    "it should have fitted",
    { availableBytes: 100 * GIGABYTE },
    "Lower SLOTS or CONTEXT_SIZE, or take a smaller model or quantization.",
  ],
  ["nothing is known", undefined, "Lower SLOTS or CONTEXT_SIZE, or take a smaller model or quantization."],
];
for (const [when, change, expected] of hints) {
  test(`when ${when} the hint says so`, () => {
    assert.equal(fittingHint(change && { ...wish, ...change }), expected);
  });
}

test("a server whose context is larger than the machine lives, and says so", async () => {
  const options = TEST_CONFIG;
  // 144 GB of keys and values.
  const huge = { slots: 256, contextSize: 32_768, model: modelSource("builtin:qwen3-80m") };
  const server = await serve({ ...options, ...huge });
  await assert.rejects(server.ready, { code: "OUT_OF_MEMORY" });
  const { status, json } = await send(`${server.url}/health`);
  assert.deepEqual([status, json.status, json.model_state], [503, "unhealthy", "failed"]);
  const sentence =
    /There is not enough memory for 256 slots of 32768 tokens: they take 144\.0 GB, and \d+\.\d GB are free\./;
  assert.match(json.model_error, sentence);
  const refused = await send(`${server.url}/inference`, { body: { prompt: "Hello" } });
  assert.deepEqual([refused.status, refused.json.error.code], [503, "MODEL_NOT_READY"]);
  assert.match(refused.json.error.message, sentence);
  await server.close();
});

test("a process that is given less memory than it asks for ends with 2 and a hint", async (t) => {
  if (process.platform === "win32") return t.skip("there is no ulimit");
  const main = fileURLToPath(new URL("../../../server/main.ts", import.meta.url));
  // 4 GB of keys and values in 3 GB of addresses: what the system refuses while it has memory to spare.
  const child = spawn(
    "sh",
    ["-c", 'ulimit -v 3000000 && exec "$0" --max-old-space-size=256 "$1"', process.execPath, main],
    {
      env: {
        PATH: process.env.PATH,
        HOME: process.env.HOME,
        HOST: "127.0.0.1",
        PORT: "0",
        GPU: "off",
        QUIET: "1",
        SLOTS: "256",
        CONTEXT_SIZE: "32768",
      },
    },
  );
  let stderr = "";
  child.stderr.on("data", (piece) => {
    stderr += piece;
  });
  const [code, signal] = await once(child, "close");
  assert.deepEqual([code, signal], [2, null], stderr);
  assert.match(
    stderr,
    /^There is not enough memory for .+\.\n(What would fit: |Lower SLOTS or CONTEXT_SIZE).+\.\n$/,
  );
});
