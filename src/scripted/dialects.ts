/** How each kind of server words its answers, so that clients of any of them find what they expect. */
export interface Dialect {
  readonly name: string;
  readonly path: RegExp;
  streams(body: Body, path: string): boolean;
  maxTokens(body: Body): unknown;
  /** Whether the token counts are told. */
  tellsUsage(body: Body): boolean;
  /** What the input tokens are counted in. */
  input(body: Body): unknown;
  readonly contentType: "text/event-stream" | "application/x-ndjson";
  /** Before the first output. */
  opening(model: string): string;
  /** One chunk of output; the same for every chunk of an answer, so that its bytes are made once. */
  chunk(model: string, text: string): string;
  ending(answer: Answer): string;
  /** A failure inside a stream that began well. */
  error(message: string): string;
  whole(answer: Answer): object;
}

export type Body = Readonly<Record<string, unknown>>;

export interface Answer {
  readonly model: string;
  readonly inputTokens: number;
  /** Of the input; absent where there is no prefix cache. */
  readonly cachedTokens?: number;
  readonly outputTokens: number;
  /** All of it. */
  readonly text: string;
  /** Tell the counts. */
  readonly usage: boolean;
  readonly seconds: number;
}

export function dialectFor(path: string, spoken: readonly string[] | undefined): Dialect | undefined {
  return DIALECTS.find(
    (dialect) => dialect.path.test(path) && (spoken === undefined || spoken.includes(dialect.name)),
  );
}

const sse = (data: object) => `data: ${JSON.stringify(data)}\n\n`;
const line = (data: object) => `${JSON.stringify(data)}\n`;
const errorEvent = (message: string) => sse({ error: { message } });
const openAiUsage = ({ inputTokens, outputTokens, cachedTokens }: Answer) => ({
  prompt_tokens: inputTokens,
  completion_tokens: outputTokens,
  total_tokens: inputTokens + outputTokens,
  ...cachedDetails(cachedTokens),
});
function cachedDetails(cachedTokens: number | undefined): object {
  return cachedTokens === undefined ? {} : { prompt_tokens_details: { cached_tokens: cachedTokens } };
}
/** Wall time is part of OpenAI's answers and of no interest here. */
const CREATED = 1_700_000_000;

/** The two completion APIs differ in what a choice holds. */
function completions(chat: boolean): Dialect {
  const head = (model: string) => ({
    id: chat ? "chatcmpl-scripted" : "cmpl-scripted",
    object: chat ? "chat.completion.chunk" : "text_completion",
    created: CREATED,
    model,
  });
  const choice = (delta: object, finish: string | null) => [{ index: 0, ...delta, finish_reason: finish }];
  return {
    name: chat ? "openai-chat" : "openai-completions",
    path: chat ? /^\/v1\/chat\/completions$/ : /^\/v1\/completions$/,
    streams: (body) => body.stream === true,
    maxTokens: (body) => body.max_tokens ?? body.max_completion_tokens,
    // OpenAI tells them of a stream only when asked to.
    tellsUsage: (body) => body.stream !== true || field(body.stream_options, "include_usage") === true,
    input: (body) => (chat ? body.messages : body.prompt),
    contentType: "text/event-stream",
    opening: (model) =>
      chat ? sse({ ...head(model), choices: choice({ delta: { role: "assistant" } }, null) }) : "",
    chunk: (model, text) =>
      sse({ ...head(model), choices: choice(chat ? { delta: { content: text } } : { text }, null) }),
    ending: (answer) => {
      const finish = sse({
        ...head(answer.model),
        choices: choice(chat ? { delta: {} } : { text: "" }, "length"),
      });
      const usage = answer.usage
        ? sse({ ...head(answer.model), choices: [], usage: openAiUsage(answer) })
        : "";
      return `${finish}${usage}data: [DONE]\n\n`;
    },
    error: errorEvent,
    whole: (answer) => ({
      ...head(answer.model),
      object: chat ? "chat.completion" : "text_completion",
      choices: choice(
        chat ? { message: { role: "assistant", content: answer.text } } : { text: answer.text },
        "length",
      ),
      ...(answer.usage && { usage: openAiUsage(answer) }),
    }),
  };
}

const responses: Dialect = {
  name: "openai-responses",
  path: /^\/v1\/responses$/,
  streams: (body) => body.stream === true,
  maxTokens: (body) => body.max_output_tokens,
  tellsUsage: () => true,
  input: (body) => body.input,
  contentType: "text/event-stream",
  opening: (model) =>
    named("response.created", {
      response: { id: "resp_scripted", object: "response", status: "in_progress", model },
    }),
  chunk: (_model, text) =>
    named("response.output_text.delta", {
      item_id: "msg_scripted",
      output_index: 0,
      content_index: 0,
      delta: text,
    }),
  ending: (answer) => named("response.completed", { response: response(answer) }),
  error: (message) => named("response.failed", { response: { status: "failed", error: { message } } }),
  whole: (answer) => response(answer),
};

function named(type: string, data: object): string {
  return `event: ${type}\n${sse({ type, ...data })}`;
}

function response({ model, inputTokens, cachedTokens, outputTokens, text, usage }: Answer): object {
  return {
    id: "resp_scripted",
    object: "response",
    created_at: CREATED,
    status: "completed",
    model,
    output: [
      {
        id: "msg_scripted",
        type: "message",
        role: "assistant",
        status: "completed",
        content: [{ type: "output_text", text, annotations: [] }],
      },
    ],
    ...(usage && {
      usage: {
        input_tokens: inputTokens,
        ...(cachedTokens !== undefined && { input_tokens_details: { cached_tokens: cachedTokens } }),
        output_tokens: outputTokens,
        total_tokens: inputTokens + outputTokens,
      },
    }),
  };
}

const embeddings: Dialect = {
  name: "openai-embeddings",
  path: /^\/v1\/embeddings$/,
  streams: () => false,
  maxTokens: () => 0,
  tellsUsage: () => true,
  input: (body) => body.input,
  contentType: "text/event-stream",
  opening: () => "",
  chunk: () => "",
  ending: () => "",
  error: errorEvent,
  whole: ({ model, inputTokens, usage, cachedTokens }) => ({
    object: "list",
    model,
    data: [{ object: "embedding", index: 0, embedding: [0.6, 0, -0.8] }],
    ...(usage && {
      usage: { prompt_tokens: inputTokens, total_tokens: inputTokens, ...cachedDetails(cachedTokens) },
    }),
  }),
};

const triton: Dialect = {
  name: "triton",
  path: /^\/v2\/models\/[^/]+(\/versions\/[^/]+)?\/generate(_stream)?$/,
  streams: (_body, path) => path.endsWith("_stream"),
  maxTokens: (body) => body.max_tokens ?? field(body.parameters, "max_tokens"),
  tellsUsage: () => true,
  input: (body) => body.text_input,
  contentType: "text/event-stream",
  opening: () => "",
  chunk: (model, text) => sse({ model_name: model, model_version: "1", text_output: text }),
  ending: () => "",
  error: (message) => sse({ error: message }),
  whole: ({ model, text }) => ({ model_name: model, model_version: "1", text_output: text }),
};

const tgi: Dialect = {
  name: "tgi",
  path: /^\/generate(_stream)?$/,
  streams: (_body, path) => path.endsWith("_stream"),
  maxTokens: (body) => field(body.parameters, "max_new_tokens"),
  tellsUsage: () => true,
  input: (body) => body.inputs,
  contentType: "text/event-stream",
  opening: () => "",
  chunk: (_model, text) => sse({ ...tgiToken(text, false), generated_text: null, details: null }),
  ending: (answer) =>
    sse({ ...tgiToken("</s>", true), generated_text: answer.text, details: tgiDetails(answer) }),
  error: (message) => sse({ error: message, error_type: "generation" }),
  whole: (answer) => ({ generated_text: answer.text, details: tgiDetails(answer) }),
};

function tgiToken(text: string, special: boolean): object {
  return { index: 1, token: { id: special ? 2 : 1024, text, logprob: -0.5, special } };
}

function tgiDetails({ inputTokens, outputTokens, usage }: Answer): object | null {
  return usage
    ? { finish_reason: "length", generated_tokens: outputTokens, input_length: inputTokens, seed: null }
    : null;
}

const ollama: Dialect = {
  name: "ollama",
  path: /^\/api\/chat$/,
  streams: (body) => body.stream !== false,
  maxTokens: (body) => field(body.options, "num_predict"),
  tellsUsage: () => true,
  input: (body) => body.messages,
  contentType: "application/x-ndjson",
  opening: () => "",
  chunk: (model, text) => line({ ...ollamaHead(model, text), done: false }),
  ending: (answer) => line(ollamaLast(answer, "")),
  error: (message) => line({ error: message }),
  whole: (answer) => ollamaLast(answer, answer.text),
};

function ollamaHead(model: string, content: string): object {
  return { model, created_at: "2023-11-14T22:13:20Z", message: { role: "assistant", content } };
}

function ollamaLast(answer: Answer, content: string): object {
  const { model, inputTokens, outputTokens, usage, seconds } = answer;
  return {
    ...ollamaHead(model, content),
    done: true,
    done_reason: "length",
    total_duration: Math.round(seconds * 1e9),
    ...(usage && { prompt_eval_count: inputTokens, eval_count: outputTokens }),
  };
}

/** This project's own server. */
const inference: Dialect = {
  name: "inference",
  path: /^\/inference$/,
  streams: (body) => body.stream === true,
  maxTokens: (body) => body.max_tokens,
  tellsUsage: () => true,
  input: (body) => body.prompt,
  contentType: "text/event-stream",
  opening: () => "",
  chunk: (_model, token) => sse({ token }),
  ending: (answer) => `event: stats\n${sse(statistics(answer))}`,
  error: (message) => `event: error\n${sse({ error: { code: "INFERENCE_FAILED", message } })}`,
  whole: (answer) => ({ text: answer.text, ...statistics(answer) }),
};

function statistics({ outputTokens, seconds }: Answer): object {
  return {
    tokens_generated: outputTokens,
    generation_time: seconds,
    tokens_per_second: seconds > 0 ? outputTokens / seconds : null,
  };
}

function field(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? (value as Body)[name] : undefined;
}

const DIALECTS: readonly Dialect[] = [
  completions(true),
  completions(false),
  responses,
  embeddings,
  triton,
  tgi,
  ollama,
  inference,
];
export const DIALECT_NAMES: readonly string[] = DIALECTS.map(({ name }) => name);
