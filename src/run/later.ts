import type { Clock } from "../clock.ts";
import { NS_PER_MS } from "../units.ts";

/**
 * Passes things on a moment later, in a turn of their own: what is sent next goes before what was measured is
 * added up. Where many answers end at once, adding them up first would make every next request late.
 */
export function later<T>(clock: Clock, take: (thing: T) => void): { add(thing: T): void; flush(): void } {
  let waiting: T[] = [];
  let disarm = () => {};
  const flush = () => {
    disarm();
    const things = waiting;
    waiting = [];
    for (const thing of things) take(thing);
  };
  return {
    add(thing) {
      if (waiting.push(thing) === 1) disarm = clock.alarm(clock.now() + NS_PER_MS, flush);
    },
    flush,
  };
}
