import { random } from "../random.ts";
import { NS_PER_S } from "../units.ts";
import type { Level, Load } from "./plan.ts";

/**
 * The planned moments of an open-loop level, as offsets from the window's start in whole nanoseconds,
 * ascending. One process for the whole level: workers and shards take their part of it and never draw
 * their own, since ten processes of one seed would arrive together.
 */
export function arrivalOffsets(
  load: Load & { kind: "open" },
  stop: Level["stop"],
  seed: number,
  level: number,
): Float64Array {
  const gap = gaps(load, seed, level);
  const limit = stop.requests ?? Number.POSITIVE_INFINITY;
  const end = stop.durationNs ?? Number.POSITIVE_INFINITY;
  const offsets: number[] = [];
  const meanGapNs = NS_PER_S / load.requestsPerSecond;
  for (let i = 0, elapsed = 0; offsets.length < limit; i++) {
    // A constant rate multiplies instead of adding up, so that no rounding accumulates.
    elapsed = load.arrivals === "constant" ? i * meanGapNs : elapsed + gap() * meanGapNs;
    if (elapsed >= end) break;
    offsets.push(Math.round(elapsed));
  }
  return Float64Array.from(offsets);
}

/** Gaps with mean 1. Poisson arrivals have exponential gaps; gamma ones a variance of 1/burstiness. */
function gaps(load: Load & { kind: "open" }, seed: number, level: number): () => number {
  const chance = random(seed, "arrivals", level);
  switch (load.arrivals) {
    case "constant":
      return () => 1;
    case "poisson":
      return chance.exponential;
    case "gamma":
      return () => chance.gamma(load.burstiness);
  }
}
