import Router from "@koa/router";
import type { Context } from "koa";
import { z } from "zod";
import { type ApiError, errorBody } from "../http/errors.ts";
import { EventStream } from "../http/event-stream.ts";
import { numeric, parameters, truth } from "../http/parameters.ts";
import { gibibytes, rounded } from "../http/rounding.ts";
import { validate } from "../http/validation.ts";
import type { GenerationEnd, GenerationRequest, Inference } from "../inference/inference.ts";
import { abortedError, generate, generateWhole, inferenceError } from "./generate.ts";
import type { RouteDeps } from "./model-deps.ts";
import type { SystemSampler } from "./system-sampler.ts";

/** `POST /inference`: one prompt, its text and what it cost. */
export function inferenceRoutes(deps: RouteDeps): Router {
  const router = new Router();

  router.post("/inference", async (ctx) => {
    const request = validate(inferenceRequest, parameters(ctx));
    const inference = deps.models.require();
    inference.ensureRoom();
    const generation = generationOf(inference, request);
    if (request.stream) return streamTokens(ctx, deps, inference, generation);
    const { text, end } = await generateWhole(ctx, inference, deps.telemetry, generation);
    ctx.body = { text, ...statistics(end, deps.system) };
  });

  return router;
}

export const inferenceRequest = z.object({
  prompt: z.string({ error: "is required and must be a text" }).min(1, { error: "must not be empty" }),
  max_tokens: numeric(z.number().int().min(1)).default(100),
  temperature: numeric(z.number().min(0).max(2)).default(0.7),
  seed: numeric(z.number().int()).optional(),
  stream: truth(z.boolean()).default(false),
});

function generationOf(inference: Inference, request: z.output<typeof inferenceRequest>): GenerationRequest {
  const { prompt, max_tokens, temperature, seed } = request;
  return {
    prompt: inference.textPrompt(prompt),
    maxTokens: max_tokens,
    temperature,
    topP: 1,
    topK: 40,
    seed,
    stop: [],
    ignoreEnd: false,
  };
}

function streamTokens(ctx: Context, deps: RouteDeps, inference: Inference, request: GenerationRequest): void {
  let stream: EventStream | undefined;
  const fail = (error: ApiError) =>
    stream?.end(`event: error\ndata: ${JSON.stringify(errorBody(error, ctx.state.requestId))}\n\n`);
  generate(ctx, inference, deps.telemetry, request, {
    onToken: (text) => {
      if (text !== "") stream?.write(`data: {"token":${JSON.stringify(text)}}\n\n`);
    },
    onEnd: (end) => {
      if (end.reason === "aborted") fail(abortedError());
      else stream?.end(`event: stats\ndata: ${JSON.stringify(statistics(end, deps.system))}\n\n`);
    },
    onError: (error) => fail(inferenceError(error)),
  });
  stream = new EventStream(ctx);
}

/** Times in seconds; the wait for a slot is not part of the generation's time. */
function statistics({ generatedTokens, timings }: GenerationEnd, system: SystemSampler): object {
  const seconds = (timings.promptMs + timings.generationMs) / 1000;
  return {
    tokens_generated: generatedTokens,
    generation_time: rounded(seconds, 6),
    tokens_per_second: seconds > 0 ? rounded(generatedTokens / seconds, 2) : null,
    memory_used_gb: gibibytes(system.gpu?.usedBytes ?? process.memoryUsage.rss()),
  };
}
