import { isText, parseObject, reportedError, usageFrom } from "./json-fields.ts";
import { plainPrompt } from "./plain-prompt.ts";
import type { Protocol } from "./protocol.ts";

/** `POST /inference` of this project's own server: tokens, then an event with what the answer cost. */
export const inference: Protocol = {
  versioned: false,
  path: () => "/inference",
  body: (prompt) =>
    JSON.stringify({ prompt: plainPrompt(prompt), max_tokens: prompt.maxTokens, stream: prompt.stream }),
  read: (data) => {
    const event = parseObject(data);
    const failed = reportedError(event);
    if (failed) return failed;
    const { token } = event;
    const usage = usageFrom(undefined, event.tokens_generated);
    return {
      output: isText(token),
      finished: usage !== undefined,
      ...(isText(token) && { text: token }),
      ...(usage && { usage }),
    };
  },
  readWhole: (body) => {
    const answer = parseObject(body);
    const failed = reportedError(answer);
    if (failed) return failed;
    const { text } = answer;
    const usage = usageFrom(undefined, answer.tokens_generated);
    return { output: isText(text), finished: true, ...(isText(text) && { text }), ...(usage && { usage }) };
  },
};
