import { NS_PER_S } from "../units.ts";
import type { Level, Load } from "./plan.ts";

/** A queue at nine tenths of what it can do forgets its start in some 340 arrivals, and sooner at any lower load. */
const MOST_RAMP = 500;
const RAMP_SHARE = 0.2;

/** Enough to open connections, and for an open loop a ramp beside them. */
export function defaultWarmup(load: Load, { requests, durationNs }: Level["stop"]): number {
  if (load.kind !== "open") return openingRequests(load);
  const planned = Math.min(
    requests ?? Number.POSITIVE_INFINITY,
    (load.requestsPerSecond * (durationNs ?? Number.POSITIVE_INFINITY)) / NS_PER_S,
  );
  return openingRequests(load) + Math.ceil(Math.min(MOST_RAMP, RAMP_SHARE * planned));
}

/**
 * Of the warm-up, those that arrive at an open loop's own rate just before its window and are still under way when
 * it opens: an open loop that begins on an empty service measures at first how the service fills.
 */
export function rampRequests({ load, warmupRequests }: Pick<Level, "load" | "warmupRequests">): number {
  return load.kind === "open" ? Math.max(0, warmupRequests - openingRequests(load)) : 0;
}

/** So many that every connection is open, and answered before anything else is sent: one per slot, or a second's worth of arrivals. */
function openingRequests(load: Load): number {
  switch (load.kind) {
    case "closed":
      return Math.max(3, load.concurrency);
    case "open":
      return Math.min(50, Math.max(3, Math.ceil(load.requestsPerSecond)));
    case "stages":
    case "users":
    case "replay":
      return 3;
  }
}
