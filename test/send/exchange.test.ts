import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../../src/clock.ts";
import type { ProtocolName } from "../../src/plan/plan.ts";
import { type Fault, type Script, startScriptedServer } from "../../src/scripted-server.ts";
import { type Exchange, exchange } from "../../src/send/exchange.ts";
import { protocolOf } from "../../src/send/protocols.ts";
import { requestHeaders } from "../../src/send/target.ts";
import { undiciTransport } from "../../src/send/undici-transport.ts";

interface Options {
  readonly protocol?: ProtocolName;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** One request to a server that follows the script. */
async function ask(
  script: Script,
  { protocol: name = "openai-chat", timeoutMs = 10_000, signal }: Options = {},
): Promise<Exchange> {
  const server = await startScriptedServer(script);
  const clock = systemClock();
  const transport = undiciTransport(server.url, clock);
  const protocol = protocolOf(name);
  try {
    return await exchange(
      transport,
      protocol,
      {
        method: "POST",
        path: `/v1${protocol.path("m", true)}`,
        headers: requestHeaders(undefined),
        body: protocol.body({
          model: "m",
          messages: [{ role: "user", content: "one two three" }],
          maxTokens: 8,
          ignoreEos: false,
          stream: true,
        }),
      },
      { clock, timeoutNs: timeoutMs * 1e6, signal: signal ?? new AbortController().signal },
    );
  } finally {
    await transport.close();
    await server.close();
  }
}

const faulty = (fault: Fault): Script => ({ fault: () => fault });
const raw = (...chunks: string[]): Script =>
  faulty({ kind: "raw", chunks: chunks.map((chunk) => Buffer.from(chunk)) });
const event = (value: unknown) => `data: ${JSON.stringify(value)}\n\n`;
const delta = (value: unknown, finish: string | null = null) =>
  event({ choices: [{ index: 0, delta: value, finish_reason: finish }] });
const DONE = "data: [DONE]\n\n";

for (const protocol of ["openai-chat", "openai-completions"] as const) {
  test(`${protocol}: a good answer has its stamps in order, its chunks and its usage`, async () => {
    const got = await ask({ chunks: 5, gapMs: 1 }, { protocol });
    assert.equal(got.outcome, "completed");
    assert.equal(got.outputs.length, 5);
    assert.deepEqual([got.outputTokens, got.tokenSource], [5, "usage"]);
    const stamps = [got.issued, got.sent!, got.firstByte!, ...got.outputs, got.end];
    assert.deepEqual(
      stamps,
      stamps.toSorted((a, b) => a - b),
    );
    assert.ok(stamps.every(Number.isInteger));
  });
}

test("four tokens in a chunk are counted as four", async () => {
  const got = await ask({ chunks: 3, tokensPerChunk: 4 });
  assert.deepEqual([got.outputs.length, got.outputTokens], [3, 12]);
});

test("without usage chunks are counted, and said to be", async () => {
  const got = await ask({ chunks: 3, tokensPerChunk: 4, usage: false });
  assert.deepEqual([got.outputTokens, got.tokenSource], [3, "chunks"]);
});

/** Deltas, and whether they are output. */
const DELTAS: readonly (readonly [value: unknown, output: boolean])[] = [
  [{ role: "assistant" }, false],
  [{ role: "assistant", content: "" }, false],
  [{ content: null }, false],
  [{}, false],
  [{ content: "a" }, true],
  [{ content: " " }, true],
  [{ reasoning_content: "hm" }, true],
  [{ reasoning: "hm" }, true],
  [{ refusal: "no" }, true],
  [{ tool_calls: [{ index: 0, function: { arguments: "{" } }] }, true],
  [{ tool_calls: [] }, false],
];

for (const [value, output] of DELTAS) {
  test(`the delta ${JSON.stringify(value)} is ${output ? "" : "no "}output`, async () => {
    const got = await ask(raw(delta({ content: "x" }), delta(value), delta({}, "stop"), DONE));
    assert.equal(got.outcome, "completed");
    assert.equal(got.outputs.length, output ? 2 : 1);
  });
}

test("a stream that finishes without [DONE] is complete", async () => {
  assert.equal((await ask(raw(delta({ content: "a" }), delta({}, "stop")))).outcome, "completed");
});

test("usage alone with empty choices is read and is no output", async () => {
  const usage = event({ choices: [], usage: { prompt_tokens: 3, completion_tokens: 9 } });
  const got = await ask(raw(delta({ content: "a" }, "stop"), usage, DONE));
  assert.deepEqual([got.outputs.length, got.inputTokens, got.outputTokens], [1, 3, 9]);
});

/** What goes wrong, and how it is told. */
const FAILURES: Readonly<Record<string, readonly [script: Script, reason: string, detail: RegExp]>> = {
  "a refused request": [
    faulty({ kind: "status", status: 429, message: "slow down" }),
    "http_4xx",
    /^HTTP 429: slow down$/,
  ],
  "a server error": [faulty({ kind: "status", status: 503 }), "http_5xx", /^HTTP 503/],
  "a redirect": [
    faulty({ kind: "status", status: 302, headers: { location: "http://elsewhere" } }),
    "http_3xx",
    /^HTTP 302/,
  ],
  "a reset in the middle": [faulty({ kind: "reset", afterChunks: 2 }), "truncated", /./],
  "a stream cut short": [
    faulty({ kind: "truncate", afterChunks: 2 }),
    "truncated",
    /before the model said it was done/,
  ],
  "an empty stream": [raw(""), "truncated", /before the model said/],
  "a stream with a finish and no output": [raw(delta({}, "stop"), DONE), "truncated", /without any output/],
  "an error inside a good stream": [
    faulty({ kind: "error_event", message: "out of memory" }),
    "bad_stream",
    /^out of memory$/,
  ],
  "an event that is not JSON": [raw("data: {oops\n\n"), "bad_stream", /JSON/],
  "an event that is no object": [raw("data: 5\n\n"), "bad_stream", /not an object/],
};

for (const [name, [script, reason, detail]] of Object.entries(FAILURES)) {
  test(`${name} is a failure of kind ${reason}`, async () => {
    const got = await ask(script);
    assert.equal(got.outcome, "failed");
    assert.equal(got.failure?.reason, reason);
    assert.match(got.failure!.detail, detail);
  });
}

test("an answer that is neither a stream nor JSON is a bad stream", async () => {
  const html = faulty({ kind: "status", status: 200, headers: { "content-type": "text/html" } });
  const got = await ask(html);
  assert.equal(got.failure?.reason, "bad_stream");
  assert.match(got.failure!.detail, /expected text\/event-stream, got text\/html/);
});

test("silence ends at the time limit", async () => {
  const got = await ask(faulty({ kind: "silence" }), { timeoutMs: 50 });
  assert.equal(got.failure?.reason, "timeout");
});

test("what is cut off by us is incomplete, neither completed nor failed", async () => {
  const interrupt = new AbortController();
  const pending = ask(faulty({ kind: "silence" }), { signal: interrupt.signal });
  setImmediate(() => interrupt.abort());
  assert.equal((await pending).outcome, "incomplete");
});

test("nobody listening is a failure to connect", async () => {
  const server = await startScriptedServer();
  await server.close();
  const clock = systemClock();
  const transport = undiciTransport(server.url, clock);
  const request = { method: "POST", path: "/v1/chat/completions", headers: {}, body: "{}" } as const;
  const got = await exchange(transport, protocolOf("openai-chat"), request, {
    clock,
    timeoutNs: 5e9,
    signal: new AbortController().signal,
  });
  await transport.close();
  assert.equal(got.failure?.reason, "connect");
  assert.match(got.failure!.detail, /ECONNREFUSED/);
});
