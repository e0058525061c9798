/**
 * Goodput beside other load generators: the same target, the same load, one pinned core, in one run. What a
 * request costs is the CPU time of a long run less that of a short one, so that starting does not count; a
 * core's requests per second are its inverse, which other programs on the machine change less than the clock
 * on the wall. TTFT errors are the tool's quantiles less those of the target's own moments.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Load, PEER_LIST, type Peer } from "./lib/peers.ts";
import { heading, quantile, shown, spread, table } from "./lib/table.ts";
import { type BenchTarget, measure, startTarget } from "./lib/target.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" },
    concurrency: { type: "string", default: "32" },
    /** Events per write of the target: one is what a server sends while it decodes, more is what a busy one's socket holds. */
    block: { type: "string", default: "1" },
    /** Names to begin with: "Goodput,k6". */
    only: { type: "string" },
  },
});
const concurrency = Number(values.concurrency);
const EVENTS = 64;
const PACED_REQUESTS = 320;
const RATE = 100;
const RATE_REQUESTS = 400;
const RUN_SECONDS = 60;

interface Spent {
  readonly ok: boolean;
  readonly why: string;
  readonly cpuSeconds: number;
  readonly maxRssMb: number;
}
interface Measured {
  readonly requestsPerCore: number;
  readonly maxRssMb: number;
  readonly ttftError?: readonly [p50: number, p99: number];
  readonly gapCv?: number;
  readonly rate?: number;
}

const missing: string[] = [];
const peers = PEER_LIST.filter((peer) => {
  if (values.only !== undefined && !values.only.split(",").some((name) => peer.name.startsWith(name)))
    return false;
  try {
    peer.install();
    return true;
  } catch (error) {
    missing.push(`${peer.name}: cannot be had (${(error as Error).message})`);
    return false;
  }
});
const results = new Map<Peer, Measured[]>(peers.map((peer) => [peer, []]));
const fast = await startTarget("--block", values.block);
const paced = await startTarget("--paced", "--ttft", "50", "--gap", "10");
const short = await startTarget("--paced", "--ttft", "20", "--gap", "5", "--events", "4");
try {
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const peer of peers) {
      if (round > 0 && (peer.once || results.get(peer)!.length === 0)) continue;
      try {
        results.get(peer)!.push(await measured(peer));
      } catch (error) {
        missing.push(`${peer.name}: ${(error as Error).message}`);
      }
    }
  }
} finally {
  await Promise.all([fast, paced, short].map((target) => target.stop()));
}

heading(
  `${concurrency} in flight, ${EVENTS} events per answer, ${values.block} per write, up to ${values.rounds} rounds: median (min–max). Paced: TTFT 50 ms, gap 10 ms. Constant: ${RATE}/s.`,
);
const ours =
  results.get(peers[0]!)![0] && spread(results.get(peers[0]!)!.map((run) => run.requestsPerCore)).median;
console.log(
  table(
    [
      ...["", "requests/s per core", "Goodput is", "events/s per core", "µs CPU/event", "max RSS, MB"],
      ...["TTFT error p50, ms", "p99, ms", "gap CV at 100/s", "achieved/s"],
    ],
    peers.flatMap((peer) => {
      const runs = results.get(peer)!;
      if (runs.length === 0) return [];
      const over = (pick: (run: Measured) => number | undefined, digits: number) => {
        const seen = runs.map(pick).filter((value) => value !== undefined);
        return seen.length === 0 ? "—" : shown(spread(seen), digits);
      };
      const { median } = spread(runs.map((run) => run.requestsPerCore));
      return [
        [
          peer.name,
          over((run) => run.requestsPerCore, 0),
          ours === undefined ? "—" : `× ${(ours / median).toFixed(1)}`,
          over((run) => run.requestsPerCore * EVENTS, 0),
          over((run) => 1e6 / (run.requestsPerCore * EVENTS), 2),
          over((run) => run.maxRssMb, 0),
          over((run) => run.ttftError?.[0], 2),
          over((run) => run.ttftError?.[1], 2),
          over((run) => run.gapCv, 3),
          over((run) => run.rate, 1),
        ],
      ];
    }),
  ),
);
for (const peer of peers) if (peer.note) console.log(`\n${peer.name}: ${peer.note}.`);
for (const reason of missing) console.log(`\n${reason}`);

async function measured(peer: Peer): Promise<Measured> {
  const [few, many] = peer.requests;
  const little = await runOnce(peer, fast, { requests: few });
  const much = await runOnce(peer, fast, { requests: many });
  const cost = (much.spent.cpuSeconds - little.spent.cpuSeconds) / (many - few);
  await paced.stats();
  const slow = await runOnce(peer, paced, { requests: PACED_REQUESTS });
  const truth = (await paced.stats()).moments.map(
    ({ receivedNs, firstTokenNs }) => (firstTokenNs - receivedNs) / 1e6,
  );
  let arrivals: Pick<Measured, "gapCv" | "rate"> = {};
  if (peer.constantRate) {
    await short.stats();
    await runOnce(peer, short, { requests: RATE_REQUESTS, rate: RATE });
    const { moments } = await short.stats();
    arrivals = quality(moments.slice(-RATE_REQUESTS).map(({ receivedNs }) => receivedNs));
  }
  return {
    requestsPerCore: 1 / cost,
    maxRssMb: much.spent.maxRssMb,
    ...(slow.ttft && {
      ttftError: [slow.ttft.p50 - quantile(truth, 0.5), slow.ttft.p99 - quantile(truth, 0.99)] as const,
    }),
    ...arrivals,
  };
}

async function runOnce(peer: Peer, target: BenchTarget, load: Pick<Load, "requests" | "rate">) {
  const outDir = mkdtempSync(join(tmpdir(), "goodput-bench-"));
  try {
    const command = peer.command({ url: target.url, concurrency, outDir, ...load });
    const spent = await measure<Spent>(
      ["python3", "bench/peers/spent.py", String(RUN_SECONDS), ...command],
      (RUN_SECONDS + 10) * 1000,
      { env: { ...process.env, ...peer.env } },
    );
    if (!spent.ok) throw new Error(spent.why);
    return { spent, ttft: peer.ttft?.(outDir) };
  } finally {
    rmSync(outDir, { recursive: true });
  }
}

function quality(moments: readonly number[]): { gapCv: number; rate: number } {
  const gaps = moments.slice(1).map((moment, i) => moment - moments[i]!);
  const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
  const variance = gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / (gaps.length - 1);
  return { gapCv: Math.sqrt(variance) / mean, rate: 1e9 / mean };
}
