import type { Level, Load } from "../plan/plan.ts";
import type { Outcome } from "../result.ts";

export interface Bracket {
  /** The highest load that met every objective, below all that did not. */
  readonly highestPassing?: number;
  readonly lowestFailing?: number;
}

/** What a search knows so far. */
export function bracketOf(
  done: readonly { readonly level: Level; readonly outcome: Outcome | undefined }[],
): Bracket {
  const loads = done.map(({ level, outcome }) => ({ load: sizeOf(level.load), passed: outcome === "met" }));
  const failing = loads.filter(({ passed }) => !passed).map(({ load }) => load);
  const lowestFailing = failing.length === 0 ? undefined : Math.min(...failing);
  const passing = loads.filter(
    ({ load, passed }) => passed && load < (lowestFailing ?? Number.POSITIVE_INFINITY),
  );
  return {
    ...(passing.length > 0 && { highestPassing: Math.max(...passing.map(({ load }) => load)) }),
    ...(lowestFailing !== undefined && { lowestFailing }),
  };
}

function sizeOf(load: Load): number {
  return load.kind === "closed" ? load.concurrency : load.kind === "open" ? load.requestsPerSecond : 0;
}
