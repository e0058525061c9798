import type {
  BatchItem,
  EvaluationPriority,
  LlamaContext,
  LlamaContextSequence,
  LlamaModel,
  Token,
} from "node-llama-cpp";
import { GenerationJob } from "./generation-job.ts";
import {
  type Generation,
  type GenerationEnd,
  type GenerationListener,
  type GenerationRequest,
  InferenceError,
  type InferenceLoad,
} from "./inference.ts";
import { NativeGarbage } from "./native-garbage.ts";
import type { Sampling } from "./sampling.ts";
import { commonPrefix, keepPrefix, type Slot } from "./slot.ts";
import { TokenBytes } from "./token-bytes.ts";
import { tokenOdds } from "./token-odds.ts";
import { TokenTexts } from "./token-text.ts";

/** Prompt tokens one request may add to a step: a piece cannot be interrupted, and everyone waits for it. */
const PROMPT_PIECE = 128;

/**
 * A slot further up is taken only if it spares this many more tokens than a lower one: every chat begins with
 * the same few, and a gap in the slots' numbers costs all running requests at each step.
 */
const REUSE_ADVANTAGE = 32;

/**
 * Computes all running requests in step: those that answer add one token, those whose prompt is not
 * read yet add one piece of it. Slot i always is sequence i of the one context, because llama.cpp
 * computes sequences together only while their numbers go up.
 */
export class SlotLoop {
  readonly #context: LlamaContext;
  readonly #model: LlamaModel;
  readonly #sampling: Sampling;
  readonly #texts: TokenTexts;
  readonly #bytes: TokenBytes;
  readonly #garbage: NativeGarbage;
  readonly #slots: readonly Slot[];
  readonly #queueLimit: number;
  readonly #queue: GenerationJob[] = [];
  #running: Promise<void> | undefined;
  #closing = false;
  #largestStep = 0;
  /** Told how many tokens a step may have, before it is computed. */
  onStep: (tokens: number) => void = () => {};
  /** Told only once the next step is under way, so that writing to clients costs the model no time. */
  #news: (() => void)[] = [];

  constructor(context: LlamaContext, sampling: Sampling, queueLimit: number) {
    this.#context = context;
    this.#model = context.model;
    this.#sampling = sampling;
    this.#texts = new TokenTexts(context.model);
    this.#bytes = new TokenBytes(context.model);
    this.#garbage = new NativeGarbage(context.model.fileInfo.metadata.tokenizer?.ggml?.tokens?.length ?? 0);
    this.#queueLimit = queueLimit;
    this.#slots = Array.from({ length: context.totalSequences }, (_, index) => {
      return { index, sequence: context.getSequence(), job: undefined, answer: undefined, promptRead: 0 };
    });
  }

  /** For the slots' own measurements before the first request. */
  get sequences(): readonly LlamaContextSequence[] {
    return this.#slots.map((slot) => slot.sequence);
  }

  /** The first step allocates and touches what all others use; nobody's request should pay for it. */
  async warmUp(): Promise<void> {
    const token = this.#model.tokens.nl ?? this.#model.tokens.eos;
    if (token === null) return;
    await Promise.all(this.sequences.map((sequence) => sequence.evaluateWithoutGeneratingNewTokens([token])));
    for (const sequence of this.sequences) await sequence.clearHistory();
  }

  /** A queue without an end would only turn a refusal into a time-out. */
  ensureRoom(requests = 1): void {
    if (this.#closing) throw new InferenceError("CLOSING", "The server is shutting down.");
    const taken = this.#occupied().length + this.#queue.length;
    if (taken + requests > this.#slots.length + this.#queueLimit) {
      throw new InferenceError(
        "QUEUE_FULL",
        `Of ${this.#slots.length} slots ${this.#occupied().length} are busy, ${this.#queue.length} requests are waiting ` +
          `already, and there is no room for ${requests} more.`,
      );
    }
  }

  add(request: GenerationRequest, listener: GenerationListener): Generation {
    this.ensureRoom();
    const { tokens } = request.prompt;
    const room = this.#context.contextSize - tokens.length;
    if (tokens.length === 0) throw new InferenceError("PROMPT_EMPTY", "The prompt has no tokens.");
    if (room < (request.maxTokens ?? 1)) {
      throw new InferenceError(
        "PROMPT_TOO_LONG",
        `The prompt has ${tokens.length} tokens and ${request.maxTokens ?? 1} more are asked for, ` +
          `but the context holds ${this.#context.contextSize} tokens.`,
      );
    }
    this.#sampling.check(request);
    const job = new GenerationJob(request, Math.min(request.maxTokens ?? room, room), listener, this.#texts);
    this.#queue.push(job);
    this.#running ??= Promise.resolve().then(() => this.#run());
    return { abort: () => this.#abort(job) };
  }

  load(): InferenceLoad {
    const used = this.#occupied().reduce((sum, slot) => sum + slot.sequence.nextTokenIndex, 0);
    return {
      running: this.#occupied().length,
      waiting: this.#queue.length,
      queueLimit: this.#queueLimit,
      cacheUsage: used / (this.#slots.length * this.#context.contextSize),
      largestStep: this.#largestStep,
    };
  }

  /** Takes no more requests and waits for those there are; once the signal aborts, so do they. */
  async close(deadline?: AbortSignal): Promise<void> {
    this.#closing = true;
    const abortAll = () => {
      for (const job of [...this.#queue]) this.#abort(job);
      for (const slot of this.#occupied()) this.#abort(slot.job!);
    };
    if (deadline?.aborted) abortAll();
    deadline?.addEventListener("abort", abortAll, { once: true });
    await this.#running;
    deadline?.removeEventListener("abort", abortAll);
  }

  /** To be called when a step was handed to llama.cpp. */
  stepDispatched(): void {
    setImmediate(() => this.#tellNews());
  }

  async #run(): Promise<void> {
    for (;;) {
      await this.#releaseAborted();
      await this.#admit();
      const active = this.#occupied();
      if (active.length === 0) {
        // A request may have come while slots were being made ready, and counts on this loop.
        if (this.#queue.length > 0) continue;
        break;
      }
      this.#largestStep = Math.max(this.#largestStep, active.length);

      const reading = active.filter((slot) => slot.answer === undefined).length;
      const room = this.#context.batchSize - (active.length - reading);
      const piece = Math.max(1, Math.min(PROMPT_PIECE, Math.floor(room / Math.max(1, reading))));
      this.onStep(active.length - reading + reading * piece);
      const results = await Promise.all(active.map((slot) => this.#step(slot, piece)));
      // Usually told while the step was computed; what is left over must not overtake what comes now.
      this.#tellNews();

      for (const [index, slot] of active.entries()) {
        const end = this.#take(slot, results[index]!);
        if (end !== undefined) await this.#release(slot, end);
      }
    }
    this.#running = undefined;
    this.#tellNews();
  }

  #occupied(): Slot[] {
    return this.#slots.filter((slot) => slot.job !== undefined);
  }

  async #admit(): Promise<void> {
    while (this.#queue.length > 0) {
      const slot = this.#slotFor(this.#queue[0]!);
      if (slot === undefined) return;
      const job = this.#queue.shift()!;
      slot.job = job;
      job.startedAt = performance.now();
      this.#news.push(() => job.listener.onStart?.());
      slot.promptRead = await keepPrefix(slot, job);
      job.cachedTokens = slot.promptRead;
    }
  }

  /** The lowest free slot, for the fewer gaps in their numbers the fewer pieces a step is computed in. */
  #slotFor(job: GenerationJob): Slot | undefined {
    let best: { slot: Slot; prefix: number } | undefined;
    for (const slot of this.#slots) {
      if (slot.job !== undefined) continue;
      const prefix = commonPrefix(slot, job);
      if (best === undefined || prefix >= best.prefix + REUSE_ADVANTAGE) best = { slot, prefix };
    }
    return best?.slot;
  }

  /** Never rejects: what goes wrong with one request must not end the others. */
  async #step(slot: Slot, piece: number): Promise<StepResult> {
    const { sequence } = slot;
    const { request } = slot.job!;
    const evaluationPriority = slot.index as EvaluationPriority;
    try {
      if (slot.answer === undefined) {
        const tokens = request.prompt.tokens.slice(slot.promptRead, slot.promptRead + piece) as Token[];
        slot.promptRead += tokens.length;
        if (slot.promptRead < request.prompt.tokens.length) {
          await sequence.evaluateWithoutGeneratingNewTokens(tokens, { evaluationPriority });
          return { kind: "prompt" };
        }
        const options = { ...this.#sampling.options(slot.job!), evaluationPriority };
        // Probabilities mean sorting the whole vocabulary: only who asks for them pays for that.
        const probabilities = request.logProbabilities !== undefined;
        slot.answer = sequence.evaluateWithMetadata(tokens, { probabilities }, options);
      }
      const { value, done } = await slot.answer.next(slot.replacement);
      slot.replacement = undefined;
      if (done === true) throw new Error("The model stopped without saying why.");
      const { token, probabilities } = value as DrawnToken;
      return { kind: "token", token, probabilities };
    } catch (error) {
      return { kind: "error", error: error as Error };
    }
  }

  /** Takes in what a step gave one slot; says how the request ended if it did. */
  #take(slot: Slot, result: StepResult): GenerationEnd["reason"] | Error | undefined {
    const job = slot.job!;
    if (result.kind === "error") return result.error;
    if (job.aborted) return "aborted";
    if (result.kind === "prompt") return undefined;

    job.firstTokenAt ??= performance.now();
    // Once a format is complete its grammar allows nothing but the end, over and over.
    const endCounts = !job.request.ignoreEnd || job.request.format !== undefined;
    if (this.#model.isEogToken(result.token) && endCounts) {
      const rest = job.finishText();
      if (rest !== "") this.#say(job, rest);
      return "stop";
    }
    job.generatedTokens++;
    let piece = "";
    if (this.#model.isEogToken(result.token)) {
      // The sampler cannot be kept from drawing the end, so a line break is put in its place.
      slot.replacement = this.#model.tokens.nl ?? result.token;
      piece = "\n";
    } else {
      piece = job.text.push(result.token);
      if (result.probabilities !== undefined) {
        const { logProbabilities = 0 } = job.request;
        job.odds?.push(tokenOdds(result.token, result.probabilities, logProbabilities, this.#bytes));
      }
    }
    job.drawn?.push(slot.replacement ?? result.token);
    const { text, stopped } = job.stops.push(piece);
    const last = stopped || job.generatedTokens >= job.maxTokens;
    this.#say(job, last && !stopped ? text + job.finishText() : text);
    if (stopped) return "stop";
    return last ? "length" : undefined;
  }

  #say(job: GenerationJob, text: string): void {
    const odds = job.takeOdds(text);
    this.#news.push(() => job.listener.onToken(text, odds));
  }

  async #release(slot: Slot, end: GenerationEnd["reason"] | Error): Promise<void> {
    const job = slot.job!;
    await slot.answer?.return();
    // The tokens stay for a prompt that begins with them; after a failure nobody knows what they are worth.
    if (end instanceof Error || slot.sequence.needsCheckpoints) await slot.sequence.clearHistory();
    slot.job = undefined;
    slot.answer = undefined;
    slot.replacement = undefined;
    this.#garbage.requestEnded();
    if (end instanceof Error) this.#news.push(() => job.listener.onError(end));
    else this.#news.push(() => job.listener.onEnd(job.summarize(end)));
  }

  async #releaseAborted(): Promise<void> {
    for (const slot of this.#slots) if (slot.job?.aborted) await this.#release(slot, "aborted");
  }

  #abort(job: GenerationJob): void {
    if (job.aborted) return;
    job.aborted = true;
    const position = this.#queue.indexOf(job);
    if (position < 0) return;
    this.#queue.splice(position, 1);
    job.listener.onEnd(job.summarize("aborted"));
  }

  #tellNews(): void {
    const news = this.#news;
    this.#news = [];
    for (const tell of news) tell();
  }
}

/** One step is put together by slot number, and holds all there is: the loop keeps it within the batch. */
export function inSlotOrder({ items }: { readonly items: readonly BatchItem[] }) {
  return items
    .toSorted((a, b) => a.evaluationPriority - b.evaluationPriority)
    .map((item) => ({ item, processAmount: item.tokens.length }));
}

type StepResult =
  | { readonly kind: "prompt" }
  | ({ readonly kind: "token" } & DrawnToken)
  | { readonly kind: "error"; readonly error: Error };

interface DrawnToken {
  readonly token: Token;
  /** The likeliest first; undefined where nobody asked. */
  readonly probabilities: ReadonlyMap<Token, number> | undefined;
}
