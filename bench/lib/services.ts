import type { Random } from "../../src/random.ts";
import { NS_PER_S } from "../../src/units.ts";

/** Simulated services, seeded: latencies by order of arrival, nanoseconds, where the mean service takes a second. */

/** Sigma of the logarithm of a service time: answers of mixed lengths. */
const SPREAD = 0.5;

export interface Queue {
  /** Requests served at a time; others wait in the order they came. */
  readonly slots: number;
  /** Share of what the slots can do that arrives, below 1. */
  readonly load: number;
  /** Of the gamma gaps between arrivals; 1 is Poisson. */
  readonly burstiness?: number;
}

/** Latencies of an open loop that found the service empty `before` requests ago. */
export function openQueue(
  { slots, load, burstiness = 1 }: Queue,
  before: number,
  requests: number,
  chance: Random,
): Float64Array {
  const meanGap = NS_PER_S / (slots * load);
  const freeAt = new Float64Array(slots);
  const latencies = new Float64Array(requests);
  let now = 0;
  for (let i = -before; i < requests; i++) {
    now += meanGap * chance.gamma(burstiness);
    const slot = firstFree(freeAt);
    const end = Math.max(now, freeAt[slot]!) + serviceTime(chance);
    freeAt[slot] = end;
    if (i >= 0) latencies[i] = end - now;
  }
  return latencies;
}

/** Latencies of users who each send the next request when the last one is answered, all beginning at once. */
export function closedQueue(users: number, slots: number, requests: number, chance: Random): Float64Array {
  const readyAt = new Float64Array(users);
  const freeAt = new Float64Array(slots);
  return Float64Array.from({ length: requests }, () => {
    const user = firstFree(readyAt);
    const slot = firstFree(freeAt);
    const sent = readyAt[user]!;
    const end = Math.max(sent, freeAt[slot]!) + serviceTime(chance);
    readyAt[user] = end;
    freeAt[slot] = end;
    return end - sent;
  });
}

/** Log-normal latencies whose logarithms depend on the one before by `correlation`; 0 is independent. */
export function dependent(correlation: number, requests: number, chance: Random): Float64Array {
  let state = chance.normal();
  return Float64Array.from({ length: requests }, () => {
    state = correlation * state + Math.sqrt(1 - correlation ** 2) * chance.normal();
    return NS_PER_S * Math.exp(SPREAD * state);
  });
}

function serviceTime(chance: Random): number {
  return NS_PER_S * Math.exp(SPREAD * chance.normal() - SPREAD ** 2 / 2);
}

function firstFree(freeAt: Float64Array): number {
  let first = 0;
  for (let i = 1; i < freeAt.length; i++) if (freeAt[i]! < freeAt[first]!) first = i;
  return first;
}
