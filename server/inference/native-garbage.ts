import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/**
 * Collects what finished requests leave behind outside of JavaScript's heap. node-llama-cpp frees a sampler's
 * candidates, one for each token of the vocabulary, only with the small object that holds them; V8 sees no reason
 * to hurry, and with a real vocabulary thousands of requests would add up to gigabytes.
 */
export class NativeGarbage {
  readonly #bytesPerRequest: number;
  readonly #collect: () => void;
  #bytes = 0;

  constructor(vocabularySize: number, collect: () => void = collector()) {
    this.#bytesPerRequest = vocabularySize * CANDIDATE_BYTES + REST_BYTES;
    this.#collect = collect;
  }

  requestEnded(): void {
    this.#bytes += this.#bytesPerRequest;
    if (this.#bytes < MOST_BYTES) return;
    this.#bytes = 0;
    this.#collect();
  }
}

/** A token's number, its logit and its probability. */
const CANDIDATE_BYTES = 12;
const REST_BYTES = 16 * 1024;
const MOST_BYTES = 64 * 2 ** 20;

/** Collects between the event loop's other tasks. */
function collector(): () => void {
  setFlagsFromString("--expose-gc");
  const gc = runInNewContext("gc") as NonNullable<typeof globalThis.gc>;
  return () => void gc({ type: "major", execution: "async" });
}
