import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../../src/clock.ts";
import { exchange } from "../../src/send/exchange.ts";
import { nullTransport } from "../../src/send/null-transport.ts";
import { protocolOf } from "../../src/send/protocols.ts";

const CHUNKS = [
  'data: {"choices":[{"delta":{"content":"a"}}]}\n\n',
  'data: {"choices":[{"delta":{"content":"b"}}]}\n\n',
  'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n',
].map((text) => Buffer.from(text));
const REQUEST = { method: "POST", path: "/v1/chat/completions", headers: {}, body: "{}" } as const;

function ask(signal: AbortSignal) {
  const clock = systemClock();
  const transport = nullTransport("m", CHUNKS)("http://nowhere", clock);
  return exchange(transport, protocolOf("openai-chat"), REQUEST, { clock, timeoutNs: 5e9, signal });
}

test("a run over it gets the whole answer, with its stamps in order", async () => {
  const got = await ask(new AbortController().signal);
  assert.equal(got.outcome, "completed");
  assert.equal(got.outputs.length, 2);
  const stamps = [got.issued, got.sent!, got.firstByte!, ...got.outputs, got.end];
  assert.deepEqual(
    stamps,
    stamps.toSorted((a, b) => a - b),
  );
});

test("an abort before its answer leaves it incomplete", async () => {
  const interrupt = new AbortController();
  const pending = ask(interrupt.signal);
  interrupt.abort();
  const got = await pending;
  assert.deepEqual([got.outcome, got.outputs], ["incomplete", []]);
});

test("a signal is listened to once, however many wait for it", async () => {
  const interrupt = new AbortController();
  let listeners = 0;
  const add = interrupt.signal.addEventListener.bind(interrupt.signal);
  interrupt.signal.addEventListener = (...args: Parameters<typeof add>) => {
    listeners++;
    add(...args);
  };
  const pending = Array.from({ length: 5 }, () => ask(interrupt.signal));
  assert.equal(listeners, 1);
  interrupt.abort();
  assert.deepEqual(
    new Set((await Promise.all(pending)).map(({ outcome }) => outcome)),
    new Set(["incomplete"]),
  );
});
