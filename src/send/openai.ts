import type { Protocol, StreamEvent, Usage } from "./protocol.ts";

/** OpenAI's chat completions, streamed, as vLLM, SGLang, llama.cpp and the hosted services speak it. */
export const openaiChat: Protocol = {
  path: "/chat/completions",
  body: ({ model, text, maxTokens }) =>
    JSON.stringify({
      model,
      messages: [{ role: "user", content: text }],
      max_tokens: maxTokens,
      ...STREAMED,
    }),
  read: (data) => read(data, (choice) => carriesOutput(choice.delta)),
};

/** The older completions: a prompt without a chat template. */
export const openaiCompletions: Protocol = {
  path: "/completions",
  body: ({ model, text, maxTokens }) =>
    JSON.stringify({ model, prompt: text, max_tokens: maxTokens, ...STREAMED }),
  read: (data) => read(data, (choice) => isText(choice.text)),
};

const STREAMED = { stream: true, stream_options: { include_usage: true } } as const;

type Json = Readonly<Record<string, unknown>>;

function read(data: string, hasOutput: (choice: Json) => boolean): StreamEvent | "done" {
  if (data === "[DONE]") return "done";
  const event: unknown = JSON.parse(data);
  if (!isObject(event)) throw new SyntaxError("an event of the stream is not an object");
  const error = event.error;
  if (error !== undefined && error !== null) {
    return { output: false, finished: false, error: errorText(error) };
  }
  const choices = Array.isArray(event.choices) ? event.choices.filter(isObject) : [];
  const usage = usageOf(event.usage);
  return {
    output: choices.some(hasOutput),
    finished: choices.some((choice) => typeof choice.finish_reason === "string"),
    ...(usage && { usage }),
  };
}

/** Reasoning stands under `reasoning_content` (vLLM, DeepSeek) or `reasoning` (OpenRouter, newer vLLM). */
function carriesOutput(delta: unknown): boolean {
  if (!isObject(delta)) return false;
  return (
    isText(delta.content) ||
    isText(delta.reasoning_content) ||
    isText(delta.reasoning) ||
    isText(delta.refusal) ||
    (Array.isArray(delta.tool_calls) && delta.tool_calls.length > 0) ||
    isObject(delta.function_call)
  );
}

function usageOf(usage: unknown): Usage | undefined {
  if (!isObject(usage)) return undefined;
  const inputTokens = tokenCount(usage.prompt_tokens);
  const outputTokens = tokenCount(usage.completion_tokens);
  return {
    ...(inputTokens !== undefined && { inputTokens }),
    ...(outputTokens !== undefined && { outputTokens }),
  };
}

function tokenCount(value: unknown): number | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}

/** The message of `{"error": {"message": …}}` and of its variations. */
export function errorText(error: unknown): string {
  if (typeof error === "string") return error;
  if (isObject(error) && typeof error.message === "string") return error.message;
  return JSON.stringify(error);
}

function isText(value: unknown): boolean {
  return typeof value === "string" && value !== "";
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
