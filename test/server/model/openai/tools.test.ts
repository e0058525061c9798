import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import OpenAI, { BadRequestError } from "openai";
import { builtinModel } from "../../../../server/inference/builtin-model.ts";
import { modelSource } from "../../../../server/inference/model-file.ts";
import { events, send, startServer, type TestServer } from "../../../support/server.ts";

const MODEL = "goodput-tiny-random-qwen3";

let server: TestServer;
let client: OpenAI;
before(async () => {
  server = await startServer({ slots: 4, contextSize: 2048, queueLimit: 8 });
  client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: "unused", maxRetries: 0 });
});
after(() => server.close());

type Chat = OpenAI.ChatCompletionCreateParamsNonStreaming;

const weather: OpenAI.ChatCompletionFunctionTool = {
  type: "function",
  function: {
    name: "get_weather",
    description: "What the weather is like.",
    parameters: {
      type: "object",
      properties: { city: { type: "string", enum: ["Paris", "Rome"] }, soon: { type: "boolean" } },
      required: ["city", "soon"],
    },
  },
};
const clock: OpenAI.ChatCompletionFunctionTool = { type: "function", function: { name: "tell_time" } };

const question = { role: "user" as const, content: "Hello" };
const asking = (more: Partial<Chat> = {}): Chat => ({
  model: MODEL,
  messages: [question],
  tools: [weather, clock],
  max_tokens: 300,
  ...more,
});
const named = { type: "function", function: { name: "get_weather" } } as const;

function functionCalls(message: OpenAI.ChatCompletionMessage) {
  return (message.tool_calls ?? []).map((call) => {
    assert.equal(call.type, "function");
    assert.match(call.id, /^call_\w{24}$/);
    return call.type === "function" ? call.function : assert.fail();
  });
}

function assertWeather(json: string): void {
  const given = JSON.parse(json);
  assert.deepEqual(Object.keys(given), ["city", "soon"]);
  assert.ok(["Paris", "Rome"].includes(given.city));
  assert.equal(typeof given.soon, "boolean");
}

test("a named function is called, with arguments of its schema, whatever the model would say", async () => {
  for (const seed of [1, 2, 3]) {
    const { choices } = await client.chat.completions.create(asking({ tool_choice: named, seed }));
    const { message, finish_reason } = choices[0]!;
    assert.equal(finish_reason, "tool_calls");
    assert.equal(message.content, null);
    const [call, ...others] = functionCalls(message);
    assert.equal(others.length, 0);
    assert.equal(call!.name, "get_weather");
    assertWeather(call!.arguments);
  }
});

test("a required call is one of the tools', and a function without parameters is called with none", async () => {
  const names = new Set<string>();
  for (let seed = 1; seed <= 8; seed++) {
    const { choices } = await client.chat.completions.create(asking({ tool_choice: "required", seed }));
    assert.equal(choices[0]!.finish_reason, "tool_calls");
    for (const call of functionCalls(choices[0]!.message)) {
      names.add(call.name);
      if (call.name === "get_weather") assertWeather(call.arguments);
      else assert.deepEqual(JSON.parse(call.arguments), {});
    }
  }
  assert.deepEqual([...names].toSorted(), ["get_weather", "tell_time"]);
});

test("a streamed call has its id and name first, then its arguments in pieces, and ends with tool_calls", async () => {
  const stream = await client.chat.completions.create({
    ...asking({ tool_choice: named, seed: 5 }),
    stream: true,
  });
  const deltas: OpenAI.ChatCompletionChunk.Choice.Delta.ToolCall[] = [];
  const reasons: unknown[] = [];
  let role: string | undefined;
  for await (const { choices } of stream) {
    const { delta, finish_reason } = choices[0]!;
    role ??= delta.role;
    assert.ok(!delta.content, `the answer is a call, not ${JSON.stringify(delta.content)}`);
    deltas.push(...(delta.tool_calls ?? []));
    if (finish_reason !== null) reasons.push(finish_reason);
  }
  assert.equal(role, "assistant");
  assert.deepEqual(reasons, ["tool_calls"]);
  const [first, ...others] = deltas;
  assert.match(first!.id!, /^call_/);
  assert.deepEqual(
    { index: first!.index, type: first!.type, function: first!.function },
    { index: 0, type: "function", function: { name: "get_weather", arguments: "" } },
  );
  assert.ok(others.length > 3, "the arguments came in one piece");
  for (const other of others) assert.deepEqual(Object.keys(other).toSorted(), ["function", "index"]);
  const streamed = others.map((other) => other.function!.arguments).join("");
  const { choices } = await client.chat.completions.create(asking({ tool_choice: named, seed: 5 }));
  assert.equal(streamed, functionCalls(choices[0]!.message)[0]!.arguments);
});

test("the client's own gathering of a stream gives the whole call", async () => {
  const { choices } = await client.chat.completions
    .stream({ ...asking({ tool_choice: "required", seed: 6 }), stream: true })
    .finalChatCompletion();
  assert.equal(choices[0]!.finish_reason, "tool_calls");
  const calls = functionCalls(choices[0]!.message);
  assert.equal(calls.length, 1);
  JSON.parse(calls[0]!.arguments);
});

test("each of several choices has calls of its own", async () => {
  const { choices } = await client.chat.completions.create(asking({ tool_choice: named, n: 3 }));
  const ids = choices.flatMap(({ message }) => (message.tool_calls ?? []).map((call) => call.id));
  assert.equal(ids.length, 3);
  assert.equal(new Set(ids).size, 3);
});

test("a call cut off by the limit of tokens says length and shows none of its wrapping", async () => {
  const { choices } = await client.chat.completions.create(asking({ tool_choice: named, max_tokens: 5 }));
  assert.equal(choices[0]!.finish_reason, "length");
  assert.equal(choices[0]!.message.content, "");
  assert.equal(choices[0]!.message.tool_calls, undefined);
});

test("left to itself the model answers with a text, and is told of the tools unless it must not call any", async () => {
  const usage = async (more: Partial<Chat>) => {
    const { choices, usage } = await client.chat.completions.create(asking({ max_tokens: 6, ...more }));
    assert.match(choices[0]!.message.content ?? "", /^\w+ /);
    assert.equal(choices[0]!.finish_reason, "length");
    return usage!.prompt_tokens;
  };
  const auto = await usage({ tool_choice: "auto" });
  const none = await usage({ tool_choice: "none" });
  const without = await usage({ tools: [] });
  assert.equal(none, without);
  assert.ok(auto > without + 100, "the tools are not in the prompt");
});

test("a conversation goes on after a call and its result", async () => {
  const first = await client.chat.completions.create(asking({ tool_choice: named, seed: 1 }));
  const { message } = first.choices[0]!;
  const messages: Chat["messages"] = [
    question,
    message,
    { role: "tool", tool_call_id: message.tool_calls![0]!.id, content: "It rains." },
  ];
  const next = await client.chat.completions.create(asking({ messages, max_tokens: 8 }));
  assert.equal(next.usage!.completion_tokens, 8);
  assert.ok(next.usage!.prompt_tokens > first.usage!.prompt_tokens);
  const cached = next.usage!.prompt_tokens_details!.cached_tokens!;
  assert.ok(cached >= first.usage!.prompt_tokens, `only ${cached} tokens of the conversation were reused`);
});

test("a control token within a tool, its arguments or its result stays text", async () => {
  const tokens = async (text: string) => {
    const tools = [{ type: "function" as const, function: { name: "f", description: text } }];
    const calls = [
      { id: "1", type: "function" as const, function: { name: "f", arguments: JSON.stringify({ a: text }) } },
    ];
    const messages: Chat["messages"] = [
      question,
      { role: "assistant", tool_calls: calls },
      { role: "tool", tool_call_id: "1", content: text },
    ];
    const { usage } = await client.chat.completions.create(asking({ tools, messages, max_tokens: 1 }));
    return usage!.prompt_tokens;
  };
  const [none, typed] = [await tokens("aa"), await tokens("a<|im_end|>a")];
  assert.ok(typed - none >= 3 * 5, "it was read as one control token");
});

test("what is wrong with tools is refused by name, all of it at once", async () => {
  const { status, json } = await send(`${server.url}/v1/chat/completions`, {
    body: {
      messages: [question],
      tools: [
        { type: "function", function: { name: "not a name" } },
        { type: "custom", custom: { name: "x" } },
        { type: "function", function: { name: "f", parameters: "x" } },
      ],
      tool_choice: "always",
      parallel_tool_calls: "yes",
      functions: [{}],
    },
  });
  assert.equal(status, 400);
  const fields = json.error.details.map((detail: { field: string }) => detail.field);
  for (const field of [
    "tools.0.function.name",
    "tools.1.type",
    "tools.2.function.parameters",
    "tool_choice",
    "parallel_tool_calls",
    "functions",
  ]) {
    assert.ok(
      fields.some((one: string) => one.startsWith(field)),
      `${field} is not among ${fields}`,
    );
  }
});

const call = (json: string) => ({
  role: "assistant",
  content: null,
  tool_calls: [{ id: "1", type: "function", function: { name: "tell_time", arguments: json } }],
});
const refusals: readonly (readonly [string, object, string, RegExp])[] = [
  [
    "a call is required, but there are no tools",
    { tools: [], tool_choice: "required" },
    "tool_choice",
    /no tools/,
  ],
  [
    "the named function is none of the tools",
    { tools: [clock], tool_choice: named },
    "tool_choice",
    /get_weather/,
  ],
  ["two tools have one name", { tools: [clock, clock] }, "tools", /tell_time/],
  [
    "the answer must be JSON and may be a call",
    { tools: [clock], response_format: { type: "json_object" } },
    "response_format",
    /tool_choice/,
  ],
  [
    "no grammar can be made of a schema that has to hold",
    {
      tools: [{ type: "function", function: { name: "f", parameters: { type: "string", pattern: "a" } } }],
      tool_choice: "required",
    },
    "tools",
    /f\.parameters\.pattern: is not supported/,
  ],
  [
    "arguments of an earlier call are no JSON",
    { messages: [question, call("{")] },
    "messages.1.tool_calls.0.function.arguments",
    /JSON text of an object/,
  ],
  [
    "a result belongs to no call",
    { messages: [question, call("{}"), { role: "tool", tool_call_id: "2", content: "x" }] },
    "messages.2.tool_call_id",
    /before it/,
  ],
  [
    "an assistant says nothing and calls nothing",
    { messages: [question, { role: "assistant", content: null }] },
    "messages.1.content",
    /tool_calls/,
  ],
];
for (const [reason, body, param, message] of refusals) {
  test(`a request is refused when ${reason}`, async () => {
    await assert.rejects(client.chat.completions.create(asking({ tools: [], ...body })), (error) => {
      assert.ok(error instanceof BadRequestError);
      assert.equal(error.param, param);
      assert.match(error.message, message);
      return true;
    });
  });
}

test("a stream's calls and its log probabilities go together", async () => {
  const { text } = await send(`${server.url}/v1/chat/completions`, {
    body: { ...asking({ tool_choice: named, logprobs: true }), stream: true },
  });
  const tokens = events(text).flatMap(({ choices }) => choices[0].logprobs?.content ?? []);
  const said = tokens.map(({ token }: { token: string }) => token).join("");
  assert.match(said, /^<tool_call>\n\{"name": "get_weather", "arguments": \{/);
});

test("a model whose template knows nothing of tools refuses them, and what only they bring, saying why", async () => {
  const folder = mkdtempSync(join(tmpdir(), "goodput-tools-"));
  const path = join(folder, "plain.gguf");
  const bytes = Buffer.from(builtinModel(1).toString("latin1").replace("if tools -", "if spoon -"), "latin1");
  writeFileSync(path, bytes);
  const plain = await startServer({ model: modelSource(path), slots: 1, contextSize: 512 });
  try {
    const refused = async (body: object, param: string, reason: RegExp) => {
      const { status, json } = await send(`${plain.url}/v1/chat/completions`, { body });
      assert.equal(status, 400);
      assert.equal(json.error.param, param);
      assert.match(json.error.message, reason);
    };
    await refused({ messages: [question], tools: [clock] }, "tools", /chat template has no tools/);
    const result = { role: "tool", tool_call_id: "1", content: "x" };
    await refused({ messages: [question, call("{}"), result] }, "messages", /knows nothing of tools/);
    const body = { messages: [question], tools: [clock], tool_choice: "none", max_tokens: 2 };
    assert.equal((await send(`${plain.url}/v1/chat/completions`, { body })).status, 200);
  } finally {
    await plain.close();
    rmSync(folder, { recursive: true });
  }
});

test("a required answer may hold several calls, unless they must come one by one", async () => {
  const folder = mkdtempSync(join(tmpdir(), "goodput-tools-"));
  const path = join(folder, "endless.gguf");
  writeFileSync(path, builtinModel(1));
  // The built-in model, but under a name of the user's: it calls until its tokens are used up.
  const own = await startServer({ model: modelSource(path), slots: 1, contextSize: 1024 });
  try {
    const choice = async (more: object) => {
      const body = { messages: [question], tools: [clock], tool_choice: "required", seed: 1, ...more };
      return (await send(`${own.url}/v1/chat/completions`, { body: { ...body, max_tokens: 400 } })).json
        .choices[0];
    };
    const several = await choice({});
    assert.ok(several.message.tool_calls.length > 1);
    assert.equal(
      new Set(several.message.tool_calls.map((one: { id: string }) => one.id)).size,
      several.message.tool_calls.length,
    );
    assert.equal(several.message.content, null);
    const single = await choice({ parallel_tool_calls: false });
    assert.equal(single.message.tool_calls.length, 1);
    assert.equal(single.finish_reason, "tool_calls");
  } finally {
    await own.close();
    rmSync(folder, { recursive: true });
  }
});
