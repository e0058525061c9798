import { availableParallelism } from "node:os";
import type { Llama, LlamaContext, LlamaModel, LlamaOptions } from "node-llama-cpp";
import { ChatPrompts } from "./chat-prompt.ts";
import { type ContextWish, checkContextFits, fittingHint } from "./context-fit.ts";
import { Embedder } from "./embedder.ts";
import { GrammarFormat } from "./grammar-format.ts";
import type {
  AnswerFormat,
  ChatMessage,
  Generation,
  GenerationListener,
  GenerationRequest,
  GpuMemory,
  Inference,
  InferenceLoad,
  InferenceMemory,
  ModelDescription,
  Prompt,
  Tool,
} from "./inference.ts";
import { ModelError } from "./model-error.ts";
import { type ModelSource, prepareModelFile } from "./model-file.ts";
import { modelMemory, plannedCacheBytesPerToken } from "./model-memory.ts";
import { Sampling } from "./sampling.ts";
import { slotsFor } from "./slot-count.ts";
import { inSlotOrder, SlotLoop } from "./slot-loop.ts";
import { measureThreads, type ThreadPlan, threadsFor } from "./thread-count.ts";

export interface InferenceOptions {
  readonly source: ModelSource;
  /** As many as memory allows, eight at most, when undefined. */
  readonly slots: number | undefined;
  /** Tokens per slot; never more than the model was made for. */
  readonly contextSize: number;
  readonly queueLimit: number;
  /** Measured when undefined. */
  readonly threads: number | undefined;
  readonly gpu: "auto" | "cuda" | "vulkan" | "metal" | false;
  readonly onDownload?: (doneBytes: number, totalBytes: number) => void;
  /** The share of the file that llama.cpp has taken in, up to 1. */
  readonly onLoad?: (share: number) => void;
  readonly onWarning?: (message: string) => void;
  /** Ends a download that nobody waits for any more. */
  readonly signal?: AbortSignal;
}

/** Loads a model into llama.cpp; a `ModelError` says what is wrong with it or with this machine. */
export async function loadInference(options: InferenceOptions): Promise<Inference> {
  const file = await prepareModelFile(options.source, options.onDownload, options.signal);
  const llama = await startLlama(options);
  let wish: ContextWish | undefined;
  try {
    // The safety margins are made for real models and would refuse 3 MB on a small machine.
    const ignoreMemorySafetyChecks = file.tiny;
    const model = await llama.loadModel({
      modelPath: file.path,
      ignoreMemorySafetyChecks,
      onLoadProgress: (share) => options.onLoad?.(share),
    });
    const contextSize = Math.min(options.contextSize, model.trainContextSize);
    const cacheBytesPerToken = plannedCacheBytesPerToken(model);
    const availableBytes = process.availableMemory();
    // A mapped file's pages count as available until the first token is computed with them.
    const freeBytes =
      llama.gpu === false ? availableBytes - model.memoryUsage.ram : (await llama.getVramState()).free;
    const slots = options.slots ?? slotsFor({ contextSize, cacheBytesPerToken, freeBytes });
    wish = { slots, contextSize, cacheBytesPerToken, availableBytes };
    // Of graphics memory node-llama-cpp knows more than we do.
    if (llama.gpu === false) checkContextFits(wish);
    let loop: SlotLoop | undefined;
    let hybrid = false;
    const context = await model.createContext({
      sequences: slots,
      contextSize,
      threads: { ideal: llama.maxThreads, min: 1 },
      ignoreMemorySafetyChecks,
      batching: {
        dispatchSchedule: (dispatch) => {
          // All slots of a step ask for it in one row of promises, after which this comes: no turn of the event
          // loop lies between two steps, whatever has arrived meanwhile.
          process.nextTick(() => {
            dispatch();
            loop?.stepDispatched();
          });
        },
        itemPrioritizationStrategy: (batch) => {
          const ordered = inSlotOrder(batch);
          // Sequences of a hybrid model (Qwen3-Next) that share a batch change each other's state.
          return hybrid ? ordered.slice(0, 1) : ordered;
        },
      },
    });
    loop = new SlotLoop(context, await Sampling.of(model), options.queueLimit);
    hybrid = loop.sequences.some((sequence) => sequence.needsCheckpoints);
    const cores = availableParallelism();
    const given = options.threads === undefined ? undefined : Math.min(options.threads, cores);
    // One thread is known to be best for a tiny model, and a busy moment must not decide otherwise.
    const fixed = given ?? (file.tiny ? 1 : undefined);
    const plan: ThreadPlan =
      fixed === undefined
        ? await measureThreads(llama, loop.sequences, model.tokens.nl ?? model.tokens.eos!)
        : [{ tokens: 1, threads: fixed }];
    loop.onStep = (tokens) => {
      llama.maxThreads = threadsFor(plan, tokens);
    };
    const threads = threadsFor(plan, slots);
    llama.maxThreads = threads;
    await loop.warmUp();
    const chats = await ChatPrompts.of(model);
    const description: ModelDescription = {
      name: file.name,
      description: model.fileInfo.metadata.general?.description,
      builtIn: file.builtIn,
      contextSize: context.contextSize,
      slots: context.totalSequences,
      threads,
      tools: chats.tools,
      loadedAt: new Date(),
    };
    const embedder = new Embedder(model, {
      contextSize: context.contextSize,
      queueLimit: options.queueLimit,
      ignoreMemorySafetyChecks,
    });
    return new LlamaInference(description, llama, model, context, loop, embedder, chats);
  } catch (error) {
    await llama.dispose();
    throw loadError(error, file.path, wish);
  }
}

class LlamaInference implements Inference {
  readonly model: ModelDescription;
  readonly #llama: Llama;
  readonly #model: LlamaModel;
  readonly #context: LlamaContext;
  readonly #loop: SlotLoop;
  readonly #embedder: Embedder;
  readonly #chats: ChatPrompts;

  constructor(
    description: ModelDescription,
    llama: Llama,
    model: LlamaModel,
    context: LlamaContext,
    loop: SlotLoop,
    embedder: Embedder,
    chats: ChatPrompts,
  ) {
    this.model = description;
    this.#llama = llama;
    this.#model = model;
    this.#context = context;
    this.#loop = loop;
    this.#embedder = embedder;
    this.#chats = chats;
  }

  ensureRoom(requests?: number): void {
    this.#loop.ensureRoom(requests);
  }

  chatPrompt(messages: readonly ChatMessage[], tools: readonly Tool[] = []): Prompt {
    return { tokens: this.#chats.tokens(messages, tools) };
  }

  textPrompt(text: string): Prompt {
    const { bos, shouldPrependBosToken } = this.#model.tokens;
    const tokens = this.#model.tokenize(text);
    return { tokens: shouldPrependBosToken && bos !== null ? [bos, ...tokens] : tokens };
  }

  generate(request: GenerationRequest, listener: GenerationListener): Generation {
    return this.#loop.add(request, listener);
  }

  compileFormat(grammar: string): Promise<AnswerFormat> {
    return GrammarFormat.compile(this.#llama, this.#model, grammar);
  }

  embed(prompts: readonly Prompt[], signal: AbortSignal): Promise<readonly Float32Array[]> {
    return this.#embedder.embed(prompts, signal);
  }

  load(): InferenceLoad {
    return this.#loop.load();
  }

  async gpuMemory(): Promise<GpuMemory | undefined> {
    if (this.#llama.gpu === false) return undefined;
    const [devices, { used, total }] = await Promise.all([
      this.#llama.getGpuDeviceNames(),
      this.#llama.getVramState(),
    ]);
    return { devices, usedBytes: used, totalBytes: total };
  }

  memory(): InferenceMemory {
    return modelMemory(this.#model, this.#context);
  }

  async close(deadline?: AbortSignal): Promise<void> {
    // Freeing a model under a running step is an unhandled rejection at best.
    await Promise.all([this.#loop.close(deadline), this.#embedder.close(deadline)]);
    await this.#context.dispose();
    await this.#model.dispose();
    await this.#llama.dispose();
  }
}

async function startLlama({ gpu, onWarning }: InferenceOptions): Promise<Llama> {
  const runtime = await import("node-llama-cpp").catch((cause: unknown) => {
    throw new ModelError(
      "RUNTIME_MISSING",
      "The package node-llama-cpp, which runs the model, is not installed.",
      {
        hint: "Install it with: npm install node-llama-cpp",
        cause,
      },
    );
  });
  const options: LlamaOptions = {
    gpu,
    build: "never",
    skipDownload: true,
    progressLogs: false,
    // Above the number of cores llama.cpp's threads wait for each other by spinning.
    maxThreads: availableParallelism(),
    logLevel: runtime.LlamaLogLevel.warn,
    logger: (_level, message) => onWarning?.(message.trim()),
  };
  try {
    return await runtime.getLlama(options);
  } catch (cause) {
    const reason =
      cause instanceof runtime.NoBinaryFoundError
        ? `there is no build of it for this machine with GPU=${gpu === false ? "off" : gpu}`
        : firstLine(cause);
    throw new ModelError("RUNTIME_MISSING", `llama.cpp cannot be started: ${reason}.`, {
      hint: "Set GPU=auto to take what there is, or GPU=off to compute without a graphics processor.",
      cause,
    });
  }
}

/** The wish is there once the model's file was loaded: what fails then is the context. */
function loadError(error: unknown, path: string, wish: ContextWish | undefined): unknown {
  if (error instanceof ModelError) return error;
  const tooLarge = error instanceof Error && error.constructor.name === "InsufficientMemoryError";
  // llama.cpp gives no reason, and says so only where memory was refused to it.
  if (tooLarge || (wish !== undefined && /^Failed to create context/.test(firstLine(error)))) {
    const reason = tooLarge ? firstLine(error) : "the context could not be allocated";
    return new ModelError("OUT_OF_MEMORY", `There is not enough memory for ${path}: ${reason}.`, {
      hint: fittingHint(wish),
      cause: error,
    });
  }
  return new ModelError("MODEL_UNSUPPORTED", `llama.cpp cannot load ${path}: ${firstLine(error)}.`, {
    hint: "Its architecture may be newer than the llama.cpp in use.",
    cause: error,
  });
}

function firstLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.split("\n")[0]!.replace(/\.$/, "");
}
