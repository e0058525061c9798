import Router from "@koa/router";
import { z } from "zod";
import type { Operation } from "../http/openapi/operation.ts";
import { parameters } from "../http/parameters.ts";
import { validate } from "../http/validation.ts";
import type { ChatMessage } from "../inference/inference.ts";
import { generateWhole } from "./generate.ts";
import type { RouteDeps } from "./model-deps.ts";

/** `/api/v1/generate` and `/api/v1/model`: the server's own model, in two plain questions. */
export function modelRoutes({ models, telemetry }: Pick<RouteDeps, "models" | "telemetry">): Router {
  const router = new Router({ prefix: "/api/v1" });

  router.post("/generate", async (ctx) => {
    const { input } = validate(generateRequest, parameters(ctx));
    const inference = models.require();
    inference.ensureRoom();
    const messages: readonly ChatMessage[] = [{ role: "user", content: input }];
    const { text } = await generateWhole(ctx, inference, telemetry, {
      prompt: inference.chatPrompt(messages),
      maxTokens: MAX_TOKENS,
      temperature: 0.7,
      topP: 1,
      topK: 40,
      seed: undefined,
      stop: [],
      ignoreEnd: false,
    });
    ctx.body = { response: text };
  });

  router.get("/model", (ctx) => {
    ctx.body = { model: models.inference?.model.name ?? "" };
  });

  return router;
}

const MAX_TOKENS = 256;

export const generateRequest = z
  .object({
    input: z
      .string({ error: "must be a text, given once" })
      .min(1, { error: "must not be empty" })
      .default("Hello!")
      .meta({ description: "What the user says." }),
  })
  .meta({ description: "One turn of a chat." });

const tags = ["Model"];

export const modelRouteOperations: readonly Operation[] = [
  {
    method: "post",
    path: "/api/v1/generate",
    summary: "Have the server's own model answer",
    tags,
    auth: "basic",
    body: generateRequest,
    bodyAs: "any",
    bodyOptional: true,
    example: { input: "Why is the sky blue?" },
    answers: {
      200: { description: "Its answer.", schema: z.object({ response: z.string() }) },
      400: { description: "Mistakes in what was given." },
      503: { description: "There is no model, or it is not ready." },
    },
  },
  {
    method: "get",
    path: "/api/v1/model",
    summary: "Name the server's own model",
    tags,
    auth: "open",
    answers: {
      200: {
        description: "Its name; empty where there is none, or while it is loading.",
        schema: z.object({ model: z.string() }),
      },
    },
  },
];
