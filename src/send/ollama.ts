import { isObject, isText, parseObject, reportedError, usageFrom } from "./json-fields.ts";
import type { Protocol, StreamEvent } from "./protocol.ts";

/** Ollama's own chat, a line of JSON per chunk. It knows no way to go on past the model's end. */
export const ollama: Protocol = {
  versioned: false,
  modelsPath: "/api/tags",
  path: () => "/api/chat",
  body: ({ model, messages, maxTokens, stream }) =>
    JSON.stringify({ model, messages, stream, options: { num_predict: maxTokens } }),
  read: (data) => readLine(data),
  readWhole: (body) => readLine(body),
};

/** A whole answer looks like a last line that has the text too. */
function readLine(line: string): StreamEvent {
  const event = parseObject(line);
  const failed = reportedError(event);
  if (failed) return failed;
  const message = isObject(event.message) ? event.message : {};
  const { content, thinking, tool_calls } = message;
  const calls = Array.isArray(tool_calls) && tool_calls.length > 0;
  const usage = usageFrom(event.prompt_eval_count, event.eval_count);
  return {
    output: isText(content) || isText(thinking) || calls,
    finished: event.done === true,
    ...(isText(content) && { text: content }),
    ...(usage && { usage }),
  };
}
