import { z } from "zod";
import type { Operation } from "../../http/openapi/operation.ts";
import { embeddingsRequest } from "./embeddings.ts";
import { chatRequest, completionRequest } from "./request.ts";

const count = z.int().min(0);

const usage = z.object({
  prompt_tokens: count,
  completion_tokens: count,
  total_tokens: count,
  prompt_tokens_details: z.object({ cached_tokens: count }),
});

const head = {
  id: z.string(),
  created: z.int().meta({ description: "Seconds since 1970." }),
  model: z.string(),
  usage,
  timings: z.looseObject({}).optional().meta({ description: "As llama-server has them." }),
};

const finishReason = z.enum(["stop", "length", "tool_calls"]);

const chatAnswer = z.object({
  ...head,
  object: z.literal("chat.completion"),
  choices: z.array(
    z.object({
      index: count,
      message: z.looseObject({
        role: z.literal("assistant"),
        content: z.string().nullable(),
        refusal: z.null(),
        tool_calls: z.array(z.looseObject({ id: z.string(), type: z.literal("function") })).optional(),
      }),
      logprobs: z.looseObject({}).nullable(),
      finish_reason: finishReason,
    }),
  ),
});

const completionAnswer = z.object({
  ...head,
  object: z.literal("text_completion"),
  choices: z.array(
    z.object({
      index: count,
      text: z.string(),
      logprobs: z.looseObject({}).nullable(),
      finish_reason: finishReason,
    }),
  ),
});

const embeddingsAnswer = z.object({
  object: z.literal("list"),
  data: z.array(
    z.object({
      object: z.literal("embedding"),
      index: count,
      embedding: z
        .union([z.array(z.number()), z.string()])
        .meta({ description: "Numbers, or with base64 their bytes, little-endian, 32 bits each." }),
    }),
  ),
  model: z.string(),
  usage: z.object({ prompt_tokens: count, total_tokens: count }),
});

const modelAnswer = z
  .object({
    id: z.string(),
    object: z.literal("model"),
    created: z.int(),
    owned_by: z.string(),
    description: z.string().nullable(),
    max_model_len: count,
  })
  .meta({ id: "Model" });

const tags = ["OpenAI's API"];
const streams = "With `stream` the answer is Server-Sent Events, ending with `[DONE]`.";
const notReady = { description: "The model is not ready, or there is none." };
const unknownModel = { description: "This server has another model." };
const invalid = { description: "Mistakes in what was given, all of them in `details`." };
const full = { description: "All slots and the queue are full; see Retry-After." };

export const openaiOperations: readonly Operation[] = [
  {
    method: "post",
    path: "/v1/chat/completions",
    summary: "Answer a conversation",
    description: streams,
    tags,
    auth: "key",
    body: chatRequest,
    example: { messages: [{ role: "user", content: "What is a latency objective?" }], max_tokens: 50 },
    answers: {
      200: { description: "The answer.", schema: chatAnswer },
      400: invalid,
      404: unknownModel,
      429: full,
      503: notReady,
    },
  },
  {
    method: "post",
    path: "/v1/completions",
    summary: "Continue a text",
    description: streams,
    tags,
    auth: "key",
    body: completionRequest,
    example: { prompt: "A latency objective is", max_tokens: 50 },
    answers: {
      200: { description: "How it goes on.", schema: completionAnswer },
      400: invalid,
      404: unknownModel,
      429: full,
      503: notReady,
    },
  },
  {
    method: "post",
    path: "/v1/embeddings",
    summary: "Make vectors of texts",
    tags,
    auth: "key",
    body: embeddingsRequest,
    example: { input: ["a latency objective"] },
    answers: {
      200: { description: "A vector for each text.", schema: embeddingsAnswer },
      400: invalid,
      404: unknownModel,
      429: full,
      503: notReady,
    },
  },
  {
    method: "get",
    path: "/v1/models",
    summary: "List the one model",
    tags,
    answers: {
      200: {
        description: "The model.",
        schema: z.object({ object: z.literal("list"), data: z.array(modelAnswer) }),
      },
      503: notReady,
    },
  },
  {
    method: "get",
    path: "/v1/models/:name",
    summary: "Read about the model",
    tags,
    answers: {
      200: { description: "The model.", schema: modelAnswer },
      404: unknownModel,
      503: notReady,
    },
  },
];
