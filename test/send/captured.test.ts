import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { PROTOCOLS, type ProtocolName } from "../../src/plan/plan.ts";
import { type Exchange, exchange } from "../../src/send/exchange.ts";
import { protocolOf } from "../../src/send/protocols.ts";
import { remembering } from "../../src/send/remembering.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { replayTransport } from "../support/replay-transport.ts";

/** What is true of a stream however its bytes were cut. */
interface Told {
  readonly outputs: number;
  /** Input and output as the server counted them; without: chunks were counted. */
  readonly usage?: readonly [input: number | undefined, output: number];
  readonly text: string;
  /** Why it failed; without: it completed. */
  readonly failed?: readonly [reason: string, detail: RegExp];
}

const HELLO: Told = { outputs: 7, usage: [9, 7], text: "Hello! How can I help?" };
const CHAT = "openai-chat";

const STREAMS: Readonly<Record<string, readonly [ProtocolName, Told]>> = {
  "openai-chat.sse": [CHAT, HELLO],
  "openai-chat-crlf.sse": [CHAT, HELLO],
  "openai-chat-cr.sse": [CHAT, HELLO],
  "openai-chat-bom.sse": [CHAT, HELLO],
  "openai-chat-no-blank-line-at-end.sse": [CHAT, HELLO],
  "openai-chat-no-done.sse": [CHAT, HELLO],
  "openai-chat-no-space-after-colon.sse": [CHAT, HELLO],
  "openai-chat-tool-calls.sse": [CHAT, { outputs: 6, usage: [54, 15], text: "" }],
  "openai-chat-refusal.sse": [CHAT, { outputs: 2, text: "" }],
  "openai-chat-role-only.sse": [
    CHAT,
    { outputs: 0, usage: [9, 0], text: "", failed: ["truncated", /without any output/] },
  ],
  "openai-chat-truncated.sse": [
    CHAT,
    { outputs: 5, text: "Hello! How can I", failed: ["bad_stream", /JSON/] },
  ],
  "openai-chat-several-choices.sse": [CHAT, { outputs: 1, text: "ab" }],
  "vllm-chat-reasoning-content.sse": [CHAT, { outputs: 7, usage: [15, 9], text: "\n\nParis." }],
  "vllm-chat-reasoning.sse": [CHAT, { outputs: 3, usage: [15, 4], text: "Paris" }],
  "vllm-chat-continuous-usage.sse": [CHAT, { outputs: 3, usage: [15, 3], text: "abc" }],
  "vllm-chat-multi-token-chunks.sse": [
    CHAT,
    { outputs: 2, usage: [12, 8], text: " one two three four five six seven eight" },
  ],
  "vllm-chat-error-in-stream.sse": [
    CHAT,
    { outputs: 1, text: "a", failed: ["bad_stream", /^EngineCore encountered an issue/] },
  ],
  "vllm-chat-error-old-shape.sse": [
    CHAT,
    { outputs: 0, text: "", failed: ["bad_stream", /maximum context length/] },
  ],
  "vllm-completions.sse": ["openai-completions", { outputs: 4, usage: [5, 4], text: " and then it ended" }],
  "sglang-chat.sse": [CHAT, { outputs: 3, usage: [21, 4], text: "Sure, here" }],
  "llamacpp-chat.sse": [CHAT, { outputs: 3, usage: [11, 3], text: "Hi there!" }],
  // Its error comes under a field of its own, which is no event; what is left is a stream without a finish.
  "llamacpp-chat-error-field.sse": [
    CHAT,
    { outputs: 1, text: "Hi", failed: ["truncated", /before the model said/] },
  ],
  "openrouter-chat-pings.sse": [CHAT, { outputs: 2, usage: [7, 5], text: "A" }],
  "several-data-lines.sse": [CHAT, { outputs: 1, usage: [2, 1], text: "a" }],
  "utf8.sse": [CHAT, { outputs: 7, usage: [4, 20], text: "é€한국어😀👩‍👩‍👧‍👦\u2028العربية" }],
  "json-escapes.sse": [CHAT, { outputs: 7, text: '\n"quoted"é😀data: x\n\n}{ ' }],
  "empty.sse": [CHAT, { outputs: 0, text: "", failed: ["truncated", /before the model said/] }],
  "pings-only.sse": [CHAT, { outputs: 0, text: "", failed: ["truncated", /before the model said/] }],
  "done-only.sse": [CHAT, { outputs: 0, text: "", failed: ["truncated", /without any output/] }],
  "not-json.sse": [CHAT, { outputs: 1, text: "a", failed: ["bad_stream", /JSON/] }],
  "openai-responses.sse": ["openai-responses", { outputs: 4, usage: [8, 6], text: "Hi there!" }],
  "openai-responses-incomplete.sse": ["openai-responses", { outputs: 1, usage: [8, 6], text: "Hi" }],
  "openai-responses-failed.sse": [
    "openai-responses",
    { outputs: 1, text: "Hi", failed: ["bad_stream", /^The model failed to generate/] },
  ],
  "triton-trtllm.sse": ["triton", { outputs: 3, text: "The answer is" }],
  "triton-error.sse": ["triton", { outputs: 1, text: "a", failed: ["bad_stream", /Executor failed/] }],
  "tgi.sse": ["tgi", { outputs: 2, usage: [6, 3], text: " Deep learning" }],
  "tgi-error.sse": ["tgi", { outputs: 0, text: "", failed: ["bad_stream", /^Request failed during/] }],
  "ollama.ndjson": ["ollama", { outputs: 4, usage: [26, 5], text: "Why not? ✓" }],
  "ollama-no-newline-at-end.ndjson": ["ollama", { outputs: 1, usage: [undefined, 1], text: "a" }],
  "ollama-error.ndjson": ["ollama", { outputs: 1, text: "a", failed: ["bad_stream", /unexpected EOF/] }],
  "inference.sse": ["inference", { outputs: 2, usage: [undefined, 2], text: "The cat" }],
  "inference-error.sse": [
    "inference",
    { outputs: 1, text: "The", failed: ["bad_stream", /^The model stopped/] },
  ],
};

const FOLDER = "test/fixtures/sse";

test("every captured stream is read by some test", () => {
  assert.deepEqual(
    globSync(`${FOLDER}/*`)
      .map((path) => basename(path))
      .toSorted(),
    Object.keys(STREAMS).toSorted(),
  );
});

for (const [name, [protocol, told]] of Object.entries(STREAMS)) {
  const bytes = readFileSync(`${FOLDER}/${name}`);

  test(`${name} is told as it is`, async () => {
    const got = await replay(name, protocol, [bytes]);
    assert.equal(got.outputs.length, told.outputs);
    assert.equal(got.text, told.text);
    if (told.usage === undefined) {
      assert.deepEqual([got.outputTokens, got.tokenSource], [told.outputs, "chunks"]);
    } else {
      assert.deepEqual([got.inputTokens, got.outputTokens, got.tokenSource], [...told.usage, "usage"]);
    }
    assert.equal(got.outcome, told.failed === undefined ? "completed" : "failed");
    assert.equal(got.failure?.reason, told.failed?.[0]);
    if (told.failed) assert.match(got.failure!.detail, told.failed[1]);
  });

  test(`${name} is told the same for every cut of its bytes`, async () => {
    const whole = withoutMoments(await replay(name, protocol, [bytes]));
    const single = [...bytes].map((byte) => Buffer.of(byte));
    assert.deepEqual(withoutMoments(await replay(name, protocol, single)), whole, "a byte at a time");
    for (let at = 0; at <= bytes.length; at++) {
      const got = await replay(name, protocol, [bytes.subarray(0, at), bytes.subarray(at)]);
      assert.deepEqual(withoutMoments(got), whole, `cut at ${at}`);
    }
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(bytes.length), { maxLength: 40 }), async (cuts) => {
        const edges = [0, ...cuts.toSorted((a, b) => a - b), bytes.length];
        const reads = edges.slice(1).map((edge, i) => bytes.subarray(edges[i]!, edge));
        assert.deepEqual(withoutMoments(await replay(name, protocol, reads)), whole);
      }),
      { seed: 1, numRuns: 50 },
    );
  });
}

test("an output has the moment of the read in which its event ended", async () => {
  const event = 'data: {"choices":[{"delta":{"content":"a"},"finish_reason":"stop"}]}\n\n';
  const reads = [event + event, event.slice(0, 20), event.slice(20, -1), event.slice(-1), event];
  const got = await replay(
    "x.sse",
    "openai-chat",
    reads.map((read) => Buffer.from(read)),
  );
  assert.deepEqual(got.outputs, [1, 1, 4, 5]);
  assert.equal(got.end, 6);
});

/** As in a run, one for all answers. */
const protocols = new Map(PROTOCOLS.map((name) => [name, remembering(protocolOf(name))]));

function replay(file: string, protocolName: ProtocolName, reads: readonly Buffer[]): Promise<Exchange> {
  const clock = new FakeClock();
  const type = file.endsWith(".ndjson") ? "application/x-ndjson" : "text/event-stream; charset=utf-8";
  const request = { method: "POST", path: "/", headers: {}, body: "{}" } as const;
  return exchange(replayTransport(type, reads, clock), protocols.get(protocolName)!, request, {
    clock,
    timeoutNs: 1e9,
    signal: new AbortController().signal,
    keepText: true,
  });
}

/** Without what depends on how many reads there were. */
function withoutMoments({ outputs, end: _, firstByte: __, bytes: ___, ...rest }: Exchange): object {
  return { ...rest, outputs: outputs.length };
}
