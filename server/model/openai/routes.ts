import { randomUUID } from "node:crypto";
import Router from "@koa/router";
import { validate } from "../../http/validation.ts";
import type { Inference } from "../../inference/inference.ts";
import type { RouteDeps } from "../model-deps.ts";
import { type AnswerIdentity, chatAnswer, textAnswer } from "./answer.ts";
import { embeddingsRoute } from "./embeddings.ts";
import {
  type ChatRequest,
  type CompletionRequest,
  chatGenerations,
  chatRequest,
  checkModelName,
  completionGenerations,
  completionRequest,
} from "./request.ts";
import { respond } from "./respond.ts";

/** OpenAI's API, as far as one model that generates text can have it. */
export function openaiRoutes(deps: RouteDeps): Router {
  const router = new Router();

  router.post("/v1/chat/completions", async (ctx) => {
    const request = validate(chatRequest, ctx.request.body);
    const inference = deps.models.require();
    checkModelName(inference, request.model);
    const generations = await chatGenerations(inference, request);
    await respond(ctx, deps, inference, generations, chatAnswer(identity("chatcmpl", inference, request)));
  });

  router.post("/v1/completions", async (ctx) => {
    const request = validate(completionRequest, ctx.request.body);
    const inference = deps.models.require();
    checkModelName(inference, request.model);
    const generations = completionGenerations(inference, request);
    await respond(ctx, deps, inference, generations, textAnswer(identity("cmpl", inference, request)));
  });

  router.post("/v1/embeddings", embeddingsRoute(deps));

  router.get("/v1/models", (ctx) => {
    ctx.body = { object: "list", data: [describe(deps.models.require())] };
  });

  router.get("/v1/models/:name", (ctx) => {
    const inference = deps.models.require();
    checkModelName(inference, ctx.params.name);
    ctx.body = describe(inference);
  });

  return router;
}

function identity(
  prefix: string,
  inference: Inference,
  request: ChatRequest | CompletionRequest,
): AnswerIdentity {
  return {
    id: `${prefix}-${randomUUID().replaceAll("-", "")}`,
    model: inference.model.name,
    created: Math.floor(Date.now() / 1000),
    includeUsage: request.stream_options?.include_usage === true,
  };
}

function describe({ model }: Inference): object {
  return {
    id: model.name,
    object: "model",
    created: Math.floor(model.loadedAt.getTime() / 1000),
    owned_by: "goodput",
    description: model.description ?? null,
    max_model_len: model.contextSize,
  };
}
