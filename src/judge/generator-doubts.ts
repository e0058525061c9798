import { isOpenLoop, type Plan } from "../plan/plan.ts";
import type { LevelSummary } from "../summarize/summary.ts";
import { formatMs, formatRatio, NS_PER_MS } from "../units.ts";
import type { Direction, Doubt, Figure } from "./doubt.ts";
import { figureLimits } from "./figure-limits.ts";
import { LATE_FLOOR_NS, MISSING_ALLOWED, missingLoad } from "./missing-load.ts";
import { reread } from "./reread.ts";

/** What the program that sends may have added to figures, or kept from the server. */

const LATE_SHARE_OF_LIMIT = 0.05;
const LATE_WITHOUT_OBJECTIVE_NS = 10 * NS_PER_MS;

/** What depends on how much load there is. */
const OF_THE_LOAD = ["ttft", "ttft_sent", "itl", "tpot", "e2e", "error_rate", "goodput_ratio"] as const;
export const THROUGHPUTS = [
  "request_throughput",
  "output_throughput",
  "input_throughput",
  "total_throughput",
] as const;

/** Requests that left late: their own lateness is in ttft and e2e, and what never left in time was no load. */
export function generatorLate(plan: Plan, summary: LevelSummary): Doubt | undefined {
  const lateness = summary.requests.map((request) => request.lateness).sort((a, b) => a - b);
  const tightest = figureLimits(plan, summary, ["ttft", "e2e"])[0];
  const allowed =
    tightest === undefined
      ? LATE_WITHOUT_OBJECTIVE_NS
      : Math.max(LATE_FLOOR_NS, tightest * LATE_SHARE_OF_LIMIT);
  const late = lateness.filter((ns) => ns > allowed).length;
  const missing = missingLoad(summary);
  const fellShort = missing.share > MISSING_ALLOWED;
  if (late === 0 && !fellShort) return undefined;
  const p99 = lateness[Math.ceil(lateness.length * 0.99) - 1]!;
  const few = p99 <= allowed;
  const allowance = `${formatMs(allowed / NS_PER_MS)} is allowed${tightest === undefined ? "" : `, for the tightest latency objective of ${formatMs(tightest / NS_PER_MS)}`}`;
  return {
    finding: {
      code: "generator_late",
      touches: fellShort ? [...OF_THE_LOAD, ...THROUGHPUTS] : ["ttft", "e2e", "goodput_ratio"],
      happened: [
        few
          ? `The generator sent requests up to ${formatMs(lateness.at(-1)! / NS_PER_MS)} after they were due, ${late} of ${lateness.length} by more than is allowed; ${allowance}.`
          : `The generator sent one request in a hundred ${formatMs(p99 / NS_PER_MS)} or more after it was due; ${allowance}.`,
        ...(fellShort ? [`The load fell short of the plan by ${formatRatio(missing.share)}.`] : []),
      ].join(" "),
      matters: fellShort
        ? "The server was spared load, so that more of it may read worse; and the delay, which is not the server's, is in ttft and e2e."
        : "That delay is the generator's, not the server's, and it is in ttft and e2e, which read higher than they are.",
      advice: "Lower the load, spread it over more threads or machines, or use a larger runner.",
    },
    atBest: reread(summary, ({ lateness, ttft = 0, e2e = 0 }) => {
      const ns = lateness > allowed ? lateness : 0;
      return { ttft: ttft - ns, e2e: e2e - ns };
    }),
    ...(fellShort && {
      ...(missing.slower !== undefined && { atWorst: allSlower(summary, missing.slower) }),
      truth: (figure) => underMoreLoad(figure, missing.slower === undefined),
    }),
    onlyIfTurned: few && !fellShort,
  };
}

/** Under all of the load. */
function allSlower(summary: LevelSummary, slower: number): LevelSummary {
  return reread(
    summary,
    (request) =>
      Object.fromEntries(
        (["ttft", "ttft_sent", "tpot", "e2e"] as const).map((name) => [name, (request[name] ?? 0) * slower]),
      ),
    (ns) => ns * slower,
  );
}

/** Where nothing bounds it. */
function underMoreLoad(figure: Figure, unbounded: boolean): Direction | undefined {
  switch (figure.kind) {
    case "goodput_ratio":
      return unbounded ? "lower" : undefined;
    case "rate":
      return unbounded || figure.metric !== "error_rate" ? "higher" : undefined;
    case "latency":
      return unbounded && figure.metric !== "issue_delay" && figure.metric !== "held" ? "higher" : undefined;
  }
}

/** Shorter pauses come and go on any shared machine, and are told only where a verdict hangs on them. */
const BLOCKED_WORTH_A_WORD_NS = 20 * NS_PER_MS;
const BLOCKED_WITHOUT_OBJECTIVE_NS = 50 * NS_PER_MS;

/** Chunks that were stamped late: none waited longer for being read than the loop was held up. What made requests late too is taken away with it. */
export function eventLoopBlocked(plan: Plan, summary: LevelSummary): Doubt | undefined {
  const delay = summary.record.host.loopDelayP99;
  const tightest = figureLimits(plan, summary, ["ttft", "ttft_sent", "itl", "tpot", "e2e"])[0];
  const allowed =
    tightest === undefined
      ? BLOCKED_WITHOUT_OBJECTIVE_NS
      : Math.max(LATE_FLOOR_NS, tightest * LATE_SHARE_OF_LIMIT);
  if (delay <= allowed) return undefined;
  return {
    finding: {
      code: "event_loop_blocked",
      touches: ["ttft", "ttft_sent", "itl", "tpot", "e2e", "goodput_ratio"],
      happened: `The generator's event loop was held up for ${formatMs(delay / NS_PER_MS)} (99th percentile).`,
      matters: "Chunks that arrived meanwhile were stamped late, so latencies read higher than they were.",
      advice: "Run the generator on a machine, or a core, of its own.",
    },
    atBest: reread(
      summary,
      ({ outputTokens, lateness, ttft = 0, ttft_sent: sent = 0, e2e = 0, tpot = 0 }) => ({
        ttft: ttft - delay - lateness,
        ttft_sent: sent - delay,
        e2e: e2e - delay - lateness,
        tpot: tpot - delay / Math.max(1, outputTokens - 1),
      }),
      (ns) => ns - delay,
    ),
    onlyIfTurned: delay <= BLOCKED_WORTH_A_WORD_NS,
  };
}

/** A generator at its end limits what it measures. */
export function cpuSaturated(_plan: Plan, { level, record }: LevelSummary): Doubt | undefined {
  // An open loop waits out the last stretch before each arrival busily, which is no sign of overload.
  if (isOpenLoop(level.load) || record.host.cpuRatio < 0.9) return undefined;
  return {
    finding: {
      code: "client_cpu_saturated",
      touches: THROUGHPUTS,
      happened: `The generator used ${formatRatio(record.host.cpuRatio)} of a core.`,
      matters: "At a full core the generator may be what limits the throughput measured here.",
      advice: "Spread the load over more threads or machines, or ask for fewer tokens per second.",
    },
    truth: (figure) => (figure.kind === "rate" && figure.metric !== "error_rate" ? "higher" : undefined),
  };
}
