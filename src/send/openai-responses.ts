import {
  isObject,
  isText,
  type Json,
  objectsOf,
  parseObject,
  reportedError,
  usageFrom,
} from "./json-fields.ts";
import type { Protocol, StreamEvent } from "./protocol.ts";

/** OpenAI's responses, the successor of chat completions; every event names its `type`. */
export const openaiResponses: Protocol = {
  versioned: true,
  modelsPath: "/models",
  path: () => "/responses",
  body: ({ model, messages, maxTokens, ignoreEos, stream }) =>
    JSON.stringify({
      model,
      input: messages,
      max_output_tokens: maxTokens,
      // No part of OpenAI's API; servers that know it elsewhere take it here, so it is sent only when asked for.
      ...(ignoreEos && { ignore_eos: true }),
      // Nothing of a load test is worth keeping on a server that keeps answers by default.
      store: false,
      stream,
    }),
  read: (data) => (data === "[DONE]" ? "done" : readEvent(parseObject(data))),
  readWhole: (body) => readResponse(parseObject(body), true),
};

const NOTHING: StreamEvent = { output: false, finished: false };

function readEvent(event: Json): StreamEvent {
  const { type, delta } = event;
  if (typeof type !== "string") return reportedError(event) ?? NOTHING;
  if (type === "error") {
    return {
      ...NOTHING,
      error: isText(event.message) ? event.message : (reportedError(event)?.error ?? "error"),
    };
  }
  // Text, reasoning, refusals, arguments of calls: whatever grows by deltas was made by the model.
  if (type.endsWith(".delta")) {
    const output = isText(delta);
    return {
      output,
      finished: false,
      ...(output && type === "response.output_text.delta" && { text: delta }),
    };
  }
  if (LAST.has(type)) return readResponse(isObject(event.response) ? event.response : {}, false);
  return NOTHING;
}

/** Incomplete is how an answer ends that reached `max_output_tokens`. */
const LAST: ReadonlySet<string> = new Set(["response.completed", "response.incomplete", "response.failed"]);

/** The whole answer; at the end of a stream its output came already. */
function readResponse(response: Json, withOutput: boolean): StreamEvent {
  const failed = reportedError(response);
  if (failed) return failed;
  if (response.status === "failed")
    return { ...NOTHING, error: "the response failed without an error message" };
  const items = objectsOf(response.output);
  const text = items
    .flatMap((item) => objectsOf(item.content))
    .map((part) => (part.type === "output_text" && isText(part.text) ? part.text : ""))
    .join("");
  const told = isObject(response.usage) ? response.usage : undefined;
  const details = isObject(told?.input_tokens_details) ? told.input_tokens_details : undefined;
  const usage = usageFrom(told?.input_tokens, told?.output_tokens, details?.cached_tokens);
  return {
    output: withOutput && items.length > 0,
    finished: true,
    ...(withOutput && text !== "" && { text }),
    ...(usage && { usage }),
  };
}
