import { ApiError } from "../http/errors.ts";
import { rounded } from "../http/rounding.ts";
import type { Inference } from "../inference/inference.ts";
import { LoadProgress, type LoadStep } from "./load-progress.ts";

/** The model on its way from loading to ready or failed: the server answers meanwhile. */
export class ModelHolder {
  #state: "loading" | Exclude<ModelState, { readonly state: "loading" | "closing" }> = "loading";
  readonly #progress: LoadProgress;
  #closing = false;
  /** Settles with the loading; rejected with the reason when it failed, or when there is none to be loaded. */
  readonly loaded: Promise<Inference>;

  /** Without anything that loads it is a server without a model. */
  constructor(loading: Promise<Inference> | undefined, progress: LoadProgress = new LoadProgress()) {
    this.#progress = progress;
    if (loading === undefined) this.#state = { state: "none" };
    this.loaded = (loading ?? Promise.reject(noModel())).then(
      (inference) => {
        this.#state = { state: "ready", inference };
        return inference;
      },
      (error: Error) => {
        if (loading !== undefined) this.#state = { state: "failed", error };
        throw error;
      },
    );
    // Whoever waits for `loaded` hears of the failure; nobody has to.
    this.loaded.catch(() => {});
  }

  get state(): ModelState {
    if (this.#closing) return { state: "closing" };
    return this.#state === "loading" ? { state: "loading", step: this.#progress.step } : this.#state;
  }

  /** The model while it is loaded, whether or not it takes new requests. */
  get inference(): Inference | undefined {
    return this.#state !== "loading" && this.#state.state === "ready" ? this.#state.inference : undefined;
  }

  /** The model, or the 503 that says why there is none. */
  require(): Inference {
    const { state } = this;
    switch (state.state) {
      case "ready":
        return state.inference;
      case "loading":
        throw new ApiError("MODEL_NOT_READY", sentenceOf(state.step), {
          headers: { "Retry-After": retryAfter(state.step) },
          more: progressOf(state.step),
        });
      case "failed":
        throw new ApiError("MODEL_NOT_READY", `The model could not be loaded: ${state.error.message}`);
      case "none":
        throw noModel();
      case "closing":
        throw new ApiError("SERVICE_UNAVAILABLE", "The server is shutting down.", {
          headers: { Connection: "close" },
        });
      default:
        return state satisfies never;
    }
  }

  /** A model that still loads when the deadline comes is freed once it is loaded, which nobody waits for. */
  async close(deadline: AbortSignal): Promise<void> {
    this.#closing = true;
    // One that is loaded is freed before the end, however late that is.
    const inference = this.inference ?? (await this.#loadedBefore(deadline));
    if (inference === undefined) this.loaded.then((late) => late.close(deadline)).catch(() => {});
    await inference?.close(deadline);
  }

  #loadedBefore(deadline: AbortSignal): Promise<Inference | undefined> {
    const { promise: expired, resolve } = Promise.withResolvers<undefined>();
    if (deadline.aborted) resolve(undefined);
    deadline.addEventListener("abort", () => resolve(undefined), { once: true });
    return Promise.race([this.loaded.catch(() => undefined), expired]);
  }
}

export type ModelState =
  | { readonly state: "loading"; readonly step: LoadStep }
  | { readonly state: "ready"; readonly inference: Inference }
  | { readonly state: "failed"; readonly error: Error }
  /** The server was told to have none. */
  | { readonly state: "none" }
  | { readonly state: "closing" };

/** How far it is, as bodies say it: null where nobody can know. */
export function progressOf({ phase, share }: LoadStep): { phase: string; progress: number | null } {
  return { phase, progress: share === undefined ? null : rounded(share, 4) };
}

/** Seconds after which asking again may be worth it; a download takes longer than anything after it. */
export function retryAfter({ phase }: LoadStep): string {
  return phase === "downloading" ? "5" : "1";
}

function noModel(): ApiError {
  return new ApiError("MODEL_NOT_READY", "This server has no model: it was started with MODEL=off.");
}

function sentenceOf({ phase, share }: LoadStep): string {
  const percent = share === undefined ? "" : `: ${Math.floor(share * 100)} %`;
  if (phase === "downloading") return `The model is still being downloaded${percent}.`;
  return phase === "loading" ? `The model is still loading${percent}.` : "The model is about to be ready.";
}
