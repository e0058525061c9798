import type { Control, Level } from "../plan/plan.ts";
import type { EndReason } from "../record/record.ts";
import { NS_PER_S } from "../units.ts";

/** What is known of a level while it is under way. */
export interface LevelSoFar {
  readonly completed: number;
  readonly failed: number;
  readonly elapsedNs: number;
  /** Mean of completed requests. */
  readonly meanLatencyNs?: number;
  /** Of the whole run. */
  readonly outputTokens: number;
}

/** Fewer requests than this say nothing about a rate of errors. */
const FEWEST_FOR_RATE = 20;
const OVERLOAD_AFTER_NS = 5 * NS_PER_S;
/** Little's law gives the backlog of a server that keeps up; this many times as much is one that does not. */
const OVERLOAD_FACTOR = 3;

/** Why a level should end before its plan is done; undefined while it should not. */
export function endReason(control: Control, level: Level, soFar: LevelSoFar): EndReason | undefined {
  const { completed, failed, outputTokens } = soFar;
  if (control.maxTokens !== undefined && outputTokens >= control.maxTokens) return "max_tokens";
  if (control.maxErrors !== undefined && failed >= control.maxErrors) return "max_errors";
  const ended = completed + failed;
  if (
    control.maxErrorRate !== undefined &&
    ended >= FEWEST_FOR_RATE &&
    failed / ended > control.maxErrorRate
  ) {
    return "max_error_rate";
  }
  return control.stopOnOverload && isOverloaded(level, soFar) ? "overload" : undefined;
}

/** Arrivals outrun completions: far more requests are open than the rate times the latency. */
function isOverloaded(
  { load, stop }: Level,
  { completed, failed, elapsedNs, meanLatencyNs }: LevelSoFar,
): boolean {
  if (load.kind !== "open" || elapsedNs < OVERLOAD_AFTER_NS) return false;
  const arrived = Math.min(
    (load.requestsPerSecond * elapsedNs) / NS_PER_S,
    stop.requests ?? Number.POSITIVE_INFINITY,
  );
  const expected = (load.requestsPerSecond * (meanLatencyNs ?? 0)) / NS_PER_S;
  return arrived - completed - failed > OVERLOAD_FACTOR * expected + 10;
}
