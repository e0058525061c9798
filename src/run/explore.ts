import { bracketOf } from "../judge/bracket.ts";
import type { Exploration, Level, Load, Plan } from "../plan/plan.ts";
import { defaultWarmup } from "../plan/warmup.ts";
import type { Outcome } from "../result.ts";

/** A level that was measured, as the next one's choice sees it. */
export interface Explored {
  readonly level: Level;
  /** Over all objectives; undefined without any. */
  readonly outcome: Outcome | undefined;
  /** Completed per second. */
  readonly throughput: number;
}

/** The level to measure after these; undefined when there is none. */
export function nextLevel(plan: Plan, done: readonly Explored[]): Level | undefined {
  const { exploration } = plan;
  if (exploration === undefined) return plan.levels[done.length];
  const load = exploration.kind === "search" ? nextSearched(exploration, done) : nextSwept(exploration, done);
  if (load === undefined) return undefined;
  const { stop, warmupRequests } = exploration.level;
  return { index: done.length, load, stop, warmupRequests: warmupRequests ?? defaultWarmup(load, stop) };
}

/** Halvings below the start before it is said that no load passes. */
const MOST_HALVINGS = 5;

function nextSearched(search: Exploration & { kind: "search" }, done: readonly Explored[]): Load | undefined {
  const { highestPassing, lowestFailing } = bracketOf(done);
  const whole = search.of === "concurrency";
  const at = (size: number) => loadOf(search, whole ? Math.max(1, Math.round(size)) : size);
  if (done.length === 0) return at(Math.min(search.start, search.max));
  if (lowestFailing === undefined) {
    return highestPassing! >= search.max ? undefined : at(Math.min(highestPassing! * 2, search.max));
  }
  if (highestPassing === undefined) {
    const lowest = search.start / 2 ** MOST_HALVINGS;
    return lowestFailing <= (whole ? 1 : lowest) ? undefined : at(lowestFailing / 2);
  }
  const gap = lowestFailing - highestPassing;
  if (gap / lowestFailing <= search.tolerance || (whole && gap <= 1)) return undefined;
  return at((highestPassing + lowestFailing) / 2);
}

function nextSwept(sweep: Exploration & { kind: "sweep" }, done: readonly Explored[]): Load | undefined {
  if (done.length === 0) return { kind: "closed", concurrency: 1 };
  if (done.length === 1) return { kind: "closed", concurrency: sweep.maxConcurrency };
  const step = done.length - 1;
  const [low, high] = [done[0]!.throughput, done[1]!.throughput];
  if (step > sweep.rates || !(high > low)) return undefined;
  // Saturation itself was measured: the rates lie between both ends.
  const rate = low + ((high - low) * step) / (sweep.rates + 1);
  return openAt(sweep, Number(rate.toPrecision(3)));
}

function loadOf(search: Exploration & { kind: "search" }, size: number): Load {
  return search.of === "concurrency"
    ? { kind: "closed", concurrency: size }
    : openAt(search, Number(size.toPrecision(3)));
}

function openAt({ level }: Exploration, requestsPerSecond: number): Load {
  return { kind: "open", requestsPerSecond, arrivals: level.arrivals, burstiness: level.burstiness };
}
