import type { Clock } from "../clock.ts";

/**
 * Sends at the planned moments, whatever the server does, as independent users would.
 * An arrival that finds `maxConcurrency` requests in flight is held until one ends, but its latency still
 * counts from its planned moment: a stalled server cannot slow down its own measurement.
 *
 * @param offsets planned moments after `startNs`, ascending, whole nanoseconds.
 * @param send resolves with the moment its request ended; it is told for how long the cap held the arrival.
 * @param prepare is told of the next request while there is time to make it.
 */
export async function openLoop(
  clock: Clock,
  startNs: number,
  offsets: Float64Array,
  maxConcurrency: number,
  signal: AbortSignal,
  send: (index: number, scheduledNs: number, heldNs: number) => Promise<number>,
  prepare: (index: number) => void = () => {},
): Promise<void> {
  const inFlight = new Set<Promise<number>>();
  let issuedNs = startNs;
  /** The last time that arrivals were held, until which and since when; those behind the first one count from it too. */
  let freeNs = Number.NEGATIVE_INFINITY;
  let fullNs = startNs;
  for (const [index, offset] of offsets.entries()) {
    const scheduledNs = startNs + offset;
    if (clock.now() < scheduledNs) {
      prepare(index);
      await clock.sleepUntil(scheduledNs, signal);
    }
    // An arrival that our own lateness kept back is held only since the one before it filled the last place.
    if (inFlight.size >= maxConcurrency && scheduledNs > freeNs) fullNs = issuedNs;
    while (inFlight.size >= maxConcurrency && !signal.aborted) {
      freeNs = Math.max(freeNs, await Promise.race(inFlight));
    }
    if (signal.aborted) break;
    issuedNs = clock.now();
    const sent = send(index, scheduledNs, Math.max(0, freeNs - Math.max(scheduledNs, fullNs)));
    const ended = sent.finally(() => inFlight.delete(ended));
    inFlight.add(ended);
  }
  await Promise.all(inFlight);
}
