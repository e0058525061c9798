import { randomInt } from "node:crypto";
import type { Token } from "node-llama-cpp";
import type { GenerationEnd, GenerationListener, GenerationRequest, TokenOdds } from "./inference.ts";
import { StopStrings } from "./stop-strings.ts";
import { TextStream, type TokenTexts } from "./token-text.ts";

/** One request on its way through the queue and a slot. */
export class GenerationJob {
  readonly request: GenerationRequest;
  readonly maxTokens: number;
  readonly listener: GenerationListener;
  readonly text: TextStream;
  readonly stops: StopStrings;
  /** Left to itself the sampler takes the current second, the same for all requests of that second. */
  readonly seed: number;
  /** The answer's tokens so far, kept only where a penalty counts them. */
  readonly drawn: Token[] | undefined;
  /** Of the tokens whose text was not told yet. */
  readonly odds: TokenOdds[] | undefined;
  readonly queuedAt = performance.now();
  startedAt: number | undefined;
  firstTokenAt: number | undefined;
  cachedTokens = 0;
  generatedTokens = 0;
  aborted = false;

  constructor(
    request: GenerationRequest,
    maxTokens: number,
    listener: GenerationListener,
    texts: TokenTexts,
  ) {
    this.request = request;
    this.maxTokens = maxTokens;
    this.listener = listener;
    this.text = new TextStream(texts, request.prompt.tokens as Token[]);
    this.stops = new StopStrings(request.stop);
    this.drawn = request.presencePenalty || request.frequencyPenalty ? [] : undefined;
    this.odds = request.logProbabilities === undefined ? undefined : [];
    this.seed = request.seed === undefined ? randomInt(2 ** 32 - 1) : request.seed >>> 0;
  }

  /** The text that waited for more to come. */
  finishText(): string {
    const { text, stopped } = this.stops.push(this.text.flush());
    return stopped ? text : text + this.stops.flush();
  }

  /** The odds of the tokens that a text was made of; they wait for as long as there is none. */
  takeOdds(text: string): TokenOdds[] | undefined {
    return text === "" ? undefined : this.odds?.splice(0);
  }

  summarize(reason: GenerationEnd["reason"]): GenerationEnd {
    const now = performance.now();
    const startedAt = this.startedAt ?? now;
    const firstTokenAt = this.firstTokenAt ?? now;
    return {
      reason,
      promptTokens: this.request.prompt.tokens.length,
      cachedTokens: this.cachedTokens,
      generatedTokens: this.generatedTokens,
      timings: {
        queuedMs: startedAt - this.queuedAt,
        promptMs: firstTokenAt - startedAt,
        generationMs: now - firstTokenAt,
      },
    };
  }
}
