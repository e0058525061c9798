import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { WebSocket } from "ws";
import { send, startServer, type TestServer, until } from "../../support/server.ts";

const KEY = { "x-api-key": "your-secret-key" };
let server: TestServer;
before(async () => {
  server = await startServer({
    model: { kind: "none" },
    apiKey: KEY["x-api-key"],
    basicAuth: { username: "admin", password: "secure_password" },
  });
});
after(() => server.close());

test("[A-21] [A-23] the adapter openai asks the target for chat completions, and for nothing else but what it tells of itself", async () => {
  const asked: string[] = [];
  const target = createServer((incoming, response) => {
    asked.push(`${incoming.method} ${incoming.url}`);
    if (incoming.method === "GET") {
      response.writeHead(404).end();
      return;
    }
    incoming.resume();
    response.writeHead(200, { "content-type": "text/event-stream" });
    const chunk = (choice: object) => `data: ${JSON.stringify({ choices: [{ index: 0, ...choice }] })}\n\n`;
    response.write(chunk({ delta: { content: "word" } }));
    response.end(`${chunk({ delta: {}, finish_reason: "stop" })}data: [DONE]\n\n`);
  });
  target.listen(0, "127.0.0.1");
  await once(target, "listening");
  const serverUrl = `http://127.0.0.1:${(target.address() as AddressInfo).port}`;
  const body = { server_url: serverUrl, model: "m", adapter: "openai", num_prompts: 3, warmup: 1 };
  const started = await send(`${server.url}/api/v1/benchmark/run`, { body, headers: KEY });
  const { json } = await until(
    () => send(`${server.url}/api/v1/benchmark/result/${started.json.run_id}`),
    ({ status }) => status === 200,
    60_000,
  );
  target.close();
  target.closeAllConnections();
  assert.equal(json.status, "completed", JSON.stringify(json.error));
  const posts = asked.filter((line) => line.startsWith("POST"));
  assert.deepEqual(posts, Array(4).fill("POST /v1/chat/completions"));
  for (const line of asked) assert.match(line, /^(POST \/v1\/chat\/completions|GET \/\S*)$/);
});

for (const path of ["/api/v1/benchmark/ws/run", "/ws/benchmark"]) {
  test(`[A-11] [A-89] ${path} is open where a key and a password are configured`, async () => {
    const unknown = new WebSocket(`${server.url.replace("http", "ws")}${path}/nobody`);
    // Had it been refused there would be an error instead, and no such code.
    const [code] = await once(unknown, "close");
    assert.equal(code, 4404);
  });
}

test("[A-5] [A-6] [A-7] [A-14] [A-15] [A-17] what is there is read without the key, not only what is not there", async () => {
  const base = `${server.url}/api/v1/benchmark`;
  const history = await send(`${base}/history`);
  assert.equal(history.status, 200);
  // Of the run above.
  const id = history.json.runs[0].run_id;
  for (const path of [`run/${id}`, `result/${id}`, `result/${id}/export`, `result/${id}/analysis`]) {
    assert.equal((await send(`${base}/${path}`)).status, 200, path);
  }
  for (const path of ["recommend/x", "recommend/x/result"]) {
    assert.equal((await send(`${base}/${path}`)).status, 404, path);
  }
});
