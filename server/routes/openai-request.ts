import { z } from "zod";
import { ApiError } from "../errors.ts";
import type { AnswerFormat, ChatMessage, GenerationRequest, Inference } from "../inference/inference.ts";
import { responseFormat } from "./openai-response-format.ts";

/** Each choice is a request of its own to the model, and one body should not fill the queue. */
const MOST_CHOICES = 8;

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
  n: z.int().min(1).max(MOST_CHOICES).nullish(),
  /** llama-server's name for taking over what a slot still knows of the prompt. */
  cache_prompt: z.boolean().nullish(),
  // What would change the answer and is not there is refused: a parameter silently ignored is a bug to its sender.
  presence_penalty: z.literal(0, { error: "penalties are not supported" }).nullish(),
  frequency_penalty: z.literal(0, { error: "penalties are not supported" }).nullish(),
  logit_bias: z.record(z.string(), z.never(), { error: "biases of tokens are not supported" }).nullish(),
};

export const chatRequest = z.object({
  ...sampling,
  messages: z.array(message).min(1, { error: "must hold at least one message" }),
  max_completion_tokens: z.int().min(1).nullish(),
  logprobs: z.literal(false, { error: "log probabilities are not supported" }).nullish(),
  top_logprobs: z.literal(0, { error: "log probabilities are not supported" }).nullish(),
  tools: z.array(z.unknown()).max(0, { error: "tools are not supported" }).nullish(),
  response_format: responseFormat.nullish(),
});

export const completionRequest = z.object({
  ...sampling,
  prompt: z
    .union([z.string().min(1), z.array(z.string().min(1)).min(1).max(MOST_CHOICES)], {
      error: `must be a text that is not empty, or a list of 1 to ${MOST_CHOICES} such texts`,
    })
    .transform((prompt) => (typeof prompt === "string" ? [prompt] : prompt)),
  best_of: z.literal(1, { error: "choosing the best of several is not supported" }).nullish(),
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

/** What one body asks to be generated: the choices of the first prompt, then those of the next. */
export interface Generations {
  readonly requests: readonly GenerationRequest[];
  readonly choicesPerPrompt: number;
  readonly stream: boolean;
  readonly includeUsage: boolean;
}

export async function chatGenerations(inference: Inference, request: ChatRequest): Promise<Generations> {
  inference.ensureRoom(request.n ?? 1);
  const messages = request.messages.map(
    ({ role, content }): ChatMessage => ({
      role: role === "developer" ? "system" : role,
      content: typeof content === "string" ? content : content.map((part) => part.text).join(""),
    }),
  );
  const format = await compileFormat(inference, request.response_format);
  // The built-in model does not come to an end by itself, and nobody wants a context full of it.
  const maxTokens =
    request.max_completion_tokens ?? request.max_tokens ?? (inference.model.builtIn ? 128 : undefined);
  const prompt = inference.chatPrompt(messages);
  return generations(request, [{ ...samplingOf(request), prompt, maxTokens, format }]);
}

export function completionGenerations(inference: Inference, request: CompletionRequest): Generations {
  const count = request.prompt.length * (request.n ?? 1);
  if (count > MOST_CHOICES) {
    const message = `the prompts' choices together must be at most ${MOST_CHOICES}, not ${count}`;
    throw new ApiError("VALIDATION_ERROR", `n: ${message}`, { details: [{ field: "n", message }] });
  }
  inference.ensureRoom(count);
  const maxTokens = request.max_tokens ?? 16;
  const prompts = request.prompt.map((text) => inference.textPrompt(text));
  return generations(
    request,
    prompts.map((prompt) => ({ ...samplingOf(request), prompt, maxTokens })),
  );
}

function generations(
  request: ChatRequest | CompletionRequest,
  ofPrompts: readonly GenerationRequest[],
): Generations {
  const choicesPerPrompt = request.n ?? 1;
  // With one seed for all of them the choices would be one text several times.
  const choices = (one: GenerationRequest) =>
    Array.from({ length: choicesPerPrompt }, (_, index) =>
      one.seed === undefined ? one : { ...one, seed: one.seed + index },
    );
  return {
    requests: ofPrompts.flatMap(choices),
    choicesPerPrompt,
    stream: request.stream === true,
    includeUsage: request.stream_options?.include_usage === true,
  };
}

async function compileFormat(
  inference: Inference,
  grammar: string | null | undefined,
): Promise<AnswerFormat | undefined> {
  if (grammar === null || grammar === undefined) return undefined;
  try {
    return await inference.compileFormat(grammar);
  } catch (cause) {
    const message =
      "no grammar can be made of this schema; one that refers to nothing but itself is such a case";
    const details = [{ field: "response_format", message }];
    throw new ApiError("VALIDATION_ERROR", `response_format: ${message}`, { details, cause });
  }
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
    reusePrefix: request.cache_prompt ?? true,
  };
}
