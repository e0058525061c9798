import { NS_PER_MS } from "../units.ts";

/** How the chunks of one answer came. */
export interface ChunkArrival {
  /** "together": most of them in bundles; "whole": all of the answer in one, so that its first token came with its last. */
  readonly chunks: "apart" | "together" | "whole";
  /** Nanoseconds; at least one gap was as long as this, however long each chunk of a bundle had waited for the others. */
  readonly longestGap: number;
}

/** Chunks that follow each other within this may be of one bundle. */
const WITHIN_NS = NS_PER_MS;
/** Of a bundle the gaps are the reader's own: no model writes 20,000 chunks a second into one answer. */
const BUNDLE_GAP_NS = 0.05 * NS_PER_MS;
/** Where less time than this went by for each chunk there was none to hide: a quick server's gaps are as they are. */
const HIDDEN_NS = NS_PER_MS;
/** Before the first chunk the prompt is read, and the way through kernel and event loop takes as long at both ends. */
const FIRST_HIDDEN_NS = 20 * NS_PER_MS;

/**
 * Chunks of one read of the socket have one stamp: a proxy that holds them back has made gaps of nothing, and
 * a long one before each bundle. A bundle is judged by the time that went by before it, in which its chunks
 * could have come one by one.
 * @param outputs at least two.
 */
export function chunkArrival(outputs: readonly number[], sentNs: number, endNs: number): ChunkArrival {
  let bundled = 0;
  let longestGap = 0;
  let start = 0;
  let beforeNs = sentNs;
  for (let i = 1; i <= outputs.length; i++) {
    if (i < outputs.length && outputs[i]! - outputs[i - 1]! < WITHIN_NS) continue;
    const first = outputs[start]!;
    const last = outputs[i - 1]!;
    const chunks = i - start;
    const waitNs = first - beforeNs;
    const hiddenNs = start > 0 ? chunks * HIDDEN_NS : Math.max(FIRST_HIDDEN_NS, chunks * HIDDEN_NS);
    if (last - first < (chunks - 1) * BUNDLE_GAP_NS && waitNs >= hiddenNs) bundled += chunks - 1;
    // What came with the first chunk may have been written at any time before it.
    if (start > 0) longestGap = Math.max(longestGap, waitNs / chunks);
    beforeNs = last;
    start = i;
  }
  const gaps = outputs.length - 1;
  if (bundled < gaps / 2) return { chunks: "apart", longestGap };
  const streamedNs = endNs - outputs[0]!;
  const isWhole = streamedNs <= Math.max(NS_PER_MS, (endNs - sentNs) / 100);
  return { chunks: isWhole ? "whole" : "together", longestGap };
}
