/**
 * Memory per request in flight: a process that holds many streams, begun and silent, is given as many again.
 * Beside it a bare loop on undici's `dispatch`.
 */
import { parseArgs } from "node:util";
import type { Memory } from "./lib/idle.ts";
import { heading, shown, spread, table } from "./lib/table.ts";
import { measure, startTarget } from "./lib/target.ts";

const { values } = parseArgs({
  options: { streams: { type: "string", default: "1000" }, rounds: { type: "string", default: "3" } },
});
const WAYS = { bare: "bare dispatch loop", engine: "engine" } as const;
type Way = keyof typeof WAYS;
const runs: Record<Way, Memory[]> = { bare: [], engine: [] };

const target = await startTarget("--paced", "--ttft", "0", "--gap", "1000000000");
try {
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const way of Object.keys(WAYS) as Way[]) {
      const program = ["--expose-gc", "bench/lib/idle.ts", way, target.url, values.streams];
      runs[way].push(await measure<Memory>([process.execPath, ...program]));
    }
  }
} finally {
  await target.stop();
}

heading(
  `kB per request in flight at ${values.streams} idle streams, ${values.rounds} rounds: median (min–max)`,
);
const kB = (way: Way, pick: (memory: Memory) => number) =>
  shown(spread(runs[way].map((memory) => pick(memory) / 1000 / Number(values.streams))), 1);
console.log(
  table(
    ["", "RSS", "heap and buffers"],
    (Object.keys(WAYS) as Way[]).map((way) => [
      WAYS[way],
      kB(way, ({ rss }) => rss),
      kB(way, ({ heap }) => heap),
    ]),
  ),
);
