import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../../src/clock.ts";
import { textFetcher } from "../../src/observe/fetch-text.ts";
import { metricsUrlOf, observeTarget } from "../../src/observe/observe-target.ts";
import { undiciTransport } from "../../src/send/undici-transport.ts";
import { type Answer, send, startServer } from "../support/server.ts";

test("this project's own server says of a level what its clients were told", async () => {
  const server = await startServer();
  const clock = systemClock();
  const { fetchText, close } = textFetcher(undiciTransport, clock);
  try {
    const ask = () =>
      send(`${server.url}/v1/chat/completions`, {
        body: { messages: [{ role: "user", content: "Say something." }], max_tokens: 8 },
      });
    // Of before the level: in none of its figures.
    await ask();
    const observer = observeTarget([metricsUrlOf(server.url)], fetchText, clock);
    await observer.start();
    const answers: Answer[] = [];
    for (let i = 0; i < 4; i++) answers.push(await ask());
    const side = await observer.stop();
    const told = (name: string) => answers.reduce((sum, { json }) => sum + json.usage[name], 0);
    assert.equal(side?.engine, "goodput");
    assert.equal(side?.replicas, 1);
    assert.equal(side?.requests, 4);
    assert.equal(side?.prompt_tokens, told("prompt_tokens"));
    assert.equal(side?.generation_tokens, told("completion_tokens"));
    for (const latency of [side?.ttft, side?.e2e, side?.queue]) assert.equal(latency?.count, 4);
    assert.equal(side?.itl?.count, told("completion_tokens") - 4);
    assert.ok(side?.ttft && side.e2e && side.ttft.mean <= side.e2e.mean);
    assert.deepEqual(observer.problems, []);
  } finally {
    await close();
    await server.close();
  }
});
