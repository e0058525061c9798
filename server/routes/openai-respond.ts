import type { Context } from "koa";
import { openaiErrorBody } from "../errors.ts";
import { EventStream } from "../event-stream.ts";
import { abortedError, generate, generateWhole, inferenceError } from "../generate.ts";
import type { GenerationEnd, Inference } from "../inference/inference.ts";
import type { AnswerShape, ChoiceEvents } from "./openai-answer.ts";
import type { Generations } from "./openai-request.ts";
import { usageOf } from "./openai-usage.ts";
import type { RouteDeps } from "./route-deps.ts";

/** Generates all choices at the same time and answers with them, whole or as they come. */
export async function respond(
  ctx: Context,
  deps: RouteDeps,
  inference: Inference,
  generations: Generations,
  answer: AnswerShape,
): Promise<void> {
  const { requests, choicesPerPrompt } = generations;
  // Every choice listens for the client's leaving, which is no leak.
  ctx.res.setMaxListeners(ctx.res.getMaxListeners() + requests.length);
  if (generations.stream) return stream(ctx, deps, inference, generations, answer);
  const choices = await Promise.all(
    requests.map((request) => generateWhole(ctx, inference, deps.telemetry, request)),
  );
  const ends = choices.map(({ end }) => end);
  ctx.body = answer.whole(choices, usageOf(ends, choicesPerPrompt));
}

function stream(
  ctx: Context,
  deps: RouteDeps,
  inference: Inference,
  { requests, choicesPerPrompt, includeUsage }: Generations,
  answer: AnswerShape,
): void {
  // The stream opens after the requests were taken, so that a refusal still has its own status.
  let events: EventStream | undefined;
  const ends = new Map<number, GenerationEnd>();
  for (const [index, request] of requests.entries()) {
    const words = answer.choice(index);
    const opening = once(words);
    generate(ctx, inference, deps.telemetry, request, {
      onToken: (text) => {
        if (text !== "") events?.write(opening() + words.beforeText + JSON.stringify(text) + words.afterText);
      },
      onEnd: (end) => {
        // Ending the answer ends its other choices as well.
        if (end.reason === "aborted") return events?.end(errorEvent(abortedError()));
        ends.set(index, end);
        const finish = opening() + words.finish(end.reason);
        if (ends.size < requests.length) return events?.write(finish);
        const all = requests.map((_, each) => ends.get(each)!);
        const usage = includeUsage ? answer.usage(all, usageOf(all, choicesPerPrompt)) : "";
        events?.end(`${finish}${usage}data: [DONE]\n\n`);
      },
      onError: (error) => events?.end(errorEvent(inferenceError(error))),
    });
  }
  events = new EventStream(ctx);
}

/** The choice's first event the first time, nothing from then on. */
function once({ opening }: ChoiceEvents): () => string {
  let rest = opening;
  return () => {
    const text = rest;
    rest = "";
    return text;
  };
}

function errorEvent(error: Parameters<typeof openaiErrorBody>[0]): string {
  return `data: ${JSON.stringify(openaiErrorBody(error))}\n\n`;
}
