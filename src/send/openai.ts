import {
  isObject,
  isText,
  type Json,
  objectsOf,
  parseObject,
  reportedError,
  usageFrom,
} from "./json-fields.ts";
import { plainPrompt } from "./plain-prompt.ts";
import type { Prompt, Protocol, StreamEvent } from "./protocol.ts";

/** OpenAI's chat completions, as vLLM, SGLang, llama.cpp and the hosted services speak them. */
export const openaiChat: Protocol = {
  versioned: true,
  modelsPath: "/models",
  path: () => "/chat/completions",
  body: (prompt) => JSON.stringify({ model: prompt.model, messages: prompt.messages, ...options(prompt) }),
  read: (data) => (data === "[DONE]" ? "done" : interpret(parseObject(data), chatDelta)),
  readWhole: (body) => interpret(parseObject(body), chatMessage),
};

/** The older completions: a prompt without a chat template. */
export const openaiCompletions: Protocol = {
  versioned: true,
  modelsPath: "/models",
  path: () => "/completions",
  body: (prompt) => JSON.stringify({ model: prompt.model, prompt: plainPrompt(prompt), ...options(prompt) }),
  read: (data) => (data === "[DONE]" ? "done" : interpret(parseObject(data), textDelta)),
  readWhole: (body) => interpret(parseObject(body), textDelta),
};

function options({ maxTokens, ignoreEos, stream }: Prompt): Json {
  return {
    max_tokens: maxTokens,
    // vLLM, SGLang and llama.cpp know these; OpenAI refuses them, so they are sent only when asked for.
    ...(ignoreEos && { ignore_eos: true, min_tokens: maxTokens }),
    ...(stream ? { stream: true, stream_options: { include_usage: true } } : { stream: false }),
  };
}

const chatDelta = (choice: Json): unknown => choice.delta;
const chatMessage = (choice: Json): unknown => choice.message;
const textDelta = (choice: Json): unknown => ({ content: choice.text });

function interpret(event: Json, deltaOf: (choice: Json) => unknown): StreamEvent {
  const failed = reportedError(event);
  if (failed) return failed;
  let output = false;
  let finished = false;
  let text = "";
  for (const choice of objectsOf(event.choices)) {
    const delta = deltaOf(choice);
    if (isObject(delta)) {
      output ||= carriesOutput(delta);
      if (isText(delta.content)) text += delta.content;
    }
    finished ||= typeof choice.finish_reason === "string";
  }
  const told = isObject(event.usage) ? event.usage : undefined;
  const usage = usageFrom(told?.prompt_tokens, told?.completion_tokens, cachedTokens(event));
  return { output, finished, ...(text !== "" && { text }), ...(usage && { usage }) };
}

/** OpenAI's own place for it, which vLLM, SGLang and llama.cpp have too; DeepSeek's; that of llama.cpp's timings. */
export function cachedTokens({ usage, timings }: Json): unknown {
  const told = isObject(usage) ? usage : {};
  if (isObject(told.prompt_tokens_details) && told.prompt_tokens_details.cached_tokens != null)
    return told.prompt_tokens_details.cached_tokens;
  return told.prompt_cache_hit_tokens ?? (isObject(timings) ? timings.cache_n : undefined);
}

/** Reasoning stands under `reasoning_content` (vLLM, DeepSeek) or `reasoning` (OpenRouter, newer vLLM). */
function carriesOutput(delta: Json): boolean {
  return (
    isText(delta.content) ||
    isText(delta.reasoning_content) ||
    isText(delta.reasoning) ||
    isText(delta.refusal) ||
    (Array.isArray(delta.tool_calls) && delta.tool_calls.length > 0) ||
    isObject(delta.function_call)
  );
}
