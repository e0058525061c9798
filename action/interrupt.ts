/**
 * How the runner cancels a step: SIGINT, after 7.5 s SIGTERM, after 2.5 s more it kills. The load stops
 * at the first signal, and what was measured is reported while there is time. Loaded before everything else,
 * so that a signal that comes while the other modules load is not the end.
 */
const REPORTING_MS = 4_000;

export interface Interrupt {
  /** Aborts when the run is cancelled. */
  readonly signal: AbortSignal;
  /** Aborts when there is no time left for reporting a cancelled run. */
  readonly deadline: AbortSignal;
}

export const interrupt: Interrupt = listen();

function listen(): Interrupt {
  const stop = new AbortController();
  const deadline = new AbortController();
  const interrupted = () => {
    // Whatever comes after the first signal changes nothing: the report is already under way.
    if (stop.signal.aborted) return;
    stop.abort();
    setTimeout(() => deadline.abort(), REPORTING_MS).unref();
  };
  process.on("SIGINT", interrupted);
  process.on("SIGTERM", interrupted);
  return { signal: stop.signal, deadline: deadline.signal };
}
