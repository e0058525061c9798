/**
 * What an open loop's ramp and the cut of a transient make of a level's start, on simulated queues: how often latencies
 * of the window lie above the true p95 (5 % in a window without a bias, in whatever state the queue happens to be),
 * and how often and how much is cut, where there is a start and where there is none.
 */
import { parseArgs } from "node:util";
import type { Level } from "../src/plan/plan.ts";
import { defaultWarmup, rampRequests } from "../src/plan/warmup.ts";
import { type Random, random } from "../src/random.ts";
import { type Transient, transientOf } from "../src/summarize/transient.ts";
import { closedQueue, dependent, openQueue } from "./lib/services.ts";
import { heading, quantile, table } from "./lib/table.ts";

const { values } = parseArgs({
  options: { requests: { type: "string", default: "200000" }, runs: { type: "string", default: "1000" } },
});
/** Of all runs of a row together, so that long ones do not take longer than short ones. */
const requestsOfRow = Number(values.requests);
/** A queue has long forgotten its start. */
const STEADY_AFTER = 4000;
const LENGTHS = [200, 1000, 4000];

const percent = (share: number, digits = 1) => `${(100 * share).toFixed(digits)} %`;

heading("An open loop's start: requests above the true p95, and the p95 against it (median of runs)");
const starts = { "from empty": () => 0, ramp: rampOf, steady: () => STEADY_AFTER };
const rows: string[][] = [];
for (const load of [0.3, 0.5, 0.8, 0.9]) {
  for (const slots of [1, 8, 32]) {
    const queue = { load, slots };
    const truth = quantile(
      [...openQueue(queue, STEADY_AFTER, 500_000, random(1, "truth", load, slots))],
      0.95,
    );
    for (const requests of LENGTHS) {
      const cells = Object.values(starts).map((before) => {
        const runs = Math.max(20, Math.round(requestsOfRow / requests));
        const p95s: number[] = [];
        let above = 0;
        for (let run = 0; run < runs; run++) {
          const all = openQueue(queue, before(requests), requests, random(1, load, slots, requests, run));
          const kept = withoutStart(all);
          p95s.push(quantile([...kept], 0.95) / truth - 1);
          above += kept.filter((latency) => latency > truth).length / kept.length / runs;
        }
        return `${percent(above)} (${percent(quantile(p95s, 0.5), 0)})`;
      });
      rows.push([`load ${load}, ${slots} slots`, String(requests), ...cells]);
    }
  }
}
console.log(table(["queue", "requests", ...Object.keys(starts)], rows));

heading("\nWhat is cut");
const series: Record<string, (requests: number, chance: Random) => Float64Array> = {
  independent: (n, chance) => dependent(0, n, chance),
  "AR(1), 0.5": (n, chance) => dependent(0.5, n, chance),
  "AR(1), 0.9": (n, chance) => dependent(0.9, n, chance),
  "steady queue, load 0.5, 8 slots": (n, chance) =>
    openQueue({ load: 0.5, slots: 8 }, STEADY_AFTER, n, chance),
  "steady queue, load 0.8, 1 slot": (n, chance) =>
    openQueue({ load: 0.8, slots: 1 }, STEADY_AFTER, n, chance),
  "steady queue, load 0.8, 8 slots": (n, chance) =>
    openQueue({ load: 0.8, slots: 8 }, STEADY_AFTER, n, chance),
  "32 users at once on 8 slots": (n, chance) => closedQueue(32, 8, n, chance),
  "first twentieth 1.5 times as slow": (n, chance) => slowStart(dependent(0, n, chance), 1.5),
  "first twentieth 3 times as slow": (n, chance) => slowStart(dependent(0, n, chance), 3),
  "overload, load 1.3, 8 slots": (n, chance) => openQueue({ load: 1.3, slots: 8 }, 0, n, chance),
};
const cuts: string[][] = [];
for (const [name, make] of Object.entries(series)) {
  for (const requests of LENGTHS) {
    const runs = Number(values.runs);
    const found = Array.from({ length: runs }, (_, run) =>
      transientOf(make(requests, random(2, name, requests, run))),
    );
    const lengths = found.map(lengthOf).filter((length) => length > 0);
    const mean = lengths.reduce((sum, length) => sum + length, 0) / lengths.length / requests;
    cuts.push([
      name,
      String(requests),
      percent(lengths.length / runs),
      lengths.length === 0 ? "" : percent(mean),
      percent(found.filter(({ kind }) => kind === "unsettled").length / runs),
    ]);
  }
}
console.log(table(["series", "requests", "cut", "of it", "never settled"], cuts));

function rampOf(requests: number): number {
  // Of a rate whose share for opening connections is the least: what is drained helps none.
  const load: Level["load"] = { kind: "open", requestsPerSecond: 1, arrivals: "poisson", burstiness: 1 };
  return rampRequests({ load, warmupRequests: defaultWarmup(load, { requests }) });
}

function withoutStart(latencies: Float64Array): Float64Array {
  return latencies.subarray(lengthOf(transientOf(latencies)));
}

function lengthOf(transient: Transient): number {
  return transient.kind === "settled" ? transient.length : 0;
}

function slowStart(latencies: Float64Array, factor: number): Float64Array {
  return latencies.map((latency, i) => (i < latencies.length / 20 ? factor * latency : latency));
}
