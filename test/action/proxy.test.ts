/** Behind a proxy GitHub is reached through it, in the clear and by a tunnel. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { type AddressInfo, connect, type Server } from "node:net";
import { resolve } from "node:path";
import { test } from "node:test";
import { startScriptedServer } from "../../src/scripted-server.ts";
import { startFakeGitHub } from "../support/fake-github.ts";
import { runAction } from "../support/fake-runner.ts";

const FIXTURES = resolve(import.meta.dirname, "../fixtures/proxy");
/** Resolved by the proxy only: whoever goes around it arrives nowhere. */
const HOST = "api.github.test";

for (const [protocol, first] of [
  ["http", `POST http://${HOST}/repos/acme/chat/check-runs`],
  ["https", `CONNECT ${HOST}:443`],
] as const) {
  test(`GitHub's API is reached by ${protocol} through the proxy, and the service without it`, async () => {
    const [target, github, certificate] = await Promise.all([
      startScriptedServer({ ttftMs: 2, chunks: 3 }),
      startFakeGitHub(),
      readFile(`${FIXTURES}/certificate.pem`),
    ]);
    const forward = forwardTo(portOf(github.apiUrl));
    const tls = createTlsServer({ key: await readFile(`${FIXTURES}/key.pem`), cert: certificate }, forward);
    const asked: string[] = [];
    const proxy = createServer((incoming, response) => {
      asked.push(`${incoming.method} ${incoming.url}`);
      forward(incoming, response);
    });
    proxy.on("connect", (incoming, socket) => {
      asked.push(`CONNECT ${incoming.url}`);
      const tunnel = connect((tls.address() as AddressInfo).port, "127.0.0.1", () => {
        socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
        tunnel.pipe(socket).pipe(tunnel);
      });
      for (const side of [tunnel, socket]) side.on("error", () => tunnel.destroy());
    });
    const [proxyPort] = await Promise.all([listening(proxy), listening(tls)]);
    try {
      const run = await runAction({
        inputs: { url: target.url, requests: "20", check: "on" },
        apiUrl: `${protocol}://${HOST}`,
        env: {
          [`${protocol.toUpperCase()}_PROXY`]: `http://127.0.0.1:${proxyPort}`,
          NODE_EXTRA_CA_CERTS: `${FIXTURES}/certificate.pem`,
        },
      });
      assert.equal(run.exitCode, 0, run.log);
      assert.equal(github.comments.length, 1, run.log);
      assert.equal(asked[0], first);
      for (const request of asked) assert.ok(request.includes(HOST), request);
    } finally {
      proxy.closeAllConnections();
      tls.closeAllConnections();
      proxy.close();
      tls.close();
      await Promise.all([target.close(), github.close()]);
    }
  });
}

function forwardTo(port: number) {
  return (incoming: IncomingMessage, response: ServerResponse): void => {
    const { pathname, search } = new URL(incoming.url ?? "/", `http://${HOST}`);
    const { method, headers } = incoming;
    const onward = request(
      { host: "127.0.0.1", port, path: pathname + search, method: method ?? "GET", headers },
      (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      },
    );
    incoming.pipe(onward);
  };
}

async function listening(server: Server): Promise<number> {
  await once(server.listen(0, "127.0.0.1"), "listening");
  return (server.address() as AddressInfo).port;
}

function portOf(url: string): number {
  return Number(new URL(url).port);
}
