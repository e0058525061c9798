import assert from "node:assert/strict";
import { test } from "node:test";
import { send, startServer, until } from "../../support/server.ts";

test("[A-26] a prompt of 256 tokens is about that many by the tokenizer of the model that reads it", async () => {
  const server = await startServer({ slots: 2, contextSize: 2048 });
  const { json } = await send(`${server.url}/v1/models`);
  const started = await send(`${server.url}/api/v1/benchmark/run`, {
    body: {
      server_url: server.url,
      model: json.data[0].id,
      num_prompts: 6,
      warmup: 2,
      input_len: 256,
      output_len: 4,
    },
  });
  assert.equal(started.status, 200, started.text);
  const { json: result } = await until(
    () => send(`${server.url}/api/v1/benchmark/result/${started.json.run_id}`),
    ({ status }) => status === 200,
    60_000,
  );
  await server.close();
  assert.equal(result.status, "completed", JSON.stringify(result.error));
  const [level] = result.results;
  const mean = level.total_input_tokens / level.successful_requests;
  assert.ok(Math.abs(mean - 256) <= 0.1 * 256, `${mean} tokens`);
});
