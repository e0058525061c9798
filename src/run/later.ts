import type { Clock } from "../clock.ts";
import { NS_PER_MS } from "../units.ts";

/** No answer waits longer than this to be seen; what is left is done in the next turn. */
const SLICE_NS = 0.1 * NS_PER_MS;
/** A timer that comes later than this says that there is other work. */
const BUSY_NS = 1.5 * NS_PER_MS;
/** Nothing is put off for ever. */
const MOST_PUT_OFF = 10;
/** What is beyond is taken at once: on a machine that is never idle it would grow, and be moved about as garbage is collected. */
const MOST_WAITING = 512;

/**
 * Passes things on a moment later, when there is little else to do and a few at a time: what is sent next goes
 * before what was measured is added up, and so does reading what comes. Where many answers end at once, adding
 * them all up first would make every next request late, and every answer seem so.
 */
export function later<T>(clock: Clock, take: (thing: T) => void): { add(thing: T): void; flush(): void } {
  let waiting: T[] = [];
  /** Added before those, and taken from the front. */
  let batch: T[] = [];
  let taken = 0;
  let putOff = 0;
  let disarm: (() => void) | undefined;
  const left = () => batch.length - taken + waiting.length;
  const arm = () => {
    const dueNs = clock.now() + NS_PER_MS;
    disarm = clock.alarm(dueNs, () => {
      disarm = undefined;
      const nowNs = clock.now();
      if (nowNs - dueNs > BUSY_NS && putOff++ < MOST_PUT_OFF) return arm();
      putOff = 0;
      takeSome(MOST_WAITING, nowNs + SLICE_NS);
      if (left() > 0) arm();
    });
  };
  const takeSome = (most: number, untilNs: number) => {
    while (left() > 0) {
      if (taken === batch.length) {
        batch = waiting;
        waiting = [];
        taken = 0;
      }
      take(batch[taken++]!);
      if (left() <= most && clock.now() >= untilNs) break;
    }
  };
  return {
    add(thing) {
      waiting.push(thing);
      if (disarm === undefined) arm();
    },
    flush() {
      disarm?.();
      disarm = undefined;
      takeSome(0, Number.POSITIVE_INFINITY);
    },
  };
}
