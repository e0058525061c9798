import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { test } from "node:test";
import { systemClock } from "../../src/clock.ts";
import { exchange } from "../../src/send/exchange.ts";
import { protocolOf } from "../../src/send/protocols.ts";
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

test("connections are opened ahead, used by the requests that follow, and replaced when the server closed them", async () => {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on("data", () => socket.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  const transport = undiciTransport(`http://127.0.0.1:${port}`, systemClock());
  const get = () =>
    new Promise<void>((resolve, reject) => {
      const handler = { onSent() {}, onHeaders() {}, onData() {}, onEnd: () => resolve(), onError: reject };
      transport.send({ method: "GET", path: "/", headers: {} }, handler);
    });
  try {
    await transport.prepare(5);
    assert.equal(transport.connectionsOpened, 5);
    await Promise.all([get(), get(), get(), get()]);
    assert.equal(transport.connectionsOpened, 5);
    await transport.prepare(5);
    assert.equal(transport.connectionsOpened, 5, "those in use count too");
    await transport.prepare(6);
    const [idle] = sockets.slice(-1);
    idle!.destroy();
    await once(idle!, "close");
    await get();
    await Promise.all(Array.from({ length: 7 }, get));
    assert.ok(transport.connectionsOpened > 6);
  } finally {
    await transport.close();
    server.close();
  }
  await Promise.all(sockets.filter((socket) => !socket.closed).map((socket) => once(socket, "close")));
});

test("a server that refuses connections does so to requests, not while they are prepared", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  const transport = undiciTransport(`http://127.0.0.1:${port}`, systemClock());
  await transport.prepare(3);
  assert.equal(transport.connectionsOpened, 0);
  await transport.close();
});

test("no request is lost to a server that closes each connection after its answer without a word", async () => {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.on("data", (data) => {
      if (!data.includes("POST")) return;
      socket.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}");
      setImmediate(() => socket.end());
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  const transport = undiciTransport(`http://127.0.0.1:${port}`, systemClock());
  const post = () =>
    new Promise<void>((resolve, reject) => {
      const handler = { onSent() {}, onHeaders() {}, onData() {}, onEnd: () => resolve(), onError: reject };
      transport.send({ method: "POST", path: "/", headers: {}, body: "{}" }, handler);
    });
  const slot = async () => {
    for (let i = 0; i < 10; i++) await post();
  };
  try {
    await Promise.all([slot(), slot(), slot()]);
    await transport.prepare(3);
    await Promise.all([slot(), slot(), slot()]);
    assert.ok(transport.connectionsOpened >= 60);
  } finally {
    await transport.close();
    server.close();
  }
});
