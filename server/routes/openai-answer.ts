import type { GenerationEnd } from "../inference/inference.ts";
import { rounded } from "../rounding.ts";

/** How one of OpenAI's two completion APIs words its answers. */
export interface AnswerShape {
  whole(text: string, end: GenerationEnd): object;
  /** The event before the first text; empty where there is none. */
  readonly opening: string;
  /** A text's event is `beforeText + JSON.stringify(text) + afterText`: nothing else is done per token. */
  readonly beforeText: string;
  readonly afterText: string;
  finish(reason: string): string;
  usage(end: GenerationEnd): string;
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
    whole: (text, end) => ({
      id,
      object: "chat.completion",
      created,
      model,
      choices: [
        {
          index: 0,
          message: { role: "assistant", content: text, refusal: null },
          logprobs: null,
          finish_reason: end.reason,
        },
      ],
      usage: usageOf(end),
      timings: timingsOf(end),
    }),
    opening: `${head}{"index":0,"delta":{"role":"assistant","content":""}${rest}`,
    beforeText: `${head}{"index":0,"delta":{"content":`,
    afterText: `}${rest}`,
    finish: (reason) => `${head}{"index":0,"delta":{},"logprobs":null,"finish_reason":"${reason}"}${tail}`,
    usage: (end) => usageChunk(head, end),
  };
}

export function textAnswer({ id, model, created, includeUsage }: AnswerIdentity): AnswerShape {
  const head = chunkHead({ id, object: "text_completion", created, model });
  const tail = chunkTail(includeUsage);
  return {
    whole: (text, end) => ({
      id,
      object: "text_completion",
      created,
      model,
      choices: [{ index: 0, text, logprobs: null, finish_reason: end.reason }],
      usage: usageOf(end),
      timings: timingsOf(end),
    }),
    opening: "",
    beforeText: `${head}{"index":0,"text":`,
    afterText: `,"logprobs":null,"finish_reason":null}${tail}`,
    finish: (reason) => `${head}{"index":0,"text":"","logprobs":null,"finish_reason":"${reason}"}${tail}`,
    usage: (end) => usageChunk(head, end),
  };
}

function chunkHead(fields: object): string {
  return `data: ${JSON.stringify(fields).slice(0, -1)},"choices":[`;
}

function chunkTail(includeUsage: boolean): string {
  return includeUsage ? `],"usage":null}\n\n` : "]}\n\n";
}

function usageChunk(head: string, end: GenerationEnd): string {
  return `${head}],"usage":${JSON.stringify(usageOf(end))},"timings":${JSON.stringify(timingsOf(end))}}\n\n`;
}

function usageOf({ promptTokens, generatedTokens }: GenerationEnd): object {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: generatedTokens,
    total_tokens: promptTokens + generatedTokens,
    prompt_tokens_details: { cached_tokens: 0 },
  };
}

/** llama-server's object of the same name. */
function timingsOf({ promptTokens, generatedTokens, timings }: GenerationEnd): object {
  return {
    prompt_n: promptTokens,
    prompt_ms: rounded(timings.promptMs, 3),
    predicted_n: generatedTokens,
    predicted_ms: rounded(timings.generationMs, 3),
    predicted_per_second:
      timings.generationMs > 0 ? rounded((generatedTokens / timings.generationMs) * 1000, 2) : null,
  };
}
