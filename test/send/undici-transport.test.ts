import assert from "node:assert/strict";
import { createServer } from "node:net";
import { test } from "node:test";
import { systemClock } from "../../src/clock.ts";
import { exchange } from "../../src/send/exchange.ts";
import { protocolOf } from "../../src/send/protocol.ts";
import { undiciTransport } from "../../src/send/undici-transport.ts";

test("events that came with one read of the socket have one moment, whatever it takes to read them", async () => {
  const event = (delta: object, finish?: string) =>
    `data: ${JSON.stringify({ choices: [{ delta, finish_reason: finish ?? null }] })}\n\n`;
  const events = [..."abcdefgh"].map((content) => event({ content })).concat(event({}, "stop"));
  const chunks = events.map((text) => `${text.length.toString(16)}\r\n${text}\r\n`).join("");
  const answer = `HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n${chunks}0\r\n\r\n`;
  const server = createServer((socket) => socket.once("data", () => socket.write(answer)));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  const system = systemClock();
  let asked = 0;
  // Every look at this clock is a moment of its own.
  const clock = { ...system, now: () => system.now() + ++asked * 1e6 };
  const transport = undiciTransport(`http://127.0.0.1:${port}`, clock);
  try {
    const { outcome, outputs } = await exchange(
      transport,
      protocolOf("openai-chat"),
      { method: "POST", path: "/v1/chat/completions", headers: {}, body: "{}" },
      { clock, timeoutNs: 60e9, signal: new AbortController().signal },
    );
    assert.equal(outcome, "completed");
    assert.equal(outputs.length, 8);
    assert.equal(new Set(outputs).size, 1);
  } finally {
    await transport.close();
    server.close();
  }
});
