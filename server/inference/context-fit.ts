import { ModelError } from "./model-error.ts";

/** A context as it was asked for, and what it is to be kept in. */
export interface ContextWish {
  readonly slots: number;
  /** Tokens of each slot. */
  readonly contextSize: number;
  /** Undefined for models whose state does not grow with every token alone. */
  readonly cacheBytesPerToken: number | undefined;
  readonly availableBytes: number;
}

/**
 * Throws for a context whose keys and values alone are more than the memory there is. llama.cpp writes to all
 * of it at once, and where the system promises more than it has, it then ends the process without a word.
 */
export function checkContextFits(wish: ContextWish): void {
  const { slots, contextSize, cacheBytesPerToken, availableBytes } = wish;
  const bytes = slots * contextSize * (cacheBytesPerToken ?? 0);
  if (bytes <= availableBytes) return;
  throw new ModelError(
    "OUT_OF_MEMORY",
    `There is not enough memory for ${slots} slots of ${contextSize} tokens: they take ${gigabytes(bytes)}, ` +
      `and ${gigabytes(availableBytes)} are free.`,
    { hint: fittingHint(wish) },
  );
}

/** What to ask for instead, with room left for what is not keys and values. */
export function fittingHint(wish: ContextWish | undefined): string {
  const { slots = 0, contextSize = 0, cacheBytesPerToken, availableBytes = 0 } = wish ?? {};
  const tokens = Math.floor((availableBytes * SHARE_OF_THE_CACHE) / (cacheBytesPerToken ?? Number.NaN));
  const fewerSlots = Math.floor(tokens / contextSize);
  const shorter = Math.floor(tokens / slots / CONTEXT_STEP) * CONTEXT_STEP;
  const ways = [
    ...(fewerSlots >= 1 && fewerSlots < slots
      ? [`SLOTS=${fewerSlots} with CONTEXT_SIZE=${contextSize}`]
      : []),
    ...(shorter >= CONTEXT_STEP && shorter < contextSize
      ? [`CONTEXT_SIZE=${shorter} with SLOTS=${slots}`]
      : []),
  ];
  return ways.length === 0
    ? "Lower SLOTS or CONTEXT_SIZE, or take a smaller model or quantization."
    : `What would fit: ${ways.join(", or ")}.`;
}

/** The rest is left to the buffers of a step, and to requests. */
const SHARE_OF_THE_CACHE = 0.8;
const CONTEXT_STEP = 256;

function gigabytes(bytes: number): string {
  return `${(bytes / 1024 ** 3).toFixed(1)} GB`;
}
