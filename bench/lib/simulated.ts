import type { Random } from "../../src/random.ts";

/** What requests in order of arrival would have measured; a mean service takes 1. */
export interface Measured {
  readonly arrival: Float64Array;
  readonly ttft: Float64Array;
  readonly e2e: Float64Array;
}

/** A service whose truth is known by simulating it for long. */
export interface Service {
  readonly name: string;
  /** In its steady state, or from empty. */
  readonly measure: (requests: number, chance: Random, options?: MeasureOptions) => Measured;
}

export interface MeasureOptions {
  /** Requests that came before; more than the state remembers by default. */
  readonly before?: number;
  /** How much slower than usual. */
  readonly slower?: number;
  /** Draws what base and head have in common: when requests come, and how long their answers are. */
  readonly common?: Random;
}

/** Sigma of the logarithm of a service time: answers of mixed lengths. */
const SPREAD = 0.5;
/** Of a service time, until the first token. */
const PREFILL = 0.1;
/** Sigma of the logarithm of what two servers take for one request. */
const NOISE = 0.1;

function worker(chance: Random, { slower = 1, common = chance }: MeasureOptions): () => number {
  return () => {
    const length = Math.exp(SPREAD * common.normal() - SPREAD ** 2 / 2);
    return slower * length * (common === chance ? 1 : Math.exp(NOISE * chance.normal() - NOISE ** 2 / 2));
  };
}

/** @param burstiness of the gamma gaps between arrivals; 1 is Poisson. */
export function openQueue(slots: number, load: number, burstiness = 1): Service {
  return {
    name: `${burstiness === 1 ? "Poisson" : `gamma ${burstiness}`} on ${slots} slots, load ${load}`,
    measure: (requests, chance, options = {}) => {
      const { before = load > 0.85 ? 6000 : 2000, common = chance } = options;
      const work = worker(chance, options);
      const free = new Float64Array(slots);
      const measured = blank(requests);
      let now = 0;
      for (let i = -before; i < requests; i++) {
        now += (burstiness === 1 ? common.exponential() : common.gamma(burstiness)) / (slots * load);
        const slot = smallest(free);
        const begun = Math.max(now, free[slot]!);
        const service = work();
        free[slot] = begun + service;
        if (i >= 0) put(measured, i, now, begun, service);
      }
      return measured;
    },
  };
}

/** @param drift of the machine's speed: its standard deviation, of an AR(1) with 0.995 a request. */
export function closedLoop(users: number, slots: number, drift = 0): Service {
  return {
    name: `${users} users on ${slots} slots${drift > 0 ? `, machine drifts by ${drift * 100} %` : ""}`,
    measure: (requests, chance, options = {}) => {
      const { before = 2000 } = options;
      const work = worker(chance, options);
      const ready = Float64Array.from({ length: users }, (_, i) => i * 1e-3);
      const free = new Float64Array(slots);
      const measured = blank(requests);
      let state = drift * chance.normal();
      for (let i = -before; i < requests; i++) {
        const user = smallest(ready);
        const slot = smallest(free);
        const sent = ready[user]!;
        const begun = Math.max(sent, free[slot]!);
        state = 0.995 * state + Math.sqrt(1 - 0.995 ** 2) * drift * chance.normal();
        const service = work() * (1 + state);
        free[slot] = begun + service;
        ready[user] = begun + service;
        if (i >= 0) put(measured, i, sent, begun, service);
      }
      return measured;
    },
  };
}

/** Log-normal latencies, each of which depends on the one before. */
export function autoregressive(correlation: number): Service {
  return paced(correlation === 0 ? "independent" : `AR(1) ${correlation}`, (chance) => {
    let state = chance.normal();
    return () => {
      state = correlation * state + Math.sqrt(1 - correlation ** 2) * chance.normal();
      return { wait: 0, speed: Math.exp(SPREAD * state) };
    };
  });
}

/** Every 40th request it becomes twice as slow, for 160 or so. */
export const bursts = paced("on and off: twice as slow for 40 of 200", (chance) => {
  let slow = chance.uniform() < 0.2;
  return () => {
    if (chance.uniform() < (slow ? 1 / 40 : 1 / 160)) slow = !slow;
    return { wait: 0, speed: (slow ? 2 : 1) * Math.exp(SPREAD * chance.normal() - SPREAD ** 2 / 2) };
  };
});

/** Five requests a mean service's time; it stands still for 10 such times in 300. */
export const stalls = paced("stands still for 2 s in 60", (chance) => {
  let next = chance.uniform() * 300;
  return (now) => {
    while (now > next + 10) next += 290 + 20 * chance.exponential();
    return {
      wait: now >= next ? next + 10 - now : 0,
      speed: Math.exp(SPREAD * chance.normal() - SPREAD ** 2 / 2),
    };
  };
});

function paced(
  name: string,
  begin: (chance: Random) => (now: number) => { readonly wait: number; readonly speed: number },
): Service {
  return {
    name,
    measure: (requests, chance, options = {}) => {
      const { slower = 1, common = chance } = options;
      const next = begin(chance);
      const measured = blank(requests);
      let now = 0;
      for (let i = 0; i < requests; i++) {
        now += common.exponential() / 5;
        const { wait, speed } = next(now);
        put(measured, i, now, now + wait, speed * slower);
      }
      return measured;
    },
  };
}

/** The matrix that docs/statistics.md shows. */
export const SERVICES: readonly Service[] = [
  ...[0, 0.5, 0.9].map(autoregressive),
  ...[1, 8, 32].flatMap((slots) => [0.3, 0.5, 0.8, 0.9].map((load) => openQueue(slots, load))),
  ...[1, 8, 32].flatMap((slots) => [0.3, 0.5, 0.8, 0.9].map((load) => openQueue(slots, load, 0.5))),
  ...[1, 8, 16, 64].map((users) => closedLoop(users, 8)),
  closedLoop(8, 8, 0.1),
  closedLoop(16, 8, 0.1),
  bursts,
  stalls,
];

function blank(requests: number): Measured {
  return {
    arrival: new Float64Array(requests),
    ttft: new Float64Array(requests),
    e2e: new Float64Array(requests),
  };
}

function put({ arrival, ttft, e2e }: Measured, i: number, sent: number, begun: number, service: number) {
  arrival[i] = sent;
  ttft[i] = begun - sent + PREFILL * service;
  e2e[i] = begun - sent + service;
}

function smallest(values: Float64Array): number {
  let least = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! < values[least]!) least = i;
  return least;
}
