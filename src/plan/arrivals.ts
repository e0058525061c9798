import { random } from "../random.ts";
import { NS_PER_S } from "../units.ts";
import type { Level, Load, OpenLoop, Stage } from "./plan.ts";

/**
 * The planned moments of an open-loop level, as offsets from the window's start in whole nanoseconds,
 * ascending. One process for the whole level: workers and shards take their part of it and never draw
 * their own, since ten processes of one seed would arrive together.
 *
 * A process of mean rate 1 runs on a time of its own, and each of its moments `u` comes at the time by which
 * the rate has added up to `u`: Λ⁻¹(u). For Poisson this is Çinlar's inversion (Introduction to Stochastic
 * Processes, 1975, ch. 4) and exact, with no thinning; for gamma gaps it is Berman's inhomogeneous gamma
 * process (Biometrika 68, 1981); an even process takes u = 0, 1, 2, …
 */
export function arrivalOffsets(
  load: Load & { kind: "open" | "stages" },
  stop: Level["stop"],
  seed: number,
  level: number | string,
): Float64Array {
  const moment = unitProcess(load, seed, level);
  const timeAt = load.kind === "open" ? steady(load.requestsPerSecond) : piecewise(load.stages);
  const limit = stop.requests ?? Number.POSITIVE_INFINITY;
  const end = Math.min(stop.durationNs ?? Number.POSITIVE_INFINITY, lengthNs(load));
  const offsets: number[] = [];
  while (offsets.length < limit) {
    const elapsed = timeAt(moment());
    if (!(elapsed < end)) break;
    offsets.push(Math.round(elapsed));
  }
  return Float64Array.from(offsets);
}

/**
 * `count` arrivals of the same process just before the window, so offsets below 0, ascending; drawn from a stream
 * of their own, so that a ramp changes nothing of what comes after it.
 */
export function rampOffsets(
  load: Load & { kind: "open" },
  count: number,
  seed: number,
  level: number | string,
): Float64Array {
  const offsets = arrivalOffsets(load, { requests: count + 1 }, seed, `ramp ${level}`);
  const opens = offsets[count]!;
  return offsets.subarray(0, count).map((offset) => offset - opens);
}

/** Moments of mean rate 1. Poisson arrivals have exponential gaps; gamma ones a variance of 1/burstiness. */
function unitProcess({ arrivals, burstiness }: OpenLoop, seed: number, level: number | string): () => number {
  const chance = random(seed, "arrivals", level);
  let moment = 0;
  switch (arrivals) {
    case "constant":
      return () => moment++;
    case "poisson":
      return () => (moment += chance.exponential());
    case "gamma":
      return () => (moment += chance.gamma(burstiness));
  }
}

/** Multiplies instead of adding up, so that no rounding accumulates. */
function steady(requestsPerSecond: number): (moment: number) => number {
  const meanGapNs = NS_PER_S / requestsPerSecond;
  return (moment) => moment * meanGapNs;
}

/**
 * The time after which a rate that goes in straight lines has added up to more than `moment` requests; asked
 * for ascending moments. "More than", not "as much as", so that nothing arrives while the rate is 0: what is
 * due then waits for the end of the pause.
 *
 * Areas are in requests × 10⁹ (rate per second times nanoseconds), which whole rates keep free of rounding:
 * the number of even arrivals is then exact.
 */
function piecewise(stages: readonly Stage[]): (moment: number) => number {
  let index = 0;
  let from = 0;
  let startNs = 0;
  let areaBefore = 0;
  return (moment) => {
    const area = moment * NS_PER_S;
    for (; index < stages.length; index++) {
      const { durationNs, target } = stages[index]!;
      const areaOfStage = (durationNs * (from + target)) / 2;
      const rest = area - areaBefore;
      if (rest < areaOfStage) return startNs + timeInStage(rest, from, target, durationNs);
      areaBefore += areaOfStage;
      startNs += durationNs;
      from = target;
    }
    return Number.POSITIVE_INFINITY;
  };
}

/**
 * Solves from·t + slope·t²/2 = area. The root is written with the sum in the denominator: the usual form
 * takes the difference of two nearly equal numbers where the slope is small, and divides by 0 where it is 0.
 */
function timeInStage(area: number, from: number, to: number, durationNs: number): number {
  if (area === 0) return 0;
  const slope = (to - from) / durationNs;
  const root = Math.sqrt(Math.max(0, from * from + 2 * slope * area));
  return Math.min(durationNs, (2 * area) / (from + root));
}

function lengthNs(load: Load & { kind: "open" | "stages" }): number {
  if (load.kind === "open") return Number.POSITIVE_INFINITY;
  return load.stages.reduce((sum, { durationNs }) => sum + durationNs, 0);
}
