import { isOpenLoop } from "../plan/plan.ts";
import type { LevelSummary, RequestFacts } from "../summarize/summary.ts";
import { NS_PER_MS } from "../units.ts";
import { median } from "./median.ts";

/** Less than this no event loop can promise. */
export const LATE_FLOOR_NS = NS_PER_MS;

const FEW_LATE = 0.05;

/** A share of the load that may be missing, or the load fell short. */
export const MISSING_ALLOWED = 0.05;

/** What the server never saw of the planned load because we were late. */
export interface MissingLoad {
  /** 0 to 1: slots that stood empty; in an open loop a lower rate, or requests that were to be in flight together. */
  readonly share: number;
  /**
   * How many times as long latencies may be under all of it. Undefined where nothing says: arrivals came at a lower
   * rate, beyond which a queue may grow for good, or too much is missing.
   */
  readonly slower?: number;
}

const NONE: MissingLoad = { share: 0, slower: 1 };

/** Beyond this share how the server did says too little of how it would have done. */
const MOST_BOUNDED = 0.2;

export function missingLoad({ level, requests }: LevelSummary): MissingLoad {
  const late = requests.filter(({ lateness }) => lateness > LATE_FLOOR_NS);
  // A moment in which nothing was sent is a blip of the load, not a want of it.
  if (late.length <= FEW_LATE * requests.length) return NONE;
  if (!isOpenLoop(level.load)) {
    const busyNs = sum(requests.map(({ issued, end }) => end - issued));
    const emptyNs = sum(late.map(({ lateness }) => lateness));
    const share = emptyNs / (busyNs + emptyNs);
    // A request that is always alone met all the others there are.
    const alone = level.load.kind === "closed" && level.load.concurrency === 1;
    return { share, ...(alone ? { slower: 1 } : slowedBy(share)) };
  }
  const lowerRate = shareOfRate(requests);
  const share = Math.max(0, lowerRate, missingOverlap(requests));
  return { share, ...(lowerRate <= MISSING_ALLOWED && slowedBy(share)) };
}

/**
 * Where the share of time is missing that requests would have spent together, each was slowed down by as many fewer
 * others at most, and those in turn stayed longer: latency grows with the square of what is in flight, no more.
 */
function slowedBy(share: number): { readonly slower?: number } {
  return share > MOST_BOUNDED ? {} : { slower: 1 / (1 - share) ** 2 };
}

/** Lateness that grows from first to last stretches the plan by as much. */
function shareOfRate(requests: readonly RequestFacts[]): number {
  const some = Math.ceil(requests.length / 10);
  const lateness = (of: readonly RequestFacts[]) => median(of.map((request) => request.lateness));
  const grownNs = lateness(requests.slice(-some)) - lateness(requests.slice(0, some));
  const plannedNs = requests.at(-1)!.scheduled - requests[0]!.scheduled;
  return grownNs <= 0 ? 0 : grownNs / (plannedNs + grownNs);
}

/** How much time requests share with each other, held against what they would have shared had each left when it was due. */
function missingOverlap(requests: readonly RequestFacts[]): number {
  const planned = overlapOf(requests.map(({ issued, end, lateness }) => [issued - lateness, end - lateness]));
  return planned === 0 ? 0 : 1 - overlapOf(requests.map(({ issued, end }) => [issued, end])) / planned;
}

/** The integral of the square of how many are in flight: twice the time that pairs share, and each one's own. */
function overlapOf(spans: readonly (readonly [from: number, to: number])[]): number {
  const changes = spans.flatMap(([from, to]) => [[from, 1] as const, [to, -1] as const]);
  let inFlight = 0;
  let at = 0;
  let total = 0;
  for (const [moment, change] of changes.sort((a, b) => a[0] - b[0])) {
    total += inFlight * inFlight * (moment - at);
    at = moment;
    inFlight += change;
  }
  return total;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
