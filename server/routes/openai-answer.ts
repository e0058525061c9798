import type { GenerationEnd } from "../inference/inference.ts";
import { rounded } from "../rounding.ts";
import type { Usage } from "./openai-usage.ts";

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
}

export interface ChoiceEvents {
  /** The event before the first text; empty where there is none. */
  readonly opening: string;
  /** A text's event is `beforeText + JSON.stringify(text) + afterText`: nothing else is done per token. */
  readonly beforeText: string;
  readonly afterText: string;
  finish(reason: string): string;
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
      choices: choices.map(({ text, end }, index) => ({
        index,
        message: { role: "assistant", content: text, refusal: null },
        logprobs: null,
        finish_reason: end.reason,
      })),
      usage,
      ...timingsOf(choices.map(({ end }) => end)),
    }),
    choice: (index) => ({
      opening: `${head}{"index":${index},"delta":{"role":"assistant","content":""}${rest}`,
      beforeText: `${head}{"index":${index},"delta":{"content":`,
      afterText: `}${rest}`,
      finish: (reason) =>
        `${head}{"index":${index},"delta":{},"logprobs":null,"finish_reason":"${reason}"}${tail}`,
    }),
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
      choices: choices.map(({ text, end }, index) => ({
        index,
        text,
        logprobs: null,
        finish_reason: end.reason,
      })),
      usage,
      ...timingsOf(choices.map(({ end }) => end)),
    }),
    choice: (index) => ({
      opening: "",
      beforeText: `${head}{"index":${index},"text":`,
      afterText: `,"logprobs":null,"finish_reason":null}${tail}`,
      finish: (reason) =>
        `${head}{"index":${index},"text":"","logprobs":null,"finish_reason":"${reason}"}${tail}`,
    }),
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
