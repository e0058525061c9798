/** A few messages a second, whatever the load. */
const EVERY_MS = 200;

/**
 * Passes the latest of many things on, at most every 200 ms: the first one at once, and what comes in between
 * when these are over, so that nobody is left with old news because no newer one follows.
 */
export function coalesced<Thing>(
  pass: (thing: Thing) => void,
  everyMs = EVERY_MS,
): { add(thing: Thing): void; flush(): void } {
  let latest: { readonly thing: Thing } | undefined;
  let timer: NodeJS.Timeout | undefined;
  const flush = () => {
    clearTimeout(timer);
    timer = undefined;
    if (latest === undefined) return;
    const { thing } = latest;
    latest = undefined;
    timer = setTimeout(() => {
      timer = undefined;
      flush();
    }, everyMs);
    timer.unref();
    pass(thing);
  };
  return {
    add(thing) {
      latest = { thing };
      if (timer === undefined) flush();
    },
    flush,
  };
}
