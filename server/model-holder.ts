import { ApiError } from "./errors.ts";
import type { Inference } from "./inference/inference.ts";

/** The model on its way from loading to ready or failed: the server answers meanwhile. */
export class ModelHolder {
  #state: ModelState = { state: "loading" };
  #closing = false;
  /** Settles with the loading; rejected with the reason when it failed. */
  readonly loaded: Promise<Inference>;

  constructor(loading: Promise<Inference>) {
    this.loaded = loading.then(
      (inference) => {
        this.#state = { state: "ready", inference };
        return inference;
      },
      (error: Error) => {
        this.#state = { state: "failed", error };
        throw error;
      },
    );
    // Whoever waits for `loaded` hears of the failure; nobody has to.
    this.loaded.catch(() => {});
  }

  get state(): ModelState {
    return this.#closing ? { state: "closing" } : this.#state;
  }

  /** The model while it is loaded, whether or not it takes new requests. */
  get inference(): Inference | undefined {
    return this.#state.state === "ready" ? this.#state.inference : undefined;
  }

  /** The model, or the 503 that says why there is none. */
  require(): Inference {
    const { state } = this;
    switch (state.state) {
      case "ready":
        return state.inference;
      case "loading":
        throw new ApiError("MODEL_NOT_READY", "The model is still loading.", {
          headers: { "Retry-After": "1" },
        });
      case "failed":
        throw new ApiError("MODEL_NOT_READY", `The model could not be loaded: ${state.error.message}`);
      case "closing":
        throw new ApiError("SERVICE_UNAVAILABLE", "The server is shutting down.", {
          headers: { Connection: "close" },
        });
      default:
        return state satisfies never;
    }
  }

  async close(deadline: AbortSignal): Promise<void> {
    this.#closing = true;
    const inference = await this.loaded.catch(() => undefined);
    await inference?.close(deadline);
  }
}

export type ModelState =
  | { readonly state: "loading" }
  | { readonly state: "ready"; readonly inference: Inference }
  | { readonly state: "failed"; readonly error: Error }
  | { readonly state: "closing" };
