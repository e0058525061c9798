import type { Clock } from "../clock.ts";
import { NS_PER_MS } from "../units.ts";

/** No answer waits longer than this to be seen; what is left is done in the next turn. */
const SLICE_NS = 0.1 * NS_PER_MS;
/** A timer that comes later than this says that there is other work. */
const BUSY_NS = 1.5 * NS_PER_MS;
/** Nothing is put off for ever. */
const MOST_PUT_OFF = 10;
/** Of what has piled up this share is taken at least, or it would grow on a machine that is never idle. */
const SHARE = 1 / 64;

/**
 * Passes things on a moment later, when there is little else to do and a few at a time: what is sent next goes
 * before what was measured is added up, and so does reading what comes. Where many answers end at once, adding
 * them all up first would make every next request late, and every answer seem so.
 */
export function later<T>(clock: Clock, take: (thing: T) => void): { add(thing: T): void; flush(): void } {
  let waiting: T[] = [];
  let taken = 0;
  let putOff = 0;
  let disarm = () => {};
  const arm = () => {
    const dueNs = clock.now() + NS_PER_MS;
    disarm = clock.alarm(dueNs, () => {
      const nowNs = clock.now();
      if (nowNs - dueNs > BUSY_NS && putOff++ < MOST_PUT_OFF) return arm();
      takeSome(taken + (waiting.length - taken) * SHARE, nowNs + SLICE_NS);
      if (waiting.length > 0) arm();
    });
  };
  const takeSome = (least: number, untilNs: number) => {
    while (taken < waiting.length) {
      take(waiting[taken++]!);
      if (taken >= least && clock.now() >= untilNs) break;
    }
    if (taken < waiting.length) return;
    waiting = [];
    taken = 0;
    putOff = 0;
  };
  return {
    add(thing) {
      if (waiting.push(thing) === 1) arm();
    },
    flush() {
      disarm();
      takeSome(waiting.length, Number.POSITIVE_INFINITY);
    },
  };
}
