import { randomUUID } from "node:crypto";
import Router from "@koa/router";
import type { Context } from "koa";
import { openaiErrorBody } from "../errors.ts";
import { EventStream } from "../event-stream.ts";
import { abortedError, generate, generateWhole, inferenceError } from "../generate.ts";
import type { GenerationRequest, Inference } from "../inference/inference.ts";
import { validate } from "../validation.ts";
import { type AnswerIdentity, type AnswerShape, chatAnswer, textAnswer } from "./openai-answer.ts";
import {
  chatGeneration,
  chatRequest,
  checkModelName,
  completionGeneration,
  completionRequest,
} from "./openai-request.ts";
import type { RouteDeps } from "./route-deps.ts";

/** The part of OpenAI's API that generates text. */
export function openaiRoutes(deps: RouteDeps): Router {
  const router = new Router();

  router.post("/v1/chat/completions", async (ctx) => {
    const request = validate(chatRequest, ctx.request.body);
    const inference = deps.models.require();
    checkModelName(inference, request.model);
    const answer = chatAnswer(identity("chatcmpl", inference, request));
    await respond(ctx, deps, inference, chatGeneration(inference, request), answer, request);
  });

  router.post("/v1/completions", async (ctx) => {
    const request = validate(completionRequest, ctx.request.body);
    const inference = deps.models.require();
    checkModelName(inference, request.model);
    const answer = textAnswer(identity("cmpl", inference, request));
    await respond(ctx, deps, inference, completionGeneration(inference, request), answer, request);
  });

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

interface StreamChoice {
  readonly stream?: boolean | null | undefined;
  readonly stream_options?: { readonly include_usage?: boolean | null | undefined } | null | undefined;
}

async function respond(
  ctx: Context,
  deps: RouteDeps,
  inference: Inference,
  request: GenerationRequest,
  answer: AnswerShape,
  choice: StreamChoice,
): Promise<void> {
  if (choice.stream !== true) {
    const { text, end } = await generateWhole(ctx, inference, deps.telemetry, request);
    ctx.body = answer.whole(text, end);
    return;
  }
  // The stream opens after the request was taken, so that a refusal still has its own status.
  let stream: EventStream | undefined;
  let opened = false;
  const opening = () => {
    const text = opened ? "" : answer.opening;
    opened = true;
    return text;
  };
  generate(ctx, inference, deps.telemetry, request, {
    onToken: (text) => {
      if (text !== "") stream?.write(opening() + answer.beforeText + JSON.stringify(text) + answer.afterText);
    },
    onEnd: (end) => {
      if (end.reason === "aborted") return stream?.end(errorEvent(abortedError()));
      const usage = choice.stream_options?.include_usage === true ? answer.usage(end) : "";
      stream?.end(`${opening()}${answer.finish(end.reason)}${usage}data: [DONE]\n\n`);
    },
    onError: (error) => stream?.end(errorEvent(inferenceError(error))),
  });
  stream = new EventStream(ctx);
}

function errorEvent(error: Parameters<typeof openaiErrorBody>[0]): string {
  return `data: ${JSON.stringify(openaiErrorBody(error))}\n\n`;
}

function identity(prefix: string, inference: Inference, choice: StreamChoice): AnswerIdentity {
  return {
    id: `${prefix}-${randomUUID().replaceAll("-", "")}`,
    model: inference.model.name,
    created: Math.floor(Date.now() / 1000),
    includeUsage: choice.stream_options?.include_usage === true,
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
