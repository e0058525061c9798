import { isText, parseObject, reportedError } from "./json-fields.ts";
import { plainPrompt } from "./plain-prompt.ts";
import type { Protocol, StreamEvent } from "./protocol.ts";

/**
 * Triton's generate extension, before TensorRT-LLM or vLLM. Top-level fields that are no input of the model
 * are taken as parameters, so the same body serves both backends. Nothing in an answer counts tokens.
 */
export const triton: Protocol = {
  versioned: false,
  path: (model, stream) =>
    `/v2/models/${encodeURIComponent(model)}/${stream ? "generate_stream" : "generate"}`,
  body: (prompt) =>
    JSON.stringify({
      text_input: plainPrompt(prompt),
      max_tokens: prompt.maxTokens,
      // TensorRT-LLM's name for it.
      ...(prompt.ignoreEos && { min_length: prompt.maxTokens }),
      stream: prompt.stream,
    }),
  read: (data) => readAnswer(data),
  readWhole: (body) => readAnswer(body),
};

/** No event says that it is the last one: the end of the stream is the end of the answer. */
function readAnswer(data: string): StreamEvent {
  const event = parseObject(data);
  const failed = reportedError(event);
  if (failed) return failed;
  const text = event.text_output;
  return { output: isText(text), finished: true, ...(isText(text) && { text }) };
}
