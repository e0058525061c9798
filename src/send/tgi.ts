import { isObject, isText, parseObject, reportedError, usageFrom } from "./json-fields.ts";
import { plainPrompt } from "./plain-prompt.ts";
import type { Protocol } from "./protocol.ts";

/** Hugging Face's Text Generation Inference, by its own API. */
export const tgi: Protocol = {
  versioned: false,
  path: (_model, stream) => (stream ? "/generate_stream" : "/generate"),
  body: (prompt) =>
    JSON.stringify({
      inputs: plainPrompt(prompt),
      parameters: {
        max_new_tokens: prompt.maxTokens,
        details: true,
        ...(prompt.ignoreEos && { ignore_eos_token: true }),
      },
    }),
  read: (data) => {
    const event = parseObject(data);
    const failed = reportedError(event);
    if (failed) return failed;
    const { token } = event;
    // The end-of-sequence token has a text, but it is no part of the answer.
    const text = isObject(token) && token.special !== true ? token.text : undefined;
    const usage = isObject(event.details)
      ? usageFrom(event.details.input_length, event.details.generated_tokens)
      : undefined;
    return {
      output: isText(text),
      finished: typeof event.generated_text === "string",
      ...(isText(text) && { text }),
      ...(usage && { usage }),
    };
  },
  readWhole: (body) => {
    const value: unknown = JSON.parse(body);
    // Behind some gateways the one answer stands in a list.
    const answer: unknown = Array.isArray(value) ? value[0] : value;
    if (!isObject(answer)) throw new SyntaxError("the answer is not an object");
    const failed = reportedError(answer);
    if (failed) return failed;
    const text = answer.generated_text;
    const usage = isObject(answer.details)
      ? usageFrom(answer.details.input_length, answer.details.generated_tokens)
      : undefined;
    return { output: isText(text), finished: true, ...(isText(text) && { text }), ...(usage && { usage }) };
  },
};
