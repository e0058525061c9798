/**
 * How even a constant rate is: the coefficient of variation of the gaps between requests (0 is perfect, 1 is
 * Poisson) and the rate achieved, as sent and as the target received them. Beside it a loop that sets a timer
 * for each gap, as many load generators do, and one that only looks at the clock and sends nothing: what that
 * misses the machine's own scheduler takes.
 */
import { parseArgs } from "node:util";
import { MEASURING_FLAGS } from "../src/node-flags.ts";
import type { Observed } from "./lib/observe.ts";
import { heading, quantile, shown, spread, table } from "./lib/table.ts";
import { measure, startTarget } from "./lib/target.ts";

const { values } = parseArgs({
  options: {
    rates: { type: "string", default: "100,1000" },
    rounds: { type: "string", default: "3" },
    seconds: { type: "string", default: "5" },
  },
});
interface Quality {
  readonly cv: number;
  readonly rate: number;
  readonly receivedCv?: number;
  /** Behind the planned moment, milliseconds; a loop of timers has none. */
  readonly late?: readonly [p50: number, p99: number];
}
const WAYS = { engine: "engine", timers: "a timer for each gap", spin: "nothing but the clock" } as const;
type Way = keyof typeof WAYS;
const rates = values.rates.split(",").map(Number);
const results = new Map<string, Quality[]>();
const SENDS: Readonly<Record<Way, (rate: number, requests: number) => Promise<Sends>>> = {
  engine: engineSends,
  timers: timersSend,
  spin: clockLooks,
};

const target = await startTarget("--paced", "--ttft", "5", "--gap", "1", "--events", "4");
try {
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const rate of rates) {
      const requests = rate * Number(values.seconds);
      for (const way of Object.keys(WAYS) as Way[]) {
        await target.stats();
        const { sent, late } = await SENDS[way](rate, requests);
        const { moments } = await target.stats();
        const received = moments.slice(-requests).map(({ receivedNs }) => receivedNs);
        const key = `${way} ${rate}`;
        results.set(key, [
          ...(results.get(key) ?? []),
          {
            cv: gapCv(sent),
            rate: achieved(sent),
            ...(received.length > 0 && { receivedCv: gapCv(received) }),
            ...(late && { late }),
          },
        ]);
      }
    }
  }
} finally {
  await target.stop();
}

heading(`Constant arrivals for ${values.seconds} s, ${values.rounds} rounds: median (min–max)`);
console.log(
  table(
    ["", "planned/s", "achieved/s", "gap CV as sent", "gap CV at the target", "late p50, ms", "p99, ms"],
    rates.flatMap((rate) =>
      (Object.keys(WAYS) as Way[]).map((way) => {
        const seen = results.get(`${way} ${rate}`)!;
        return [
          WAYS[way],
          String(rate),
          shown(spread(seen.map((quality) => quality.rate)), 1),
          shown(spread(seen.map((quality) => quality.cv)), 4),
          known(
            seen.flatMap((quality) => quality.receivedCv ?? []),
            4,
          ),
          ...[0, 1].map((i) =>
            known(
              seen.flatMap((quality) => quality.late?.[i] ?? []),
              2,
            ),
          ),
        ];
      }),
    ),
  ),
);

interface Sends {
  readonly sent: readonly number[];
  readonly late?: readonly [p50: number, p99: number];
}

function known(values: readonly number[], digits: number): string {
  return values.length === 0 ? "—" : shown(spread(values), digits);
}

async function engineSends(rate: number, requests: number): Promise<Sends> {
  const config = { url: target.url, rate, arrivals: "constant", requests, warmup: 1000, "output-tokens": 4 };
  const observed = await measure<Observed[]>([
    process.execPath,
    // As `goodput run` starts itself.
    ...MEASURING_FLAGS,
    "bench/lib/observe.ts",
    JSON.stringify(config),
  ]);
  const late = observed.map(({ sentNs, scheduledNs }) => (sentNs - scheduledNs) / 1e6);
  return {
    sent: observed.map(({ sentNs }) => sentNs).toSorted((a, b) => a - b),
    late: [quantile(late, 0.5), quantile(late, 0.99)],
  };
}

async function timersSend(rate: number, requests: number): Promise<Sends> {
  const program = ["bench/lib/timers.ts", target.url, String(rate), String(requests)];
  return { sent: await measure<number[]>([process.execPath, ...program]) };
}

async function clockLooks(rate: number, requests: number): Promise<Sends> {
  return {
    sent: await measure<number[]>([process.execPath, "bench/lib/spin.ts", String(rate), String(requests)]),
  };
}

function gapCv(moments: readonly number[]): number {
  const gaps = moments.slice(1).map((moment, i) => moment - moments[i]!);
  const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
  const variance = gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / (gaps.length - 1);
  return Math.sqrt(variance) / mean;
}

function achieved(moments: readonly number[]): number {
  return ((moments.length - 1) * 1e9) / (moments.at(-1)! - moments[0]!);
}
