import assert from "node:assert/strict";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { systemClock } from "../../src/clock.ts";
import { textFetcher } from "../../src/observe/fetch-text.ts";
import { observeTarget } from "../../src/observe/observe-target.ts";
import type { Transport } from "../../src/send/transport.ts";
import { undiciTransport } from "../../src/send/undici-transport.ts";
import { NS_PER_S } from "../../src/units.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { page } from "./observed.ts";

const MIB = 1024 * 1024;

test("a page is fetched whole, asked for as Prometheus asks, over connections that are kept", async () => {
  const asked: unknown[] = [];
  const ports = new Set<number | undefined>();
  await using server = await serve((request, response) => {
    asked.push([request.url, request.headers.accept, request.headers.authorization]);
    ports.add(request.socket.remotePort);
    response.write('a 1\nb{c="mod');
    response.end('èle"} 2\n');
  });
  const { fetchText, close } = textFetcher(undiciTransport, systemClock(), { authorization: "Bearer key" });
  const signal = new AbortController().signal;
  for (let i = 0; i < 6; i++) {
    assert.equal(
      await fetchText(`${server.url}/metrics?format=prometheus`, signal),
      'a 1\nb{c="modèle"} 2\n',
    );
  }
  await close();
  const accept = "text/plain;version=0.0.4, application/openmetrics-text;version=1.0.0;q=0.5, */*;q=0.1";
  assert.deepEqual(asked, Array(6).fill(["/metrics?format=prometheus", accept, "Bearer key"]));
  // The next may be asked for in the turn in which the last one ended, when its connection is not yet free.
  assert.ok(ports.size <= 2, `${ports.size} connections`);
});

test("anything but 200 is refused with its status", async () => {
  await using server = await serve((request, response) => {
    response.writeHead(Number(request.url?.slice(1)), { location: "/200" }).end("a 1\n");
  });
  const { fetchText, close } = textFetcher(undiciTransport, systemClock());
  for (const status of [204, 302, 401, 404, 503]) {
    await assert.rejects(fetchText(`${server.url}/${status}`, new AbortController().signal), {
      message: `HTTP ${status}`,
    });
  }
  await close();
});

test("a page that is larger than 16 MiB is read no further", async () => {
  const { promise: dropped, resolve } = Promise.withResolvers<void>();
  await using server = await serve((_request, response) => {
    response.on("close", resolve);
    const megabyte = Buffer.alloc(MIB, "a 1\n");
    const more = () => {
      while (!response.destroyed && response.write(megabyte));
      response.once("drain", more);
    };
    more();
  });
  const { fetchText, close } = textFetcher(undiciTransport, systemClock());
  await assert.rejects(fetchText(server.url, new AbortController().signal), {
    message: "the page is larger than 16 MiB",
  });
  await dropped;
  await close();
});

test("a page of 16 MiB is still read", async () => {
  await using server = await serve((_request, response) => response.end(Buffer.alloc(16 * MIB, "a 1\n")));
  const { fetchText, close } = textFetcher(undiciTransport, systemClock());
  assert.equal((await fetchText(server.url, new AbortController().signal)).length, 16 * MIB);
  await close();
});

test("a page that never ends is given up after 5 seconds, and its connection closed", async () => {
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
  const { promise: dropped, resolve: drop } = Promise.withResolvers<void>();
  await using server = await serve((_request, response) => {
    response.on("close", drop);
    response.write("a 1\n", () => begin());
  });
  const clock = new FakeClock();
  const { fetchText, close } = textFetcher(undiciTransport, clock);
  const refused = assert.rejects(fetchText(server.url, new AbortController().signal), {
    message: "no whole page within 5 s",
  });
  await begun;
  await clock.advanceTo(5 * NS_PER_S);
  await refused;
  await dropped;
  await close();
});

test("a fetch is given up when it is aborted, before or while it runs", async () => {
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
  await using server = await serve(() => begin());
  const { fetchText, close } = textFetcher(undiciTransport, systemClock());
  const message = "it was interrupted";
  await assert.rejects(fetchText(server.url, AbortSignal.abort()), { message });
  const abort = new AbortController();
  const refused = assert.rejects(fetchText(server.url, abort.signal), { message });
  await begun;
  abort.abort();
  await refused;
  await close();
});

test("nobody there, a connection that breaks and an address that is none are reasons", async () => {
  const { url } = await serve(() => {}).then(async (server) => {
    await server[Symbol.asyncDispose]();
    return server;
  });
  const { fetchText, close } = textFetcher(undiciTransport, systemClock());
  const signal = new AbortController().signal;
  await assert.rejects(fetchText(url, signal), { message: "the connection was refused" });
  await assert.rejects(fetchText("no address", signal), { message: "Invalid URL" });
  await using breaking = await serve((_request, response) => {
    response.write("a 1\n", () => response.destroy());
  });
  await assert.rejects(fetchText(breaking.url, signal), Error);
  await close();
});

test("a transport that fails within the call is a reason, and is aborted once it can be", async () => {
  let aborted = 0;
  const failing: Transport = {
    connectionsOpened: 0,
    async prepare() {},
    async close() {},
    send(_request, handler) {
      handler.onError(new Error("no socket"), 0);
      handler.onEnd(0);
      return () => aborted++;
    },
  };
  const { fetchText } = textFetcher(() => failing, systemClock());
  await assert.rejects(fetchText("http://a/", new AbortController().signal), { message: "no socket" });
  assert.equal(aborted, 1);
});

test("an engine's pages are read over HTTP from start to stop", async () => {
  let requests = 0;
  await using server = await serve((_request, response) => {
    response.end(page(requests++ === 0 ? "vllm-before" : "vllm-after"));
  });
  const clock = systemClock();
  const { fetchText, close } = textFetcher(undiciTransport, clock);
  const observer = observeTarget([`${server.url}/metrics`], fetchText, clock);
  await observer.start();
  const side = await observer.stop();
  await close();
  assert.equal(side?.engine, "vllm");
  assert.equal(side?.requests, 100);
  assert.deepEqual(observer.problems, []);
});

async function serve(listener: RequestListener): Promise<AsyncDisposable & { readonly url: string }> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
