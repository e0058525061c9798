/**
 * The one place that asks the time. Inside the engine time is an integer count of nanoseconds on a
 * monotonic clock, from the run's start; wall time appears once, as the run's start.
 */
export interface Clock {
  /** Integer nanoseconds since this clock was made. */
  now(): number;
  /** Wall time at `now() === 0`, milliseconds since the epoch. */
  readonly startedAtMs: number;
  /** With which another thread makes a clock that shows the same time. */
  readonly origin: ClockOrigin;
  /** Resolves at `atNs`, or at once when that is past or the signal aborts; never early, never rejects. */
  sleepUntil(atNs: number, signal?: AbortSignal): Promise<void>;
  /** Calls back once at or shortly after `atNs` (millisecond precision); returns what cancels it. */
  alarm(atNs: number, callback: () => void): () => void;
}

export interface ClockOrigin {
  /** Of the machine's monotonic clock, nanoseconds, at `now() === 0`. */
  readonly monotonicNs: bigint;
  readonly startedAtMs: number;
}

/**
 * Timers of the event loop are a millisecond coarse. The last stretch is waited out by turns of the loop
 * instead, which costs CPU but keeps arrivals of 1,000 a second within microseconds of the plan.
 */
const COARSE_NS = 2_000_000;
/**
 * A turn of the last stretch looks at the clock for this long before it lets the sockets be read. Turns leave
 * garbage behind: without a pause in each, collecting it held up one arrival in thirty at 1,000 a second.
 */
const TURN_NS = 20_000;

export function systemClock(origin?: ClockOrigin): Clock {
  const { monotonicNs, startedAtMs } = origin ?? {
    monotonicNs: process.hrtime.bigint(),
    startedAtMs: Date.now(),
  };
  // Every thread's performance.now() counts from a moment of its own.
  const startMs = performance.now() - Number(process.hrtime.bigint() - monotonicNs) / 1e6;
  const now = () => Math.round((performance.now() - startMs) * 1e6);
  const wakeAt = lastStretchOf(now);
  return {
    now,
    startedAtMs,
    origin: { monotonicNs, startedAtMs },
    sleepUntil(atNs, signal) {
      return new Promise((resolve) => {
        const leftNs = atNs - now();
        if (leftNs <= 0 || signal?.aborted) return resolve();
        let timer: NodeJS.Timeout | undefined;
        let forget = () => {};
        const done = () => {
          clearTimeout(timer);
          forget();
          signal?.removeEventListener("abort", done);
          resolve();
        };
        const lastStretch = () => {
          forget = wakeAt(atNs, done);
        };
        signal?.addEventListener("abort", done);
        if (leftNs > COARSE_NS) timer = setTimeout(lastStretch, (leftNs - COARSE_NS) / 1e6);
        else lastStretch();
      });
    },
    alarm(atNs, callback) {
      const timer = setTimeout(callback, Math.max(0, (atNs - now()) / 1e6));
      return () => clearTimeout(timer);
    },
  };
}

/** One loop of turns for everybody whose moment is near; gives what is to be called to wait, and to wait no longer. */
function lastStretchOf(now: () => number): (atNs: number, wake: () => void) => () => void {
  const waiting = new Set<{ readonly atNs: number; readonly wake: () => void }>();
  let turning = false;
  const turn = () => {
    let nowNs = now();
    let untilNs = nowNs + TURN_NS;
    for (const { atNs } of waiting) untilNs = Math.min(untilNs, atNs);
    while (nowNs < untilNs) nowNs = now();
    for (const waiter of waiting) {
      if (waiter.atNs > nowNs) continue;
      waiting.delete(waiter);
      waiter.wake();
    }
    turning = waiting.size > 0;
    if (turning) setImmediate(turn);
  };
  return (atNs, wake) => {
    const waiter = { atNs, wake };
    waiting.add(waiter);
    if (!turning) {
      turning = true;
      setImmediate(turn);
    }
    return () => {
      waiting.delete(waiter);
    };
  };
}
