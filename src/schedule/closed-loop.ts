import type { Clock } from "../clock.ts";

/** One place for one request at a time; open from `startNs` on, and no longer than `endNs`. */
export interface Slot {
  readonly startNs: number;
  readonly endNs: number;
}

/**
 * Keeps one request in flight per open slot: the next one goes when the last one ended and its user has
 * thought. A closed loop slows down with the server, so it finds what the server can do, not what
 * independent users would see.
 *
 * @param take gives the next request's index, or undefined when nothing more is to be sent; it is told
 *   when the slot that asks became free.
 * @param send resolves with the moment its request ended; from there, and its thinking, the next one counts.
 * @param thinkNs how long a slot rests after the `index`-th request.
 */
export async function closedLoop(
  clock: Clock,
  slots: readonly Slot[],
  noMore: AbortSignal,
  take: (freeAtNs: number) => number | undefined,
  send: (index: number, scheduledNs: number) => Promise<number>,
  thinkNs: (index: number) => number = () => 0,
): Promise<void> {
  const run = async ({ startNs, endNs }: Slot) => {
    let freeAtNs = startNs;
    for (;;) {
      // A user who would only come back after the end is not waited for.
      if (freeAtNs >= endNs) return;
      if (clock.now() < freeAtNs) await clock.sleepUntil(freeAtNs, noMore);
      if (noMore.aborted) return;
      const index = take(freeAtNs);
      if (index === undefined) return;
      freeAtNs = (await send(index, freeAtNs)) + thinkNs(index);
    }
  };
  await Promise.all(slots.map(run));
}
