import { rounded } from "../../http/rounding.ts";
import type { GenerationEnd, TokenOdds } from "../../inference/inference.ts";
import { chatLogprobs, textLogprobs } from "./logprobs.ts";
import type { Usage } from "./usage.ts";

/** How one of OpenAI's two completion APIs words its answers. */
export interface AnswerShape {
  whole(choices: readonly Choice[], usage: Usage): object;
  /** The events of one of the answer's choices. */
  choice(index: number): ChoiceEvents;
  usage(ends: readonly GenerationEnd[], usage: Usage): string;
}

export interface Choice {
  readonly text: string;
  readonly end: GenerationEnd;
  readonly finishReason: string;
  readonly toolCalls: readonly WholeToolCall[];
  /** Undefined where nobody asked. */
  readonly odds: readonly TokenOdds[] | undefined;
}

export interface WholeToolCall {
  readonly id: string;
  readonly type: "function";
  readonly function: { readonly name: string; readonly arguments: string };
}

/** The first of a call has its id and name, the others more of its arguments. */
export interface ToolCallDelta {
  readonly index: number;
  readonly id?: string;
  readonly type?: "function";
  readonly function: { readonly name?: string; readonly arguments: string };
}

export interface ChoiceEvents {
  /** The event before the first text; empty where there is none. */
  readonly opening: string;
  /** The same where the answer begins with a call of a tool. */
  readonly openingOfCall: string;
  /** A text's event is `beforeText + JSON.stringify(text) + afterText`: nothing else is done per token. */
  readonly beforeText: string;
  readonly afterText: string;
  text(text: string, odds: readonly TokenOdds[]): string;
  toolCall(delta: ToolCallDelta, odds: readonly TokenOdds[] | undefined): string;
  finish(reason: string, odds: readonly TokenOdds[] | undefined): string;
}

export interface AnswerIdentity {
  readonly id: string;
  readonly model: string;
  readonly created: number;
  /** Chunks then carry `usage: null`, as OpenAI's do. */
  readonly includeUsage: boolean;
}

export function chatAnswer({ id, model, created, includeUsage }: AnswerIdentity): AnswerShape {
  const head = chunkHead({ id, object: "chat.completion.chunk", created, model });
  const tail = chunkTail(includeUsage);
  const rest = `,"logprobs":null,"finish_reason":null}${tail}`;
  return {
    whole: (choices, usage) => ({
      id,
      object: "chat.completion",
      created,
      model,
      choices: choices.map(({ text, toolCalls, odds, finishReason }, index) => ({
        index,
        message: {
          role: "assistant",
          content: text === "" && toolCalls.length > 0 ? null : text,
          refusal: null,
          ...(toolCalls.length > 0 ? { tool_calls: toolCalls } : {}),
        },
        logprobs: odds === undefined ? null : chatLogprobs(odds),
        finish_reason: finishReason,
      })),
      usage,
      ...timingsOf(choices.map(({ end }) => end)),
    }),
    choice: (index) => {
      const event = (delta: object, odds: readonly TokenOdds[] | undefined, reason: string | null) => {
        const logprobs = odds === undefined ? null : chatLogprobs(odds);
        return head + JSON.stringify({ index, delta, logprobs, finish_reason: reason }) + tail;
      };
      return {
        opening: `${head}{"index":${index},"delta":{"role":"assistant","content":""}${rest}`,
        openingOfCall: `${head}{"index":${index},"delta":{"role":"assistant","content":null}${rest}`,
        beforeText: `${head}{"index":${index},"delta":{"content":`,
        afterText: `}${rest}`,
        text: (content, odds) => event({ content }, odds, null),
        toolCall: (delta, odds) => event({ tool_calls: [delta] }, odds, null),
        finish: (reason, odds) => event({}, odds, reason),
      };
    },
    usage: (ends, usage) => usageChunk(head, ends, usage),
  };
}

export function textAnswer({ id, model, created, includeUsage }: AnswerIdentity): AnswerShape {
  const head = chunkHead({ id, object: "text_completion", created, model });
  const tail = chunkTail(includeUsage);
  return {
    whole: (choices, usage) => ({
      id,
      object: "text_completion",
      created,
      model,
      choices: choices.map(({ text, odds, finishReason }, index) => ({
        index,
        text,
        logprobs: odds === undefined ? null : textLogprobs()(odds),
        finish_reason: finishReason,
      })),
      usage,
      ...timingsOf(choices.map(({ end }) => end)),
    }),
    choice: (index) => {
      const logprobsOf = textLogprobs();
      const event = (text: string, odds: readonly TokenOdds[] | undefined, reason: string | null) => {
        const logprobs = odds === undefined ? null : logprobsOf(odds);
        return head + JSON.stringify({ index, text, logprobs, finish_reason: reason }) + tail;
      };
      return {
        opening: "",
        openingOfCall: "",
        beforeText: `${head}{"index":${index},"text":`,
        afterText: `,"logprobs":null,"finish_reason":null}${tail}`,
        text: (text, odds) => event(text, odds, null),
        // A completion has no tools to call.
        toolCall: (delta, odds) => event(delta.function.arguments, odds, null),
        finish: (reason, odds) => event("", odds, reason),
      };
    },
    usage: (ends, usage) => usageChunk(head, ends, usage),
  };
}

function chunkHead(fields: object): string {
  return `data: ${JSON.stringify(fields).slice(0, -1)},"choices":[`;
}

function chunkTail(includeUsage: boolean): string {
  return includeUsage ? `],"usage":null}\n\n` : "]}\n\n";
}

function usageChunk(head: string, ends: readonly GenerationEnd[], usage: Usage): string {
  return `${head}],${JSON.stringify({ usage, ...timingsOf(ends) }).slice(1)}\n\n`;
}

/** llama-server's object of the same name; several generations at once have no one time. */
function timingsOf(ends: readonly GenerationEnd[]): object {
  if (ends.length !== 1) return {};
  const { promptTokens, cachedTokens, generatedTokens, timings } = ends[0]!;
  return {
    timings: {
      cache_n: cachedTokens,
      prompt_n: promptTokens - cachedTokens,
      prompt_ms: rounded(timings.promptMs, 3),
      predicted_n: generatedTokens,
      predicted_ms: rounded(timings.generationMs, 3),
      predicted_per_second:
        timings.generationMs > 0 ? rounded((generatedTokens / timings.generationMs) * 1000, 2) : null,
    },
  };
}
