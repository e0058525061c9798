import type { Context } from "koa";
import { openaiErrorBody } from "../../http/errors.ts";
import { EventStream } from "../../http/event-stream.ts";
import type { GenerationEnd, Inference } from "../../inference/inference.ts";
import { abortedError, generate, generateWhole, inferenceError } from "../generate.ts";
import type { RouteDeps } from "../model-deps.ts";
import type { AnswerShape, Choice } from "./answer.ts";
import { ChoiceStream, finishReason, newCallId } from "./choice-stream.ts";
import type { Generations } from "./request.ts";
import { usageOf } from "./usage.ts";

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
    requests.map(async (request) => {
      const { text, end, odds } = await generateWhole(ctx, inference, deps.telemetry, request);
      const told = request.logProbabilities === undefined ? undefined : odds;
      return { ...read(text, end, generations.newReader), end, odds: told };
    }),
  );
  const ends = choices.map(({ end }) => end);
  ctx.body = answer.whole(choices, usageOf(ends, choicesPerPrompt));
}

function stream(
  ctx: Context,
  deps: RouteDeps,
  inference: Inference,
  { requests, choicesPerPrompt, includeUsage, newReader }: Generations,
  answer: AnswerShape,
): void {
  // The stream opens after the requests were taken, so that a refusal still has its own status.
  let events: EventStream | undefined;
  const ends = new Map<number, GenerationEnd>();
  for (const [index, request] of requests.entries()) {
    const choice = new ChoiceStream(answer.choice(index), newReader?.());
    generate(ctx, inference, deps.telemetry, request, {
      onToken: (text, odds) => {
        const told = choice.push(text, odds);
        if (told !== "") events?.write(told);
      },
      onEnd: (end) => {
        // Ending the answer ends its other choices as well.
        if (end.reason === "aborted") return events?.end(errorEvent(abortedError()));
        ends.set(index, end);
        const finish = choice.finish(end.reason);
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

/** Takes the calls of tools out of a whole text. */
function read(
  text: string,
  { reason }: GenerationEnd,
  newReader: Generations["newReader"],
): Pick<Choice, "text" | "toolCalls" | "finishReason"> {
  if (newReader === undefined) return { text, toolCalls: [], finishReason: reason };
  const reader = newReader();
  const pieces = [...reader.push(text), ...reader.flush()];
  const calls: { name: string; arguments: string }[] = [];
  for (const piece of pieces) {
    if (piece.kind === "call") calls.push({ name: piece.name, arguments: "" });
    if (piece.kind === "arguments") calls[piece.index]!.arguments += piece.json;
  }
  return {
    text: pieces.map((piece) => (piece.kind === "text" ? piece.text : "")).join(""),
    toolCalls: calls.map((call) => ({ id: newCallId(), type: "function", function: call })),
    finishReason: finishReason(reason, calls.length),
  };
}

function errorEvent(error: Parameters<typeof openaiErrorBody>[0]): string {
  return `data: ${JSON.stringify(openaiErrorBody(error))}\n\n`;
}
