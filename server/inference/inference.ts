/** A loaded model that generates text: all that the routes know of it. */
export interface Inference {
  readonly model: ModelDescription;
  /** Throws when the queue is full, so that a refusal costs no tokenizing: it comes when there is no time for it. */
  ensureRoom(): void;
  /** Tokens of a chat, by the model's own template; control tokens typed by a user stay text. */
  chatPrompt(messages: readonly ChatMessage[]): Prompt;
  /** Tokens of a text as it is. */
  textPrompt(text: string): Prompt;
  /** Puts the request in the queue at once or throws an `InferenceError`; what follows is told to the listener. */
  generate(request: GenerationRequest, listener: GenerationListener): Generation;
  load(): InferenceLoad;
  /** Graphics memory in bytes, undefined where there is no graphics processor. */
  gpuMemory(): Promise<GpuMemory | undefined>;
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
  readonly loadedAt: Date;
}

export interface ChatMessage {
  readonly role: "system" | "user" | "assistant";
  readonly content: string;
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
  /** A random one when undefined. */
  readonly seed: number | undefined;
  readonly stop: readonly string[];
  /** Goes on past the model's end token, for loads of a fixed length. */
  readonly ignoreEnd: boolean;
}

export interface GenerationListener {
  /** The request left the queue for a slot. */
  onStart?(): void;
  /** Once for each token; the text is empty while a character or a stop string is not decided. */
  onToken(text: string): void;
  onEnd(end: GenerationEnd): void;
  onError(error: Error): void;
}

export interface GenerationEnd {
  readonly reason: "stop" | "length" | "aborted";
  readonly promptTokens: number;
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
  /** Share of the context's cells in use, 0 to 1. */
  readonly cacheUsage: number;
  /** The most requests that were computed in one step so far. */
  readonly largestStep: number;
}

export interface GpuMemory {
  readonly devices: readonly string[];
  readonly usedBytes: number;
  readonly totalBytes: number;
}

/** A request the model cannot take. */
export class InferenceError extends Error {
  readonly code: "QUEUE_FULL" | "PROMPT_EMPTY" | "PROMPT_TOO_LONG" | "CLOSING";

  constructor(code: InferenceError["code"], message: string) {
    super(message);
    this.name = "InferenceError";
    this.code = code;
  }
}
