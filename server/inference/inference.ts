/** A loaded model that generates text: all that the routes know of it. */
export interface Inference {
  readonly model: ModelDescription;
  /**
   * Throws when the queue has no room for so many requests, one unless said otherwise, so that a refusal costs
   * no tokenizing: it comes when there is no time for it.
   */
  ensureRoom(requests?: number): void;
  /**
   * Tokens of a chat, by the model's own template; control tokens typed by a user stay text.
   * Throws an `InferenceError` when there is something in it that the template has no words for.
   */
  chatPrompt(messages: readonly ChatMessage[], tools?: readonly Tool[]): Prompt;
  /** Tokens of a text as it is. */
  textPrompt(text: string): Prompt;
  /** Puts the request in the queue at once or throws an `InferenceError`; what follows is told to the listener. */
  generate(request: GenerationRequest, listener: GenerationListener): Generation;
  /** Makes llama.cpp's notation of a grammar ready for use; rejects when it is none. */
  compileFormat(grammar: string): Promise<AnswerFormat>;
  /**
   * One vector of length 1 for each prompt. Rejects with an `InferenceError` for what does not fit,
   * and with an `EmbeddingError` where the model has no vectors to give.
   */
  embed(prompts: readonly Prompt[], signal: AbortSignal): Promise<readonly Float32Array[]>;
  load(): InferenceLoad;
  /** Graphics memory in bytes, undefined where there is no graphics processor. */
  gpuMemory(): Promise<GpuMemory | undefined>;
  /** What the model itself holds. */
  memory(): InferenceMemory;
  /** Lets running requests end until the signal aborts, then frees the model. */
  close(deadline?: AbortSignal): Promise<void>;
}

export interface ModelDescription {
  readonly name: string;
  readonly description: string | undefined;
  readonly builtIn: boolean;
  /** Tokens that a prompt and its answer may have together. */
  readonly contextSize: number;
  readonly slots: number;
  readonly threads: number;
  /** Whether the model's template tells it of tools and how to call them, and in a form that can be read. */
  readonly tools: boolean;
  readonly loadedAt: Date;
}

export type ChatMessage =
  | { readonly role: "system" | "user"; readonly content: string }
  | { readonly role: "assistant"; readonly content: string; readonly toolCalls?: readonly ToolCall[] }
  | { readonly role: "tool"; readonly content: string; readonly toolCallId: string };

/** A function that the model may ask to be called. */
export interface Tool {
  readonly name: string;
  readonly description?: string | undefined;
  /** A JSON schema of the arguments; none are expected when undefined. */
  readonly parameters?: Readonly<Record<string, unknown>> | undefined;
}

/** What the model asked for earlier in a conversation. */
export interface ToolCall {
  readonly id: string;
  readonly name: string;
  readonly arguments: Readonly<Record<string, unknown>>;
}

/** A tokenized prompt. */
export interface Prompt {
  readonly tokens: readonly number[];
}

export interface GenerationRequest {
  readonly prompt: Prompt;
  /** As many as the context has room for when undefined. */
  readonly maxTokens: number | undefined;
  /** 0 always takes the likeliest token. */
  readonly temperature: number;
  readonly topP: number;
  readonly topK: number;
  /** Tokens less likely than this share of the likeliest one's probability are left out; 0 when undefined. */
  readonly minP?: number | undefined;
  /** Taken off the logit of every token that was generated before; 0 when undefined. */
  readonly presencePenalty?: number | undefined;
  /** The same, once for each time it was generated; 0 when undefined. */
  readonly frequencyPenalty?: number | undefined;
  /** Added to the tokens' logits. */
  readonly logitBias?: ReadonlyMap<number, number> | undefined;
  /** How many of the likeliest tokens to tell beside each one that is drawn; nothing is told when undefined. */
  readonly logProbabilities?: number | undefined;
  /** A random one when undefined. */
  readonly seed: number | undefined;
  readonly stop: readonly string[];
  /** Goes on past the model's end token, for loads of a fixed length; a format's end still is the end. */
  readonly ignoreEnd: boolean;
  /** Only texts of this format can be generated. */
  readonly format?: AnswerFormat | undefined;
  /** Whether the beginning of the prompt may be taken over from an earlier request; true when undefined. */
  readonly reusePrefix?: boolean | undefined;
}

/** A compiled grammar; it may be used by any number of requests. */
export interface AnswerFormat {
  readonly grammar: string;
}

export interface GenerationListener {
  /** The request left the queue for a slot. */
  onStart?(): void;
  /**
   * Once for each token; the text is empty while a character or a stop string is not decided. Log probabilities
   * that were asked for come with the text, those of all tokens since the last text that was not empty.
   */
  onToken(text: string, tokens?: readonly TokenOdds[]): void;
  onEnd(end: GenerationEnd): void;
  onError(error: Error): void;
}

/** How likely a token was. */
export interface TokenChance {
  /** May be a part of a character only. */
  readonly bytes: Uint8Array;
  /**
   * Natural logarithm of the probability with which the token is drawn: after the temperature, the penalties and
   * biases, the format, and whatever leaves tokens out.
   */
  readonly logProbability: number;
}

export interface TokenOdds extends TokenChance {
  /** The likeliest tokens, the likeliest first; the drawn one need not be among them. */
  readonly likeliest: readonly TokenChance[];
}

export interface GenerationEnd {
  readonly reason: "stop" | "length" | "aborted";
  readonly promptTokens: number;
  /** How many of the prompt's tokens were still in the slot and not computed again. */
  readonly cachedTokens: number;
  readonly generatedTokens: number;
  readonly timings: GenerationTimings;
}

export interface GenerationTimings {
  readonly queuedMs: number;
  readonly promptMs: number;
  readonly generationMs: number;
}

export interface Generation {
  /** Frees the slot after the step that is being computed; `onEnd` is told "aborted". */
  abort(): void;
}

export interface InferenceLoad {
  readonly running: number;
  readonly waiting: number;
  readonly queueLimit: number;
  /** Share of the context's cells that running requests use, 0 to 1; what is only kept for reuse is free. */
  readonly cacheUsage: number;
  /** The most requests that were computed in one step so far. */
  readonly largestStep: number;
}

export interface GpuMemory {
  readonly devices: readonly string[];
  readonly usedBytes: number;
  readonly totalBytes: number;
}

/** As llama.cpp counts what it allocated, in bytes; the graphics processor's share is 0 where there is none. */
export interface InferenceMemory {
  readonly model: MemoryShare;
  readonly context: MemoryShare;
  /** Bytes of keys and values that a token takes in the context; undefined for models that keep something else. */
  readonly cacheBytesPerToken: number | undefined;
}

export interface MemoryShare {
  readonly ramBytes: number;
  readonly gpuBytes: number;
}

/** A request the model cannot take. */
export class InferenceError extends Error {
  readonly code:
    | "QUEUE_FULL"
    | "PROMPT_EMPTY"
    | "PROMPT_TOO_LONG"
    | "TEMPLATE_REFUSES"
    | "TOKEN_UNKNOWN"
    | "CLOSING";

  constructor(code: InferenceError["code"], message: string) {
    super(message);
    this.name = "InferenceError";
    this.code = code;
  }
}

/** The model has no vectors to give; the message says why. */
export class EmbeddingError extends Error {
  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.name = "EmbeddingError";
  }
}
