/**
 * How the runner cancels a step: SIGINT, after 7.5 s SIGTERM, after 2.5 s more it kills. The load stops
 * at the first signal, and what was measured is reported while there is time.
 */
const REPORTING_MS = 4_000;

export interface Interrupt {
  /** Aborts when the run is cancelled. */
  readonly signal: AbortSignal;
  /** Aborts when there is no time left for reporting a cancelled run. */
  readonly deadline: AbortSignal;
}

export function listenForInterrupt(): Interrupt {
  const stop = new AbortController();
  const deadline = new AbortController();
  const interrupted = () => {
    if (stop.signal.aborted) return;
    stop.abort();
    setTimeout(() => deadline.abort(), REPORTING_MS).unref();
  };
  process.on("SIGINT", interrupted);
  process.on("SIGTERM", interrupted);
  return { signal: stop.signal, deadline: deadline.signal };
}
