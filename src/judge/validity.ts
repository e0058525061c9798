import { levelName, meanLength, type Plan } from "../plan/plan.ts";
import type { EndReason } from "../record/record.ts";
import type { DOUBTFUL, Finding } from "../result.ts";
import {
  completedOf,
  decidedOfAll,
  type LevelSummary,
  type RequestFacts,
  ratesOf,
  valuesOf,
} from "../summarize/summary.ts";
import { formatMs, NS_PER_MS, NS_PER_S } from "../units.ts";
import { capReached } from "./cap-reached.ts";
import { chunksTogether } from "./chunks-together.ts";
import { clientLimit } from "./client-limit.ts";
import { couldTurn, type Direction, type Doubt, type Judged } from "./doubt.ts";
import { cpuSaturated, eventLoopBlocked, generatorLate, THROUGHPUTS } from "./generator-doubts.ts";
import { median } from "./median.ts";
import { givenPromptsSeen, promptCacheDiffers, promptCacheHits, unsharedHitRatio } from "./prompt-cache.ts";
import { requestsDepend } from "./requests-depend.ts";

/** A level, what it was held against, and the verdicts on it. */
export interface JudgedLevel {
  readonly summary: LevelSummary;
  /** The baseline's, measured beside it. */
  readonly base?: LevelSummary;
  /** Of a stored baseline, at this level. */
  readonly stored?: { readonly findings: readonly Finding[]; readonly unsharedHitRatio?: number };
  readonly judged: readonly Judged[];
}

export interface Validity {
  readonly findings: readonly Finding[];
  /** Codes of the findings for which a verdict may not be believed, by level and objective. */
  readonly invalid: readonly (readonly (readonly string[])[])[];
}

/**
 * May this run be believed? Asked apart from the verdict, of every level. Each check is one function that
 * gives a finding or nothing. One that may have changed figures is a doubt, and invalid where it could turn a
 * verdict; a check that makes a finding invalid by itself takes back all verdicts of its level.
 * @param given findings of the whole run, known before.
 */
export function validityOf(
  plan: Plan,
  levels: readonly JudgedLevel[],
  given: readonly Finding[] = [],
): Validity {
  const wholeRun = [...runFindings(plan), ...given];
  const found = levels.map((level) => levelValidity(plan, level));
  const ofAll = wholeRun.filter(isInvalid).map(({ code }) => code);
  return {
    findings: [...wholeRun, ...found.flatMap(({ findings }) => findings)],
    invalid: found.map(({ invalid }) => invalid.map((codes) => [...new Set([...ofAll, ...codes])])),
  };
}

function levelValidity(plan: Plan, level: JudgedLevel) {
  const { summary, base, stored, judged } = level;
  const at = levelName(summary.level);
  const noted = LEVEL_CHECKS.flatMap((check) => check(plan, summary) ?? []);
  const before = base === undefined ? stored?.unsharedHitRatio : unsharedHitRatio(plan, base);
  const apart = promptCacheDiffers(plan, unsharedHitRatio(plan, summary), before);
  const own = [
    ...DOUBTS.flatMap((doubt) => doubt(plan, summary) ?? []),
    ...(apart === undefined ? [] : [apart]),
  ].map((doubt) => of(doubt, "head"));
  const beside = [
    ...(base === undefined ? [] : DOUBTS.flatMap((doubt) => doubt(plan, base) ?? [])),
    ...(stored?.findings ?? []).flatMap(storedDoubt),
  ].map((doubt) => of(doubt, "base"));
  const doubts = [...own, ...beside].filter(({ turned, quiet }) => turned.includes(true) || !quiet);
  const refused = base === undefined ? undefined : clientLimit(plan, base);
  const findings: Finding[] = [
    ...doubts.map(({ finding, turned, always }) => ({
      ...finding,
      level: always || turned.includes(true) ? ("invalid" as const) : ("note" as const),
    })),
    ...(refused === undefined ? [] : [ofBaseline(refused)]),
    ...noted,
  ].map((finding) => ({ ...finding, at }));
  const ofLevel = [...noted, ...(refused === undefined ? [] : [refused])].filter(isInvalid);
  const invalid = judged.map((_, i) => [
    ...ofLevel.map(({ code }) => code),
    ...doubts.filter(({ turned }) => turned[i]).map(({ finding }) => finding.code),
  ]);
  return { findings, invalid };

  function of(doubt: Doubt, side: "head" | "base") {
    return {
      finding: side === "head" ? doubt.finding : ofBaseline(doubt.finding),
      turned: judged.map((one) => couldTurn(doubt, side, one)),
      always: doubt.always === true,
      quiet: side === "base" || doubt.onlyIfTurned === true,
    };
  }
}

function isInvalid({ level }: Finding): boolean {
  return level === "invalid";
}

function ofBaseline<T extends Pick<Finding, "happened">>(finding: T): T {
  return { ...finding, happened: `At the baseline: ${finding.happened}` };
}

const DOUBTS: readonly ((plan: Plan, summary: LevelSummary) => Doubt | undefined)[] = [
  generatorLate,
  eventLoopBlocked,
  cpuSaturated,
  chunksTogether,
  promptCacheHits,
];

/** Of a stored baseline no request is known any more: its figures may be anywhere on that side of what was read. */
const STORED: Readonly<Record<(typeof DOUBTFUL)[number], Direction>> = {
  generator_late: "lower",
  event_loop_blocked: "lower",
  client_cpu_saturated: "higher",
  chunks_together: "either",
  prompt_cache_hits: "higher",
};

function storedDoubt(finding: Finding): Doubt[] {
  const direction = STORED[finding.code as keyof typeof STORED];
  const { level: _, at: __, ...told } = finding;
  if (direction === undefined) return [];
  const touches = ({ metric }: { readonly metric: string }) => finding.touches?.includes(metric) === true;
  return [
    {
      finding: told,
      truth: (figure) => (figure.kind !== "goodput_ratio" && touches(figure) ? direction : undefined),
    },
  ];
}

type Check = (plan: Plan, summary: LevelSummary) => Finding | undefined;

const failuresUnjudged: Check = (plan, summary) => {
  const requests = decidedOfAll(summary);
  const failed = requests.filter(
    ({ outcome, failure }) => outcome === "failed" && failure !== "client_limit",
  ).length;
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
    touches: ["ttft", "ttft_sent", "itl", "tpot", "e2e"],
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
    touches: ["error_rate", ...THROUGHPUTS],
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
    touches: ["tpot", "output_throughput", "total_throughput"],
    happened: `The server told no token counts for ${counted} of ${completed.length} requests; output chunks were counted instead.`,
    matters: "A chunk can hold several tokens, so token rates may read low and tpot high.",
    advice: "Use a server that answers stream_options.include_usage.",
  };
};

const outputShort: Check = (plan, summary) => {
  // Whoever sends no text back, or tells no length of it, is not short.
  const lengths = valuesOf(completedOf(summary), ({ outputTokens }) => outputTokens || undefined);
  if (plan.workload.prompts.kind === "file" || plan.workload.trace !== undefined) return undefined;
  const asked = meanLength(plan.workload.output);
  const mean = average(lengths);
  if (mean === undefined || mean >= 0.9 * asked) return undefined;
  return {
    code: "output_short",
    level: "note",
    touches: ["e2e", "output_throughput"],
    happened: `Answers had ${mean.toFixed(1)} tokens on average where ${asked} were asked for.`,
    matters: "Shorter answers end sooner; e2e is not that of the length in the plan.",
    advice: "Compare only runs with like lengths, or ask for a length the model really writes.",
  };
};

const promptLength: Check = (plan, summary) => {
  const known = valuesOf(completedOf(summary), ({ inputTokens }) => inputTokens);
  // Other prompts have the length they have.
  if (plan.workload.prompts.kind !== "synthetic" || plan.workload.trace !== undefined) return undefined;
  const mean = average(known);
  const asked = meanLength(plan.workload.input);
  if (mean === undefined || Math.abs(mean - asked) <= Math.max(32, 0.25 * asked)) return undefined;
  return {
    code: "prompt_length_off",
    level: "note",
    touches: ["ttft", "input_throughput"],
    happened: `Prompts had ${mean.toFixed(1)} tokens by the server's count where ${asked} were planned.`,
    matters: "Prompts are made of common words, one token each for most models, but not for this one.",
    advice: "Set input-tokens so that the server's count is the length you mean.",
  };
};

const connectionsNotReused: Check = (_plan, { level, record, requests }) => {
  const opened = record.host.connectionsOpened;
  if (opened < requests.length / 2) return undefined;
  const most = level.load.kind === "closed" ? level.load.concurrency : mostInFlight(requests);
  if (opened <= 2 * most + 2) return undefined;
  return {
    code: "connections_not_reused",
    level: "note",
    touches: ["ttft", "e2e"],
    happened: `${opened} connections were opened for ${requests.length} requests with at most ${most} in flight.`,
    matters:
      "The server, or a proxy before it, closes connections after use, and opening one is in the latencies.",
    advice: "Turn keep-alive on, unless your users meet the same.",
  };
};

const transientCut: Check = (_plan, { leftOut, record: { window }, requests }) => {
  if (leftOut === undefined) return undefined;
  const all = leftOut.length + requests.length;
  return {
    code: "transient_cut",
    level: "note",
    happened: `The first ${(window.start / NS_PER_S).toFixed(1)} s, ${leftOut.length} of ${all} requests, were left out of latencies: theirs were unlike those of all that came after.`,
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
  const ttfts = valuesOf(completedOf(summary), ({ ttft }) => ttft);
  if (ttfts.length < FEWEST_FOR_DRIFT || summary.record.unsettled) return undefined;
  const third = Math.floor(ttfts.length / 3);
  const first = median(ttfts.slice(0, third));
  const last = median(ttfts.slice(-third));
  const change = last / first - 1;
  if (Math.abs(change) <= DRIFT || Math.abs(last - first) < 5 * NS_PER_MS) return undefined;
  return {
    code: "drift",
    level: "note",
    touches: ["ttft"],
    happened: `The median ttft went from ${formatMs(first / NS_PER_MS)} in the first third to ${formatMs(last / NS_PER_MS)} in the last.`,
    matters:
      change < 0
        ? "The server may still have been warming up, or working off a queue that came and went."
        : "The server, or this machine, was slower in the end: a longer run may read worse.",
    advice:
      change < 0
        ? "Look at latency over time: raise warmup if it only fell, and run longer if it rose and fell."
        : "Run longer, and look at latency over time.",
  };
};

const LITTLE = 0.2;

const littlesLaw: Check = (_plan, summary) => {
  const { start, end } = summary.record.window;
  const rates = ratesOf(summary);
  const inFlight = valuesOf(summary.underLoad, (request) =>
    request.outcome !== "incomplete" && request.end > start && request.end <= end
      ? request.end - request.issued
      : undefined,
  );
  const meanInFlight = average(inFlight);
  const ended = inFlight.length;
  if (meanInFlight === undefined || ended < 10 * Math.max(1, rates.concurrency)) return undefined;
  const expected = (ended / (end - start)) * meanInFlight;
  if (Math.abs(expected / rates.concurrency - 1) <= LITTLE) return undefined;
  return {
    code: "not_steady",
    level: "note",
    touches: ["request_throughput", "concurrency"],
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
  clientLimit,
  capReached,
  failuresUnjudged,
  throttled,
  transientCut,
  neverSettled,
  requestsDepend,
  warmupDrift,
  littlesLaw,
  tokensFromChunks,
  outputShort,
  promptLength,
  connectionsNotReused,
  givenPromptsSeen,
];

function runFindings(plan: Plan): Finding[] {
  const host = new URL(plan.target.url).hostname;
  if (!/^(localhost|127\.|\[::1\]$)/.test(host)) return [];
  return [
    {
      code: "same_host",
      level: "note",
      touches: ["ttft", "ttft_sent", "e2e"],
      happened: `The target, ${host}, is on the machine that generates the load.`,
      matters: "They share its cores, and no network lies between them: users will see more latency.",
      advice: "For absolute figures, generate the load from another machine; for comparisons it is fine.",
    },
  ];
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

function average(values: Float64Array): number | undefined {
  return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0) / values.length;
}
