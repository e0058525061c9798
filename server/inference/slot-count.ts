export interface SlotRoom {
  /** Tokens of each slot. */
  readonly contextSize: number;
  /** Undefined for models whose cache's size cannot be told from their metadata. */
  readonly cacheBytesPerToken: number | undefined;
  /** Free for the context, the model's own weights not counted. */
  readonly freeBytes: number;
}

/** As many slots as half of the free memory holds in keys and values: the rest is for steps, requests and others. */
export function slotsFor({ contextSize, cacheBytesPerToken, freeBytes }: SlotRoom): number {
  const slotBytes = contextSize * (cacheBytesPerToken ?? 0);
  if (slotBytes === 0) return MOST_SLOTS;
  return Math.min(MOST_SLOTS, Math.max(1, Math.floor((freeBytes * SHARE) / slotBytes)));
}

const SHARE = 0.5;
/** Each slot slows the others' steps: who wants more throughput at the price of latency says so. */
const MOST_SLOTS = 8;
