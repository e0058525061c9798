import { z } from "zod";
import { ApiError } from "../../http/errors.ts";
import type { AnswerFormat, GenerationRequest, Inference } from "../../inference/inference.ts";
import type { ToolCallReader } from "../../inference/tool-call-reader.ts";
import { messages } from "./messages.ts";
import { responseFormat } from "./response-format.ts";
import { checkTools, toolFields, toolUse } from "./tools.ts";

/** Each choice is a request of its own to the model, and one body should not fill the queue. */
const MOST_CHOICES = 8;

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
  presence_penalty: z.number().min(-2).max(2).nullish(),
  frequency_penalty: z.number().min(-2).max(2).nullish(),
  logit_bias: z
    .record(
      z.string().regex(/^\d{1,9}$/, { error: "must be the number of a token" }),
      z.number().min(-100).max(100),
      {
        error: "must be an object of numbers by token",
      },
    )
    .transform((biases) => new Map(Object.entries(biases).map(([token, bias]) => [Number(token), bias])))
    .nullish(),
  /** vLLM's and llama-server's name. */
  min_p: z.number().min(0).max(1).nullish(),
  // What would change the answer and is not there is refused: a parameter silently ignored is a bug to its sender.
  repetition_penalty: z
    .literal(1, { error: "is not supported; there are presence_penalty and frequency_penalty" })
    .nullish(),
};

export const chatRequest = z
  .object({
    ...sampling,
    ...toolFields,
    messages,
    max_completion_tokens: z.int().min(1).nullish(),
    logprobs: z.boolean().nullish(),
    top_logprobs: z.int().min(0).max(20).nullish(),
    response_format: responseFormat.nullish(),
  })
  .superRefine((request, context) => {
    const issue = (path: string, message: string) =>
      context.addIssue({ code: "custom", path: [path], message });
    checkTools(request, issue);
    checkLogprobs(request, issue);
    if (request.top_logprobs && request.logprobs !== true) {
      issue("top_logprobs", "is for requests whose logprobs is true");
    }
    if (request.response_format && request.tools?.length && request.tool_choice !== "none") {
      issue("response_format", "leaves no room for calls of tools; set tool_choice to none");
    }
  });

export const completionRequest = z
  .object({
    ...sampling,
    prompt: z
      .union([z.string().min(1), z.array(z.string().min(1)).min(1).max(MOST_CHOICES)], {
        error: `must be a text that is not empty, or a list of 1 to ${MOST_CHOICES} such texts`,
      })
      .transform((prompt) => (typeof prompt === "string" ? [prompt] : prompt)),
    best_of: z.literal(1, { error: "choosing the best of several is not supported" }).nullish(),
    echo: z.literal(false, { error: "repeating the prompt is not supported" }).nullish(),
    logprobs: z.int().min(0).max(5).nullish(),
    suffix: z.literal("", { error: "a suffix is not supported" }).nullish(),
  })
  .superRefine((request, context) => {
    checkLogprobs(request, (path, message) => context.addIssue({ code: "custom", path: [path], message }));
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
  /** Finds the calls of tools in a choice's text; undefined where the text is all there can be. */
  readonly newReader: (() => ToolCallReader) | undefined;
}

export async function chatGenerations(inference: Inference, request: ChatRequest): Promise<Generations> {
  inference.ensureRoom(request.n ?? 1);
  const use = toolUse(inference, request);
  const format =
    use.grammar === undefined
      ? await compileFormat(inference, request.response_format, "response_format")
      : await compileFormat(inference, use.grammar, "tools");
  // The built-in model does not come to an end by itself, and nobody wants a context full of it.
  const maxTokens =
    request.max_completion_tokens ?? request.max_tokens ?? (inference.model.builtIn ? 128 : undefined);
  const prompt = inference.chatPrompt(request.messages, use.tools);
  const sampling = samplingOf(request);
  const stop = [...sampling.stop, ...use.stop];
  const logProbabilities = request.logprobs === true ? (request.top_logprobs ?? 0) : undefined;
  return generations(
    request,
    [{ ...sampling, prompt, maxTokens, format, stop, logProbabilities }],
    use.newReader,
  );
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
    prompts.map((prompt) => ({
      ...samplingOf(request),
      prompt,
      maxTokens,
      logProbabilities: request.logprobs ?? undefined,
    })),
  );
}

function generations(
  request: ChatRequest | CompletionRequest,
  ofPrompts: readonly GenerationRequest[],
  newReader?: Generations["newReader"],
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
    newReader,
  };
}

/** The end token is kept from being the end by putting another in its place, which was never drawn. */
function checkLogprobs(
  { logprobs, ignore_eos }: { readonly logprobs?: unknown; readonly ignore_eos?: boolean | null | undefined },
  issue: (path: string, message: string) => void,
): void {
  const asked = logprobs !== undefined && logprobs !== null && logprobs !== false;
  if (asked && ignore_eos === true) issue("logprobs", "cannot be had together with ignore_eos");
}

async function compileFormat(
  inference: Inference,
  grammar: string | null | undefined,
  field: "response_format" | "tools",
): Promise<AnswerFormat | undefined> {
  if (grammar === null || grammar === undefined) return undefined;
  try {
    return await inference.compileFormat(grammar);
  } catch (cause) {
    const message =
      "no grammar can be made of this schema; one that refers to nothing but itself is such a case";
    throw new ApiError("VALIDATION_ERROR", `${field}: ${message}`, { details: [{ field, message }], cause });
  }
}

function samplingOf(request: ChatRequest | CompletionRequest) {
  const stop = request.stop ?? [];
  return {
    temperature: request.temperature ?? 1,
    topP: request.top_p ?? 1,
    topK: request.top_k ?? 40,
    minP: request.min_p ?? undefined,
    presencePenalty: request.presence_penalty ?? undefined,
    frequencyPenalty: request.frequency_penalty ?? undefined,
    logitBias: request.logit_bias ?? undefined,
    seed: request.seed ?? undefined,
    stop: typeof stop === "string" ? [stop] : stop,
    ignoreEnd: request.ignore_eos ?? false,
    reusePrefix: request.cache_prompt ?? true,
  };
}
