/**
 * What the engine costs: its events per second beside those of a bare loop on undici's `dispatch` that only
 * counts them, in the same run and in turn. "Per core" is per second of CPU time, which another program on
 * the machine changes less than the clock on the wall.
 */
import { parseArgs } from "node:util";
import type { Cost } from "./lib/generate.ts";
import { heading, shown, spread, table } from "./lib/table.ts";
import { measure, startTarget } from "./lib/target.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    requests: { type: "string", default: "4000" },
    concurrency: { type: "string", default: "32" },
    /** Events per write of the target: one is what a server sends while it decodes, more is what a busy one's socket holds. */
    block: { type: "string", default: "1" },
  },
});
const WAYS = { bare: "bare dispatch loop", engine: "engine", null: "engine, null transport" } as const;
type Way = keyof typeof WAYS;
const runs: Record<Way, Cost[]> = { bare: [], engine: [], null: [] };

const target = await startTarget("--block", values.block);
try {
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const what of Object.keys(WAYS) as Way[]) {
      const load = ["--requests", values.requests, "--concurrency", values.concurrency];
      const program = [process.execPath, "bench/lib/generate.ts", "--what", what, "--url", target.url];
      runs[what].push(await measure<Cost>([...program, ...load]));
    }
  }
} finally {
  await target.stop();
}

heading(
  `${values.requests} requests of 64 events, ${values.block} per write, ${values.concurrency} in flight, ${values.rounds} rounds: median (min–max)`,
);
const perCore = (way: Way) => runs[way].map(({ events, cpuSeconds }) => events / cpuSeconds);
const bare = spread(perCore("bare")).median;
console.log(
  table(
    ["", "events/s per core", "of bare", "events/s", "requests/s per core", "µs CPU/event", "max RSS, MB"],
    (Object.keys(WAYS) as Way[]).map((way) => {
      const rate = spread(perCore(way));
      return [
        WAYS[way],
        shown(rate),
        `${((rate.median / bare) * 100).toFixed(0)} %`,
        shown(spread(runs[way].map(({ events, seconds }) => events / seconds))),
        shown(spread(runs[way].map((run) => run.requests / run.cpuSeconds))),
        shown(spread(runs[way].map(({ events, cpuSeconds }) => (cpuSeconds * 1e6) / events)), 2),
        shown(spread(runs[way].map(({ maxRssMb }) => maxRssMb))),
      ];
    }),
  ),
);
