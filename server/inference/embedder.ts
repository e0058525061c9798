import type { LlamaEmbeddingContext, LlamaModel, Token } from "node-llama-cpp";
import { EmbeddingError, InferenceError, type Prompt } from "./inference.ts";

export interface EmbedderOptions {
  /** Tokens that one text may have. */
  readonly contextSize: number;
  /** Requests that may wait or be computed at the same time. */
  readonly queueLimit: number;
  readonly ignoreMemorySafetyChecks: boolean;
}

/**
 * Turns texts into vectors, one text after the other, in a context of its own beside the one that generates.
 * It is made at the first use, because it costs memory and most servers are never asked.
 */
export class Embedder {
  readonly #model: LlamaModel;
  readonly #options: EmbedderOptions;
  readonly #running = new Set<Promise<unknown>>();
  #context: Promise<LlamaEmbeddingContext> | undefined;
  #closing = false;
  /** No further text is begun. */
  #cut = false;

  constructor(model: LlamaModel, options: EmbedderOptions) {
    this.#model = model;
    this.#options = options;
  }

  async embed(prompts: readonly Prompt[], signal: AbortSignal): Promise<readonly Float32Array[]> {
    if (this.#closing) throw new InferenceError("CLOSING", "The server is shutting down.");
    if (this.#running.size > this.#options.queueLimit) {
      throw new InferenceError(
        "QUEUE_FULL",
        `${this.#running.size} requests for embeddings are waiting already.`,
      );
    }
    const work = this.#embedAll(prompts, signal);
    this.#running.add(work);
    try {
      return await work;
    } finally {
      this.#running.delete(work);
    }
  }

  /** Waits for what is being computed; no further text is begun once the signal aborts. */
  async close(deadline?: AbortSignal): Promise<void> {
    this.#closing = true;
    const { promise: expired, resolve } = Promise.withResolvers<void>();
    if (deadline?.aborted) resolve();
    deadline?.addEventListener("abort", () => resolve(), { once: true });
    await Promise.race([Promise.allSettled(this.#running), expired]);
    this.#cut = true;
    await Promise.allSettled(this.#running);
    const context = await this.#context?.catch(() => undefined);
    await context?.dispose();
  }

  async #embedAll(prompts: readonly Prompt[], signal: AbortSignal): Promise<readonly Float32Array[]> {
    const context = await this.#open();
    for (const [index, { tokens }] of prompts.entries()) {
      const length = context.calculateInputLength([...tokens] as Token[]);
      if (length < this.#options.contextSize) continue;
      throw new InferenceError(
        "PROMPT_TOO_LONG",
        `Text ${index} has ${length} tokens, and one text may have ${this.#options.contextSize - 1}.`,
      );
    }
    const vectors: Float32Array[] = [];
    for (const { tokens } of prompts) {
      if (this.#cut) throw new InferenceError("CLOSING", "The server is shutting down.");
      signal.throwIfAborted();
      const { vector } = await context.getEmbeddingFor([...tokens] as Token[]);
      vectors.push(ofLengthOne(vector));
    }
    return vectors;
  }

  #open(): Promise<LlamaEmbeddingContext> {
    if (this.#context !== undefined) return this.#context;
    const { contextSize, ignoreMemorySafetyChecks } = this.#options;
    this.#context = this.#model.createEmbeddingContext({ contextSize, ignoreMemorySafetyChecks });
    // Memory that is missing now may be there later, so a failure is not remembered.
    this.#context = this.#context.catch((cause: unknown) => {
      this.#context = undefined;
      throw new EmbeddingError(cause);
    });
    return this.#context;
  }
}

/** Clients compare vectors by their dot product, as OpenAI's allow. */
function ofLengthOne(vector: readonly number[]): Float32Array {
  const length = Math.hypot(...vector);
  if (!Number.isFinite(length) || length === 0) {
    throw new EmbeddingError(new Error("the model gave a vector without a direction"));
  }
  return Float32Array.from(vector, (value) => value / length);
}
