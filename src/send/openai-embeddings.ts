import { isObject, isText, objectsOf, parseObject, reportedError, usageFrom } from "./json-fields.ts";
import { cachedTokens } from "./openai.ts";
import { plainPrompt } from "./plain-prompt.ts";
import type { Protocol } from "./protocol.ts";

/** OpenAI's embeddings: tokens go in, a vector comes out in one piece, so there is no first token. */
export const openaiEmbeddings: Protocol = {
  versioned: true,
  modelsPath: "/models",
  path: () => "/embeddings",
  body: (prompt) =>
    JSON.stringify({ model: prompt.model, input: plainPrompt(prompt), encoding_format: "float" }),
  read: () => {
    throw new SyntaxError("an embedding comes whole, not as a stream");
  },
  readWhole: (body) => {
    const answer = parseObject(body);
    const failed = reportedError(answer);
    if (failed) return failed;
    const usage = isObject(answer.usage)
      ? usageFrom(answer.usage.prompt_tokens, 0, cachedTokens(answer))
      : undefined;
    return {
      // Numbers, or the same as base64 from servers that know no other way.
      output: objectsOf(answer.data).some(
        ({ embedding }) => isText(embedding) || (Array.isArray(embedding) && embedding.length > 0),
      ),
      finished: true,
      // No token is ever made, which is a count and not a missing one.
      usage: { ...usage, outputTokens: 0 },
    };
  },
};
