import type { Clock } from "../clock.ts";

/**
 * Sends at the planned moments, whatever the server does, as independent users would.
 * An arrival that finds `maxConcurrency` requests in flight waits for one to end, but its latency still
 * counts from its planned moment: a stalled server cannot slow down its own measurement.
 *
 * @param offsets planned moments after `startNs`, ascending, whole nanoseconds.
 * @param prepare is told of the next request while there is time to make it.
 */
export async function openLoop(
  clock: Clock,
  startNs: number,
  offsets: Float64Array,
  maxConcurrency: number,
  signal: AbortSignal,
  send: (index: number, scheduledNs: number) => Promise<unknown>,
  prepare: (index: number) => void = () => {},
): Promise<void> {
  const inFlight = new Set<Promise<unknown>>();
  for (const [index, offset] of offsets.entries()) {
    const scheduledNs = startNs + offset;
    if (clock.now() < scheduledNs) {
      prepare(index);
      await clock.sleepUntil(scheduledNs, signal);
    }
    while (inFlight.size >= maxConcurrency && !signal.aborted) await Promise.race(inFlight);
    if (signal.aborted) break;
    const sent = send(index, scheduledNs).finally(() => inFlight.delete(sent));
    inFlight.add(sent);
  }
  await Promise.all(inFlight);
}
