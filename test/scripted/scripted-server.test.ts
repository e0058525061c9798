import assert from "node:assert/strict";
import { test } from "node:test";
import { type Script, type ScriptedServer, startScriptedServer } from "../../src/scripted-server.ts";

async function withServer(script: Script, use: (server: ScriptedServer) => Promise<void>): Promise<void> {
  const server = await startScriptedServer(script);
  try {
    await use(server);
  } finally {
    await server.close();
  }
}

function chat(
  server: ScriptedServer,
  {
    signal,
    stream = true,
    ...body
  }: { signal?: AbortSignal; stream?: boolean } & Record<string, unknown> = {},
): Promise<Response> {
  return fetch(`${server.url}/v1/chat/completions`, {
    method: "POST",
    body: JSON.stringify({
      messages: [{ role: "user", content: "one two" }],
      max_tokens: 4,
      stream,
      ...body,
    }),
    ...(signal && { signal }),
  });
}

async function figures(server: ScriptedServer): Promise<ReadonlyMap<string, number>> {
  const page = await (await fetch(`${server.url}/metrics`)).text();
  return new Map(
    page
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("#"))
      .map((line) => {
        const [, name, labels, value] = /^([^{\s]+)(?:\{(.*)\})? (\S+)$/.exec(line)!;
        const own = (labels ?? "").split(",").filter((label) => !/^(model_name|engine)=/.test(label));
        return [[name, ...own.filter((label) => label !== "")].join(" "), Number(value)];
      }),
  );
}

/** Asks again, a turn of the loop later, until the page says so. */
async function until(server: ScriptedServer, says: (figures: ReadonlyMap<string, number>) => boolean) {
  for (;;) if (says(await figures(server))) return;
}

test("its metrics page counts what it did, in vLLM's names", async () => {
  await withServer({ ttftMs: 2, gapMs: 1, tokensPerChunk: 2, model: "m" }, async (server) => {
    for (let i = 0; i < 3; i++) await (await chat(server)).text();
    await (await chat(server, { stream: false })).text();
    const got = await figures(server);
    assert.equal(got.get('vllm:request_success_total finished_reason="length"'), 4);
    assert.equal(got.get("vllm:generation_tokens_total"), 16);
    assert.equal(got.get("vllm:prompt_tokens_total"), 8);
    assert.equal(got.get("vllm:time_to_first_token_seconds_count"), 4);
    assert.equal(got.get("vllm:inter_token_latency_seconds_count"), 4);
    assert.equal(got.get("vllm:e2e_request_latency_seconds_count"), 4);
    assert.equal(got.get("vllm:num_requests_running"), 0);
    const own = server.seen.ttftMs.reduce((sum, ms) => sum + ms / 1000, 0);
    assert.ok(Math.abs(got.get("vllm:time_to_first_token_seconds_sum")! - own) < 1e-9);
    const page = await (await fetch(`${server.url}/metrics`)).text();
    assert.match(page, /^vllm:generation_tokens_total\{model_name="m",engine="0"\} 16$/m);
    assert.match(page, /^# TYPE vllm:time_to_first_token_seconds histogram$/m);
  });
});

test("beyond its capacity requests wait, and whoever hangs up makes room", async () => {
  await withServer({ ttftMs: 1e6, capacity: 1 }, async (server) => {
    const clients = [new AbortController(), new AbortController(), new AbortController()];
    const pending = clients.map(({ signal }) => chat(server, { signal }).catch(() => undefined));
    const says = (running: number, waiting: number) => (got: ReadonlyMap<string, number>) =>
      got.get("vllm:num_requests_running") === running && got.get("vllm:num_requests_waiting") === waiting;
    await until(server, says(1, 2));
    clients[1]!.abort();
    await until(server, says(1, 1));
    clients[0]!.abort();
    await until(server, says(1, 0));
    clients[2]!.abort();
    await until(server, says(0, 0));
    await Promise.all(pending);
    assert.equal(server.seen.maxInFlight, 1);
    assert.ok((await figures(server)).get('vllm:request_success_total finished_reason="abort"')! >= 2);
  });
});

test("requests that waited are answered, with their wait in their time to first token", async () => {
  await withServer({ ttftMs: 50, capacity: 2 }, async (server) => {
    await Promise.all(Array.from({ length: 6 }, async () => (await chat(server)).text()));
    assert.equal(server.seen.maxInFlight, 2);
    assert.equal(server.seen.ttftMs.length, 6);
    assert.ok(server.seen.ttftMs[5]! > 100, "two went before it, fifty milliseconds each");
  });
});

test("a stall writes nothing while it lasts, and everything afterwards", async () => {
  const script = { ttftMs: 20, gapMs: 5, stall: { atMs: 8, forMs: 60 } };
  await withServer(script, async (server) => {
    const before = performance.now();
    const text = await (await chat(server, { max_tokens: 4 })).text();
    assert.equal(text.match(/"content":"word "/g)?.length, 4);
    assert.ok(performance.now() - before >= 35 + 60, "the stall comes on top");
    assert.ok(server.seen.ttftMs[0]! >= 20 + 60, "and in what the server says of itself");
  });
});

test("a flood has the same words as a paced answer, in one piece", async () => {
  const answers: string[] = [];
  for (const flood of [false, true]) {
    await withServer({ flood, tokensPerChunk: 2 }, async (server) => {
      for (const stream of [true, false])
        answers.push(await (await chat(server, { stream, max_tokens: 6 })).text());
    });
  }
  assert.equal(answers[0], answers[2]);
  assert.equal(answers[1], answers[3]);
});

test("it speaks only the protocols it was told to", async () => {
  await withServer({ protocols: ["tgi"] }, async (server) => {
    assert.equal((await chat(server)).status, 404);
    const body = JSON.stringify({ inputs: "a", parameters: { max_new_tokens: 1 } });
    assert.equal((await fetch(`${server.url}/generate`, { method: "POST", body })).status, 200);
  });
});

test("a body that is no JSON object is refused, and the server goes on", async () => {
  await withServer({}, async (server) => {
    const refused = await fetch(`${server.url}/v1/chat/completions`, { method: "POST", body: "{oops" });
    assert.equal(refused.status, 400);
    assert.equal((await chat(server)).status, 200);
  });
});

test("numbered answers name the request, for holding records against what happened", async () => {
  await withServer({ numbered: true }, async (server) => {
    for (const number of [0, 1, 2]) {
      const answer = (await (await chat(server, { stream: false })).json()) as {
        usage: { prompt_tokens: number };
      };
      assert.equal(answer.usage.prompt_tokens, number);
      assert.ok(server.seen.ttftMsOf[number]! >= 0);
    }
  });
});
