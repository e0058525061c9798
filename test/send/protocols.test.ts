import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { systemClock } from "../../src/clock.ts";
import { PROTOCOLS, type ProtocolName } from "../../src/plan/plan.ts";
import { type Fault, type ScriptedServer, startScriptedServer } from "../../src/scripted-server.ts";
import { type Exchange, exchange } from "../../src/send/exchange.ts";
import type { Prompt, StreamEvent } from "../../src/send/protocol.ts";
import { protocolOf } from "../../src/send/protocols.ts";
import { endpointOf, findModel, requestHeaders } from "../../src/send/target.ts";
import { undiciTransport } from "../../src/send/undici-transport.ts";

const PROMPT: Prompt = {
  model: "org/m",
  messages: [
    { role: "system", content: "Be brief." },
    { role: "user", content: "one two three" },
  ],
  maxTokens: 8,
  ignoreEos: false,
  stream: true,
};
const PLAIN = "Be brief.\none two three";

/** Where and how each protocol asks, streamed and whole. */
const REQUESTS: Readonly<Record<ProtocolName, readonly [streamed: Asked, whole: Asked]>> = {
  "openai-chat": [
    [
      "/v1/chat/completions",
      {
        model: "org/m",
        messages: PROMPT.messages,
        max_tokens: 8,
        stream: true,
        stream_options: { include_usage: true },
      },
    ],
    ["/v1/chat/completions", { model: "org/m", messages: PROMPT.messages, max_tokens: 8, stream: false }],
  ],
  "openai-completions": [
    [
      "/v1/completions",
      { model: "org/m", prompt: PLAIN, max_tokens: 8, stream: true, stream_options: { include_usage: true } },
    ],
    ["/v1/completions", { model: "org/m", prompt: PLAIN, max_tokens: 8, stream: false }],
  ],
  "openai-responses": [
    [
      "/v1/responses",
      { model: "org/m", input: PROMPT.messages, max_output_tokens: 8, store: false, stream: true },
    ],
    [
      "/v1/responses",
      { model: "org/m", input: PROMPT.messages, max_output_tokens: 8, store: false, stream: false },
    ],
  ],
  "openai-embeddings": [
    ["/v1/embeddings", { model: "org/m", input: PLAIN, encoding_format: "float" }],
    ["/v1/embeddings", { model: "org/m", input: PLAIN, encoding_format: "float" }],
  ],
  triton: [
    ["/v2/models/org%2Fm/generate_stream", { text_input: PLAIN, max_tokens: 8, stream: true }],
    ["/v2/models/org%2Fm/generate", { text_input: PLAIN, max_tokens: 8, stream: false }],
  ],
  tgi: [
    ["/generate_stream", { inputs: PLAIN, parameters: { max_new_tokens: 8, details: true } }],
    ["/generate", { inputs: PLAIN, parameters: { max_new_tokens: 8, details: true } }],
  ],
  ollama: [
    ["/api/chat", { model: "org/m", messages: PROMPT.messages, stream: true, options: { num_predict: 8 } }],
    ["/api/chat", { model: "org/m", messages: PROMPT.messages, stream: false, options: { num_predict: 8 } }],
  ],
  inference: [
    ["/inference", { prompt: PLAIN, max_tokens: 8, stream: true }],
    ["/inference", { prompt: PLAIN, max_tokens: 8, stream: false }],
  ],
};
type Asked = readonly [path: string, body: object];

for (const name of PROTOCOLS) {
  for (const [i, stream] of [true, false].entries()) {
    test(`${name} asks for ${stream ? "a stream" : "a whole answer"} at its path and in its words`, () => {
      const protocol = protocolOf(name);
      const { root } = endpointOf("http://host", protocol);
      assert.deepEqual(
        [root + protocol.path("org/m", stream), JSON.parse(protocol.body({ ...PROMPT, stream }))],
        REQUESTS[name][i],
      );
    });
  }
}

/** How each is told to go on past the model's end; nothing where it has no word for it. */
const EXACT_LENGTH: readonly (readonly [ProtocolName, Readonly<Record<string, unknown>>])[] = [
  ["openai-chat", { ignore_eos: true, min_tokens: 8 }],
  ["openai-completions", { ignore_eos: true, min_tokens: 8 }],
  ["openai-responses", { ignore_eos: true }],
  ["triton", { min_length: 8 }],
  ["tgi", { parameters: { max_new_tokens: 8, details: true, ignore_eos_token: true } }],
  ["ollama", {}],
  ["inference", {}],
];

for (const [name, words] of EXACT_LENGTH) {
  test(`${name} asks for exactly so many tokens only when told to`, () => {
    const { body } = protocolOf(name);
    const plain = JSON.parse(body(PROMPT));
    assert.deepEqual(JSON.parse(body({ ...PROMPT, ignoreEos: true })), { ...plain, ...words });
  });
}

const NOTHING = { output: false, finished: false };

/** Events as servers send them, and what they mean. */
const EVENTS: readonly (readonly [
  ProtocolName,
  data: unknown,
  meaning: StreamEvent | "done",
  why: string,
])[] = [
  [
    "openai-chat",
    { choices: [{ delta: { content: "a" } }] },
    { ...NOTHING, output: true, text: "a" },
    "text",
  ],
  [
    "openai-chat",
    { choices: [{ delta: {}, finish_reason: "stop" }] },
    { ...NOTHING, finished: true },
    "a finish",
  ],
  ["openai-chat", { choices: [], usage: null }, NOTHING, "usage that is null, as OpenAI's chunks have"],
  [
    "openai-chat",
    { object: "error", message: "no", code: 400 },
    { ...NOTHING, error: "no" },
    "older vLLM's error",
  ],
  ["openai-completions", { choices: [{ text: "" }] }, NOTHING, "an empty text is no output"],
  [
    "openai-responses",
    { type: "response.output_text.delta", delta: "a" },
    { ...NOTHING, output: true, text: "a" },
    "text",
  ],
  ["openai-responses", { type: "response.output_text.delta", delta: "" }, NOTHING, "an empty delta"],
  [
    "openai-responses",
    { type: "response.reasoning_text.delta", delta: "hm" },
    { ...NOTHING, output: true },
    "reasoning is output, and no part of the answer's text",
  ],
  [
    "openai-responses",
    { type: "response.reasoning_summary_text.delta", delta: "hm" },
    { ...NOTHING, output: true },
    "a summary of reasoning",
  ],
  [
    "openai-responses",
    { type: "response.function_call_arguments.delta", delta: "{" },
    { ...NOTHING, output: true },
    "a call's arguments",
  ],
  [
    "openai-responses",
    { type: "response.refusal.delta", delta: "no" },
    { ...NOTHING, output: true },
    "a refusal",
  ],
  [
    "openai-responses",
    { type: "response.created", response: { status: "in_progress" } },
    NOTHING,
    "a beginning",
  ],
  ["openai-responses", { type: "response.output_text.done", text: "all" }, NOTHING, "text that came already"],
  [
    "openai-responses",
    {
      type: "response.completed",
      response: {
        status: "completed",
        error: null,
        output: [{ type: "message" }],
        usage: { input_tokens: 3, output_tokens: 9 },
      },
    },
    { ...NOTHING, finished: true, usage: { inputTokens: 3, outputTokens: 9 } },
    "the end, with its counts",
  ],
  [
    "openai-responses",
    { type: "response.incomplete", response: { status: "incomplete", error: null } },
    { ...NOTHING, finished: true },
    "an end at the most tokens",
  ],
  [
    "openai-responses",
    { type: "response.failed", response: { status: "failed", error: { code: "x", message: "broke" } } },
    { ...NOTHING, error: "broke" },
    "a failure",
  ],
  [
    "openai-responses",
    { type: "error", message: "overloaded" },
    { ...NOTHING, error: "overloaded" },
    "an error",
  ],
  [
    "triton",
    { model_name: "m", text_output: " a" },
    { output: true, finished: true, text: " a" },
    "text; any event may be the last",
  ],
  ["triton", { model_name: "m", text_output: "" }, { output: false, finished: true }, "an empty last event"],
  ["triton", { error: "no slot" }, { ...NOTHING, error: "no slot" }, "an error in a stream"],
  [
    "tgi",
    { token: { id: 5, text: " a", special: false }, generated_text: null, details: null },
    { ...NOTHING, output: true, text: " a" },
    "a token",
  ],
  [
    "tgi",
    {
      token: { id: 2, text: "</s>", special: true },
      generated_text: " a",
      details: { finish_reason: "eos_token", generated_tokens: 2, input_length: 4 },
    },
    { ...NOTHING, finished: true, usage: { inputTokens: 4, outputTokens: 2 } },
    "the end token is no output",
  ],
  [
    "tgi",
    { token: { id: 7, text: "b", special: false }, generated_text: " ab", details: { generated_tokens: 2 } },
    { output: true, finished: true, text: "b", usage: { outputTokens: 2 } },
    "a last token with text",
  ],
  [
    "tgi",
    { error: "Model is overloaded", error_type: "overloaded" },
    { ...NOTHING, error: "Model is overloaded" },
    "an error",
  ],
  [
    "ollama",
    { message: { role: "assistant", content: "a" }, done: false },
    { ...NOTHING, output: true, text: "a" },
    "text",
  ],
  [
    "ollama",
    { message: { role: "assistant", content: "", thinking: "hm" }, done: false },
    { ...NOTHING, output: true },
    "thinking is output, and no part of the answer's text",
  ],
  [
    "ollama",
    { message: { content: "", tool_calls: [{ function: { name: "f" } }] }, done: false },
    { ...NOTHING, output: true },
    "a tool call",
  ],
  [
    "ollama",
    { message: { content: "" }, done: true, prompt_eval_count: 3, eval_count: 9 },
    { ...NOTHING, finished: true, usage: { inputTokens: 3, outputTokens: 9 } },
    "the end, with its counts",
  ],
  [
    "ollama",
    { message: { content: "" }, done: true, eval_count: 9 },
    { ...NOTHING, finished: true, usage: { outputTokens: 9 } },
    "an end without the count of a cached prompt",
  ],
  ["ollama", { error: "model not found" }, { ...NOTHING, error: "model not found" }, "an error"],
  ["inference", { token: " a" }, { ...NOTHING, output: true, text: " a" }, "a token"],
  [
    "inference",
    { tokens_generated: 9, generation_time: 0.5 },
    { ...NOTHING, finished: true, usage: { outputTokens: 9 } },
    "the closing figures",
  ],
  [
    "inference",
    { error: { code: "INFERENCE_FAILED", message: "out of memory" }, request_id: "r" },
    { ...NOTHING, error: "out of memory" },
    "an error",
  ],
];

for (const [name, data, meaning, why] of EVENTS) {
  test(`${name} reads ${why}: ${JSON.stringify(data)}`, () => {
    assert.deepEqual(protocolOf(name).read(JSON.stringify(data)), meaning);
  });
}

/** Whole answers; output says that there is any, text what a conversation goes on with. */
const WHOLE: readonly (readonly [ProtocolName, answer: unknown, meaning: StreamEvent])[] = [
  [
    "openai-chat",
    {
      choices: [{ message: { content: "ab" }, finish_reason: "stop" }],
      usage: { prompt_tokens: 3, completion_tokens: 2 },
    },
    { output: true, finished: true, text: "ab", usage: { inputTokens: 3, outputTokens: 2 } },
  ],
  [
    "openai-completions",
    { choices: [{ text: "ab", finish_reason: "length" }] },
    { output: true, finished: true, text: "ab" },
  ],
  [
    "openai-responses",
    {
      status: "completed",
      output: [
        { type: "reasoning", summary: [] },
        { type: "message", content: [{ type: "output_text", text: "ab" }] },
      ],
      usage: { input_tokens: 3, output_tokens: 2 },
    },
    { output: true, finished: true, text: "ab", usage: { inputTokens: 3, outputTokens: 2 } },
  ],
  ...(
    [
      [{ prompt_tokens: 9, prompt_tokens_details: { cached_tokens: 8 } }, { cache_n: 7 }, 8],
      [{ prompt_tokens: 9, prompt_tokens_details: null, prompt_cache_hit_tokens: 6 }, undefined, 6],
      [{ prompt_tokens: 9, prompt_tokens_details: { cached_tokens: null } }, { cache_n: 7 }, 7],
    ] as const
  ).flatMap(([usage, timings, cachedTokens]) =>
    (["openai-completions", "openai-embeddings"] as const).map(
      (name) =>
        [
          name,
          { choices: [{ text: "ab", finish_reason: "stop" }], data: [{ embedding: [1] }], usage, timings },
          name === "openai-embeddings"
            ? { output: true, finished: true, usage: { inputTokens: 9, cachedTokens, outputTokens: 0 } }
            : { output: true, finished: true, text: "ab", usage: { inputTokens: 9, cachedTokens } },
        ] as const,
    ),
  ),
  [
    "openai-responses",
    {
      status: "completed",
      output: [{ type: "reasoning", summary: [] }],
      usage: { input_tokens: 9, input_tokens_details: { cached_tokens: 8 }, output_tokens: 2 },
    },
    { output: true, finished: true, usage: { inputTokens: 9, cachedTokens: 8, outputTokens: 2 } },
  ],
  ["openai-responses", { status: "completed", output: [] }, { output: false, finished: true }],
  [
    "openai-embeddings",
    { data: [{ embedding: [0.1, 0.2] }], usage: { prompt_tokens: 5, total_tokens: 5 } },
    { output: true, finished: true, usage: { inputTokens: 5, outputTokens: 0 } },
  ],
  [
    "openai-embeddings",
    { data: [{ embedding: "AACAPw==" }] },
    { output: true, finished: true, usage: { outputTokens: 0 } },
  ],
  ["openai-embeddings", { data: [] }, { output: false, finished: true, usage: { outputTokens: 0 } }],
  ["triton", { model_name: "m", text_output: "ab" }, { output: true, finished: true, text: "ab" }],
  [
    "tgi",
    [{ generated_text: "ab", details: { generated_tokens: 2 } }],
    { output: true, finished: true, text: "ab", usage: { outputTokens: 2 } },
  ],
  [
    "ollama",
    { message: { content: "ab" }, done: true, prompt_eval_count: 3, eval_count: 2 },
    { output: true, finished: true, text: "ab", usage: { inputTokens: 3, outputTokens: 2 } },
  ],
  [
    "inference",
    { text: "ab", tokens_generated: 2 },
    { output: true, finished: true, text: "ab", usage: { outputTokens: 2 } },
  ],
];

for (const [name, answer, meaning] of WHOLE) {
  test(`${name} reads the whole answer ${JSON.stringify(answer)}`, () => {
    assert.deepEqual(protocolOf(name).readWhole(JSON.stringify(answer)), meaning);
  });
}

for (const name of PROTOCOLS) {
  test(`${name} refuses what is not an object`, () => {
    for (const text of ["5", "null", "[]", "{oops"]) {
      assert.throws(() => protocolOf(name).read(text), SyntaxError, `as an event: ${text}`);
      assert.throws(() => protocolOf(name).readWhole(text), SyntaxError, `as a whole answer: ${text}`);
    }
  });
}

let server: ScriptedServer;
before(async () => {
  server = await startScriptedServer({ ttftMs: 2, gapMs: 1, tokensPerChunk: 2 });
});
after(() => server.close());

for (const name of PROTOCOLS) {
  for (const stream of [true, false]) {
    test(`${name} has ${stream ? "a streamed" : "a whole"} answer from a server that speaks it`, async () => {
      const got = await ask(name, stream);
      assert.deepEqual([got.outcome, got.failure, got.status], ["completed", undefined, 200]);
      if (name === "openai-embeddings") {
        assert.deepEqual([got.outputs.length, got.outputTokens, got.tokenSource], [0, 0, "usage"]);
        assert.ok(got.inputTokens! > 0);
        return;
      }
      assert.equal(got.text, "word word ".repeat(4));
      assert.equal(got.outputs.length, stream ? 4 : 0, "chunks have moments only in a stream");
      // Triton counts nothing.
      if (name !== "triton") assert.deepEqual([got.outputTokens, got.tokenSource], [8, "usage"]);
    });
  }
}

for (const name of PROTOCOLS) {
  test(`${name} knows an error inside an answer that began well`, async () => {
    await withFault({ kind: "error_event", message: "out of memory" }, async (url) => {
      for (const stream of [true, false]) {
        const got = await ask(name, stream, url);
        assert.deepEqual(
          [got.outcome, got.failure],
          ["failed", { reason: "bad_stream", detail: "out of memory" }],
        );
      }
    });
  });
}

for (const name of PROTOCOLS) {
  // An embedding comes whole.
  if (name === "openai-embeddings") continue;
  test(`${name} knows a stream that breaks off`, async () => {
    await withFault({ kind: "reset", afterChunks: 2 }, async (url) => {
      assert.equal((await ask(name, true, url)).failure?.reason, "truncated");
    });
  });

  // Triton's streams have no end but their last byte, so one that is cut cleanly looks complete.
  if (name === "triton") continue;
  test(`${name} knows a stream that ends before the model said so`, async () => {
    await withFault({ kind: "truncate", afterChunks: 2 }, async (url) => {
      const got = await ask(name, true, url);
      assert.deepEqual([got.failure?.reason, got.outputs.length], ["truncated", 2]);
    });
  });
}

test("a model that the plan does not name is the first one of the server's list, or a stand-in", async () => {
  const found = await Promise.all(PROTOCOLS.map(async (name) => [name, await modelOf(name, undefined)]));
  assert.deepEqual(Object.fromEntries(found), {
    "openai-chat": "scripted",
    "openai-completions": "scripted",
    "openai-responses": "scripted",
    "openai-embeddings": "scripted",
    triton: "default",
    tgi: "default",
    ollama: "scripted",
    inference: "default",
  });
  assert.equal(await modelOf("triton", "ensemble"), "ensemble");
});

test("an address may name the API's root or the very path that is asked", () => {
  const root = (url: string, name: ProtocolName, model?: string) =>
    endpointOf(url, protocolOf(name), model).root;
  assert.equal(root("http://h", "openai-responses"), "/v1");
  assert.equal(root("http://h/v1/responses", "openai-responses"), "/v1");
  assert.equal(root("http://h/tgi/generate", "tgi"), "/tgi");
  assert.equal(root("http://h/tgi/generate_stream/", "tgi"), "/tgi");
  assert.equal(root("http://h/v2/models/m/generate", "triton", "m"), "");
  assert.equal(root("http://h/api/chat", "ollama"), "");
  assert.equal(root("http://h", "inference"), "");
});

async function modelOf(name: ProtocolName, wanted: string | undefined): Promise<string> {
  const clock = systemClock();
  const transport = undiciTransport(server.url, clock);
  const protocol = protocolOf(name);
  const endpoint = endpointOf(server.url, protocol);
  const { signal } = new AbortController();
  try {
    return await findModel(transport, endpoint, protocol, requestHeaders(undefined), wanted, clock, signal);
  } finally {
    await transport.close();
  }
}

async function withFault(fault: Fault, use: (url: string) => Promise<void>): Promise<void> {
  const faulty = await startScriptedServer({ fault: () => fault });
  try {
    await use(faulty.url);
  } finally {
    await faulty.close();
  }
}

async function ask(name: ProtocolName, stream: boolean, url = server.url): Promise<Exchange> {
  const clock = systemClock();
  const transport = undiciTransport(url, clock);
  const protocol = protocolOf(name);
  const { root } = endpointOf(url, protocol);
  try {
    return await exchange(
      transport,
      protocol,
      {
        method: "POST",
        path: root + protocol.path("m", stream),
        headers: requestHeaders(undefined),
        body: protocol.body({ ...PROMPT, stream }),
      },
      { clock, timeoutNs: 10e9, signal: new AbortController().signal, keepText: true },
    );
  } finally {
    await transport.close();
  }
}
