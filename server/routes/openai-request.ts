import { z } from "zod";
import { ApiError } from "../errors.ts";
import type { ChatMessage, GenerationRequest, Inference } from "../inference/inference.ts";

const textPart = z.object({
  type: z.literal("text", { error: "only text parts can be read" }),
  text: z.string(),
});

const message = z.object({
  role: z.enum(["system", "developer", "user", "assistant"], {
    error: "must be system, developer, user or assistant",
  }),
  content: z.union([z.string(), z.array(textPart).min(1)], {
    error: "must be a text or a list of text parts",
  }),
});

const sampling = {
  model: z.string().nullish(),
  max_tokens: z.int().min(1).nullish(),
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().gt(0).max(1).nullish(),
  top_k: z.int().min(0).nullish(),
  seed: z.int().nullish(),
  stop: z
    .union([z.string(), z.array(z.string()).max(16)], {
      error: "must be a text or a list of at most 16 texts",
    })
    .nullish(),
  stream: z.boolean().nullish(),
  stream_options: z.object({ include_usage: z.boolean().nullish() }).nullish(),
  ignore_eos: z.boolean().nullish(),
  // What would change the answer and is not there is refused: a parameter silently ignored is a bug to its sender.
  n: z.literal(1, { error: "only 1 is supported" }).nullish(),
};

export const chatRequest = z.object({
  ...sampling,
  messages: z.array(message).min(1, { error: "must hold at least one message" }),
  max_completion_tokens: z.int().min(1).nullish(),
  logprobs: z.literal(false, { error: "log probabilities are not supported" }).nullish(),
  tools: z.array(z.unknown()).max(0, { error: "tools are not supported" }).nullish(),
  response_format: z
    .object({ type: z.literal("text", { error: "only the format text is supported" }) })
    .nullish(),
});

export const completionRequest = z.object({
  ...sampling,
  prompt: z
    .union([z.string().min(1), z.array(z.string().min(1)).length(1)], {
      error: "must be a text that is not empty, or a list of one such text",
    })
    .transform((prompt) => (typeof prompt === "string" ? prompt : prompt[0]!)),
  echo: z.literal(false, { error: "repeating the prompt is not supported" }).nullish(),
  logprobs: z.null({ error: "log probabilities are not supported" }).optional(),
  suffix: z.literal("", { error: "a suffix is not supported" }).nullish(),
});

export type ChatRequest = z.output<typeof chatRequest>;
export type CompletionRequest = z.output<typeof completionRequest>;

/** Says which model is served when another is asked for; none asked for is fine. */
export function checkModelName(inference: Inference, name: string | null | undefined): void {
  const served = inference.model.name;
  if (name === undefined || name === null || name === served) return;
  const message = `The model ${JSON.stringify(name)} does not exist here; this server has ${JSON.stringify(served)}.`;
  throw new ApiError("MODEL_NOT_FOUND", message, { details: [{ field: "model", message }] });
}

export function chatGeneration(inference: Inference, request: ChatRequest): GenerationRequest {
  inference.ensureRoom();
  const messages = request.messages.map(
    ({ role, content }): ChatMessage => ({
      role: role === "developer" ? "system" : role,
      content: typeof content === "string" ? content : content.map((part) => part.text).join(""),
    }),
  );
  // The built-in model does not come to an end by itself, and nobody wants a context full of it.
  const maxTokens =
    request.max_completion_tokens ?? request.max_tokens ?? (inference.model.builtIn ? 128 : undefined);
  return { ...samplingOf(request), prompt: inference.chatPrompt(messages), maxTokens };
}

export function completionGeneration(inference: Inference, request: CompletionRequest): GenerationRequest {
  inference.ensureRoom();
  const prompt = inference.textPrompt(request.prompt);
  return { ...samplingOf(request), prompt, maxTokens: request.max_tokens ?? 16 };
}

function samplingOf(request: ChatRequest | CompletionRequest) {
  const stop = request.stop ?? [];
  return {
    temperature: request.temperature ?? 1,
    topP: request.top_p ?? 1,
    topK: request.top_k ?? 40,
    seed: request.seed ?? undefined,
    stop: typeof stop === "string" ? [stop] : stop,
    ignoreEnd: request.ignore_eos ?? false,
  };
}
