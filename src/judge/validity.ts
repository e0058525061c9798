import { isUpperLimit } from "../plan/objective.ts";
import { levelName, meanLength, type Plan } from "../plan/plan.ts";
import type { EndReason } from "../record/record.ts";
import type { Finding, LatencyName } from "../result.ts";
import { decided, type LevelSummary, type RequestFacts, ratesBetween } from "../summarize/summary.ts";
import { formatMs, formatRatio, NS_PER_MS, NS_PER_S } from "../units.ts";

/**
 * May this run be believed? Asked apart from the verdict, of every level. Each check is one function that
 * gives a finding or nothing; their words are all here. An "invalid" finding keeps a run from passing.
 */
export function validityFindings(plan: Plan, levels: readonly LevelSummary[]): Finding[] {
  const findings = levels.flatMap((summary) =>
    LEVEL_CHECKS.flatMap((check) => {
      const finding = check(plan, summary);
      return finding === undefined ? [] : [{ ...finding, at: levelName(summary.level) }];
    }),
  );
  return [...runFindings(plan), ...findings];
}

type Check = (plan: Plan, summary: LevelSummary) => Finding | undefined;

const LATE_SHARE_OF_LIMIT = 0.05;
/** Less than this no event loop can promise, whatever the objective. */
const LATE_FLOOR_NS = NS_PER_MS;
const LATE_WITHOUT_OBJECTIVE_NS = 10 * NS_PER_MS;

const generatorLate: Check = (plan, { latencies }) => {
  const late = latencies.issue_delay.quantile(0.99);
  if (late === undefined) return undefined;
  const tightest = tightestLatencyLimit(plan);
  const allowed =
    tightest === undefined
      ? LATE_WITHOUT_OBJECTIVE_NS
      : Math.max(LATE_FLOOR_NS, tightest * LATE_SHARE_OF_LIMIT);
  if (late <= allowed) return undefined;
  return {
    code: "generator_late",
    level: tightest === undefined ? "note" : "invalid",
    happened: `One request in a hundred left ${formatMs(late / NS_PER_MS)} or more after its planned moment; ${formatMs(allowed / NS_PER_MS)} is allowed${tightest === undefined ? "" : `, for the tightest latency objective of ${formatMs(tightest / NS_PER_MS)}`}.`,
    matters:
      "That delay is the generator's or the connection's, not the server's, and it is in the latencies.",
    advice: "Lower the load, allow more warm-up so that connections are open, or use a larger runner.",
  };
};

const eventLoopBlocked: Check = (plan, { record }) => {
  const delay = record.host.loopDelayP99;
  const tightest = tightestLatencyLimit(plan) ?? 1000 * NS_PER_MS;
  if (delay <= Math.max(20 * NS_PER_MS, tightest * LATE_SHARE_OF_LIMIT)) return undefined;
  return {
    code: "event_loop_blocked",
    level: delay > tightest ? "invalid" : "note",
    happened: `The generator's event loop was held up for ${formatMs(delay / NS_PER_MS)} (99th percentile).`,
    matters: "Chunks that arrived meanwhile were stamped late, so latencies read higher than they were.",
    advice: "Run the generator on a machine, or a core, of its own.",
  };
};

const cpuSaturated: Check = (_plan, { level, record }) => {
  // An open loop waits out the last stretch before each arrival busily, which is no sign of overload.
  if (level.load.kind === "open" || record.host.cpuRatio < 0.9) return undefined;
  return {
    code: "client_cpu_saturated",
    level: "note",
    happened: `The generator used ${formatRatio(record.host.cpuRatio)} of a core.`,
    matters: "At a full core the generator may be what limits the throughput measured here.",
    advice: "Spread the load over several machines, or ask for fewer tokens per second.",
  };
};

const failuresUnjudged: Check = (plan, summary) => {
  const requests = decided(summary);
  const failed = requests.filter((request) => request.outcome === "failed").length;
  if (failed === 0) return undefined;
  const judged = plan.objectives.some(
    ({ subject }) =>
      subject.kind === "goodput_ratio" ||
      (subject.kind === "rate" && subject.metric === "error_rate") ||
      (subject.kind === "regression" && subject.of.kind === "rate" && subject.of.metric === "error_rate"),
  );
  if (judged) return undefined;
  const share = failed / requests.length;
  return {
    code: failed === requests.length ? "all_failed" : "failures_not_judged",
    level: share >= 0.05 ? "invalid" : "note",
    happened: `${failed} of ${requests.length} requests failed, and no objective speaks of failures.`,
    matters: "Latencies are those of the requests that succeeded, and say nothing of the ones that did not.",
    advice: "Add an objective such as error_rate < 1%.",
  };
};

const throttled: Check = (_plan, summary) => {
  const refused = summary.requests.filter((request) => request.status === 429).length;
  if (refused === 0) return undefined;
  return {
    code: "server_throttled",
    level: "note",
    happened: `The server refused ${refused} requests with 429 (too many requests).`,
    matters: "A rate limit was measured, not what the service can do.",
    advice: "Lower the load, or raise the limit for this key.",
  };
};

const tokensFromChunks: Check = (_plan, summary) => {
  const completed = completedOf(summary);
  const counted = completed.filter((request) => request.tokenSource === "chunks").length;
  if (counted === 0) return undefined;
  return {
    code: "tokens_from_chunks",
    level: "note",
    happened: `The server told no token counts for ${counted} of ${completed.length} requests; output chunks were counted instead.`,
    matters: "A chunk can hold several tokens, so token rates may read low and tpot high.",
    advice: "Use a server that answers stream_options.include_usage.",
  };
};

const outputShort: Check = (plan, summary) => {
  // Whoever sends no text back, or tells no length of it, is not short.
  const completed = completedOf(summary).filter(({ outputTokens }) => outputTokens > 0);
  if (plan.workload.prompts.kind === "file" || plan.workload.trace !== undefined) return undefined;
  const asked = meanLength(plan.workload.output);
  const mean = average(completed.map((request) => request.outputTokens));
  if (mean === undefined || mean >= 0.9 * asked) return undefined;
  return {
    code: "output_short",
    level: "note",
    happened: `Answers had ${mean.toFixed(1)} tokens on average where ${asked} were asked for.`,
    matters: "Shorter answers end sooner; e2e is not that of the length in the plan.",
    advice: "Compare only runs with like lengths, or ask for a length the model really writes.",
  };
};

const promptLength: Check = (plan, summary) => {
  const known = completedOf(summary).flatMap(({ inputTokens }) =>
    inputTokens === undefined ? [] : [inputTokens],
  );
  // Other prompts have the length they have.
  if (plan.workload.prompts.kind !== "synthetic" || plan.workload.trace !== undefined) return undefined;
  const mean = average(known);
  const asked = meanLength(plan.workload.input);
  if (mean === undefined || Math.abs(mean - asked) <= Math.max(32, 0.25 * asked)) return undefined;
  return {
    code: "prompt_length_off",
    level: "note",
    happened: `Prompts had ${mean.toFixed(1)} tokens by the server's count where ${asked} were planned.`,
    matters: "Prompts are made of common words, one token each for most models, but not for this one.",
    advice: "Set input-tokens so that the server's count is the length you mean.",
  };
};

const connectionsNotReused: Check = (_plan, { level, record, requests }) => {
  const most = level.load.kind === "closed" ? level.load.concurrency : mostInFlight(requests);
  const opened = record.host.connectionsOpened;
  if (opened <= 2 * most + 2 || opened < requests.length / 2) return undefined;
  return {
    code: "connections_not_reused",
    level: "note",
    happened: `${opened} connections were opened for ${requests.length} requests with at most ${most} in flight.`,
    matters:
      "The server, or a proxy before it, closes connections after use, and opening one is in the latencies.",
    advice: "Turn keep-alive on, unless your users meet the same.",
  };
};

const transientCut: Check = (_plan, { record, requests }) => {
  const { leftOut, window } = record;
  if (leftOut === undefined) return undefined;
  const all = leftOut + requests.length;
  return {
    code: "transient_cut",
    level: "note",
    happened: `The first ${(window.start / NS_PER_S).toFixed(1)} s, ${leftOut} of ${all} requests, were left out: their latencies were unlike those of all that came after.`,
    matters:
      "A service that has just been put under load is not the one that goes on; fewer requests were judged than planned.",
    advice: "Raise warmup, so that the start lies before the window.",
  };
};

const neverSettled: Check = (_plan, { record }) =>
  record.unsettled
    ? {
        code: "never_settled",
        level: "note",
        happened: "Latency went one way from the level's start to its end.",
        matters: "No part of it is a steady state, so a longer run would read otherwise.",
        advice:
          "Where latency rose, lower the load: arrivals may outrun what the service can do. Where it fell, raise warmup. Else run longer.",
      }
    : undefined;

const DRIFT = 0.25;
const FEWEST_FOR_DRIFT = 30;

const warmupDrift: Check = (_plan, summary) => {
  const ttfts = completedOf(summary)
    .toSorted((a, b) => a.scheduled - b.scheduled)
    .flatMap(({ ttft }) => (ttft === undefined ? [] : [ttft]));
  if (ttfts.length < FEWEST_FOR_DRIFT || summary.record.unsettled) return undefined;
  const third = Math.floor(ttfts.length / 3);
  const first = median(ttfts.slice(0, third));
  const last = median(ttfts.slice(-third));
  const change = last / first - 1;
  if (Math.abs(change) <= DRIFT || Math.abs(last - first) < 5 * NS_PER_MS) return undefined;
  return {
    code: "drift",
    level: "note",
    happened: `The median ttft went from ${formatMs(first / NS_PER_MS)} in the first third to ${formatMs(last / NS_PER_MS)} in the last.`,
    matters:
      change < 0
        ? "The server was still warming up."
        : "The server was still slowing down; a longer run would read worse.",
    advice: change < 0 ? "Raise warmup." : "Run longer, and look at latency over time.",
  };
};

const LITTLE = 0.2;

const littlesLaw: Check = (_plan, summary) => {
  const { start, end } = summary.record.window;
  const rates = ratesBetween(summary.underLoad, start, end);
  const endedInside = summary.underLoad.filter(
    (request) => request.outcome !== "incomplete" && request.end > start && request.end <= end,
  );
  const meanInFlight = average(endedInside.map((request) => request.end - request.issued));
  const ended = endedInside.length;
  if (meanInFlight === undefined || ended < 10 * Math.max(1, rates.concurrency)) return undefined;
  const expected = (ended / (end - start)) * meanInFlight;
  if (Math.abs(expected / rates.concurrency - 1) <= LITTLE) return undefined;
  return {
    code: "not_steady",
    level: "note",
    happened: `On average ${rates.concurrency.toFixed(1)} requests were in flight, where throughput times latency gives ${expected.toFixed(1)}.`,
    matters: "The two agree in a steady state (Little's law), so the load or the server was not steady.",
    advice: "Run longer, and look at requests in flight over time.",
  };
};

const ENDED_EARLY: Readonly<
  Record<Exclude<EndReason, "decisive">, Pick<Finding, "happened" | "matters" | "advice">>
> = {
  max_tokens: {
    happened: "The run ended at its limit of output tokens.",
    matters: "Fewer requests were measured than planned, and later levels not at all.",
    advice: "Raise max-tokens, or plan fewer requests or shorter answers.",
  },
  max_errors: {
    happened: "The level ended at its limit of failed requests.",
    matters: "Its figures are of the time until then.",
    advice: "Look at the failures first.",
  },
  max_error_rate: {
    happened: "The level ended because too large a share of requests failed.",
    matters: "Its figures are of the time until then.",
    advice: "Look at the failures first.",
  },
  overload: {
    happened: "The level ended because arrivals outran completions for good.",
    matters: "The queue would have grown, and latency with it, for as long as the level went on.",
    advice: "Lower the rate: this one is beyond what the service can do.",
  },
};

const endedEarly: Check = (_plan, { record: { endedBy } }) =>
  endedBy === undefined || endedBy === "decisive"
    ? undefined
    : { code: endedBy, level: "note", ...ENDED_EARLY[endedBy] };

const LEVEL_CHECKS: readonly Check[] = [
  endedEarly,
  generatorLate,
  eventLoopBlocked,
  cpuSaturated,
  failuresUnjudged,
  throttled,
  transientCut,
  neverSettled,
  warmupDrift,
  littlesLaw,
  tokensFromChunks,
  outputShort,
  promptLength,
  connectionsNotReused,
];

function runFindings(plan: Plan): Finding[] {
  const host = new URL(plan.target.url).hostname;
  if (!/^(localhost|127\.|\[::1\]$)/.test(host)) return [];
  return [
    {
      code: "same_host",
      level: "note",
      happened: `The target, ${host}, is on the machine that generates the load.`,
      matters: "They share its cores, and no network lies between them: users will see more latency.",
      advice: "For absolute figures, generate the load from another machine; for comparisons it is fine.",
    },
  ];
}

/** Nanoseconds; undefined when no objective limits a latency from above. */
function tightestLatencyLimit({ objectives }: Plan): number | undefined {
  const limits = objectives.flatMap(({ subject, op, limit }) => {
    if (subject.kind === "goodput_ratio") {
      return subject.criteria
        .filter(({ metric }) => countsFromSchedule(metric))
        .map(({ limitNs }) => limitNs);
    }
    return subject.kind === "latency" && countsFromSchedule(subject.metric) && isUpperLimit(op)
      ? [limit]
      : [];
  });
  return limits.length === 0 ? undefined : Math.min(...limits);
}

/** Gaps and time per token are no matter of when a request left. */
function countsFromSchedule(metric: LatencyName): boolean {
  return metric === "ttft" || metric === "e2e";
}

function completedOf(summary: LevelSummary): RequestFacts[] {
  return summary.requests.filter((request) => request.outcome === "completed");
}

function mostInFlight(requests: readonly RequestFacts[]): number {
  const changes = requests.flatMap(
    ({ issued, end }) =>
      [
        [issued, 1],
        [end, -1],
      ] as const,
  );
  let now = 0;
  let most = 0;
  for (const [, change] of changes.toSorted((a, b) => a[0] - b[0] || a[1] - b[1])) {
    now += change;
    most = Math.max(most, now);
  }
  return most;
}

function average(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0) / values.length;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}
