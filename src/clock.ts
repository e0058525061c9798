/**
 * The one place that asks the time. Inside the engine time is an integer count of nanoseconds on a
 * monotonic clock, from the run's start; wall time appears once, as the run's start.
 */
export interface Clock {
  /** Integer nanoseconds since this clock was made. */
  now(): number;
  /** Wall time at `now() === 0`, milliseconds since the epoch. */
  readonly startedAtMs: number;
  /** Resolves at `atNs`, or at once when that is past or the signal aborts; never early, never rejects. */
  sleepUntil(atNs: number, signal?: AbortSignal): Promise<void>;
  /** Calls back once at or shortly after `atNs` (millisecond precision); returns what cancels it. */
  alarm(atNs: number, callback: () => void): () => void;
}

/**
 * Timers of the event loop are a millisecond coarse. The last stretch is waited out by turns of the
 * loop instead, which costs CPU but keeps arrivals of 1,000 a second within microseconds of the plan.
 */
const COARSE_NS = 2_000_000;

export function systemClock(): Clock {
  const startMs = performance.now();
  const startedAtMs = Date.now();
  const now = () => Math.round((performance.now() - startMs) * 1e6);
  return {
    now,
    startedAtMs,
    sleepUntil(atNs, signal) {
      return new Promise((resolve) => {
        let timer: NodeJS.Timeout | undefined;
        const done = () => {
          clearTimeout(timer);
          signal?.removeEventListener("abort", done);
          resolve();
        };
        const step = () => {
          const left = atNs - now();
          if (left <= 0 || signal?.aborted) return done();
          if (left > COARSE_NS) timer = setTimeout(step, (left - COARSE_NS) / 1e6);
          else setImmediate(step);
        };
        signal?.addEventListener("abort", done);
        step();
      });
    },
    alarm(atNs, callback) {
      const timer = setTimeout(callback, Math.max(0, (atNs - now()) / 1e6));
      return () => clearTimeout(timer);
    },
  };
}
