import { bracketOf } from "../judge/bracket.ts";
import { compareResults, compareSummaries, whyNoBaseline } from "../judge/compare.ts";
import type { Judged } from "../judge/doubt.ts";
import { noIntervalReason } from "../judge/imported.ts";
import {
  figuresOfResult,
  figuresOfSummary,
  type LevelFigures,
  STORED_FIGURES,
} from "../judge/level-figures.ts";
import { cacheHitRatio, unsharedHitRatio } from "../judge/prompt-cache.ts";
import { type JudgedLevel, validityOf } from "../judge/validity.ts";
import { type Judgement, judge, worst } from "../judge/verdict.ts";
import { planHash } from "../plan/config.ts";
import { figureName, type Objective, RATES } from "../plan/objective.ts";
import { type Exploration, type Level, levelName, meanLength, type Plan } from "../plan/plan.ts";
import type { RecordsFooter, RecordsHeader } from "../record/records-file.ts";
import {
  type Finding,
  LATENCIES,
  type LatencyName,
  type LatencyStats,
  type LevelMetrics,
  type LevelResult,
  type ObjectiveResult,
  type Outcome,
  RESULT_SCHEMA,
  type Result,
  type TimelinePoint,
} from "../result.ts";
import { Histogram } from "../summarize/histogram.ts";
import { sliceTotals } from "../summarize/slices.ts";
import {
  completedOf,
  countsAt,
  decided,
  decidedOfAll,
  isGood,
  type LevelSummary,
  type RequestFacts,
  ratesOf,
  type Summaries,
  valuesOf,
} from "../summarize/summary.ts";
import { NS_PER_MS, NS_PER_S } from "../units.ts";

export interface BuildOptions {
  /** A stored result to compare with; a baseline measured in the run itself goes before it. */
  readonly stored?: Result;
  /** Of a merge: indices of shards that were not there, and whether that is allowed. */
  readonly missingShards?: {
    readonly missing: readonly number[];
    readonly of: number;
    readonly allowed: boolean;
  };
  /** Of a merge: what the prompts of all shards share began differently in some. */
  readonly sharedApart?: boolean;
}

/** Judges the summaries and writes everything down as others read it; the same whether just measured or read from records. */
export function buildResult(
  header: RecordsHeader,
  { head, base }: Summaries,
  footer: RecordsFooter,
  { stored, missingShards, sharedApart = false }: BuildOptions = {},
): Result {
  const { plan } = header;
  const usable = stored !== undefined && base.length === 0 ? stored : undefined;
  const comparable = usable && whyNoBaseline(usable, planHash(plan)) === undefined ? usable : undefined;
  const baselines = head.map((summary, i) => baselineFigures(summary, base[i], comparable));
  const judgements = head.map((summary, i) => judgementsOf(plan, summary, baselines[i]));
  const { findings, invalid } = validityOf(
    plan,
    head.map((summary, i) => ({
      summary,
      ...(base[i] && { base: base[i] }),
      ...(comparable && { stored: storedAt(comparable, levelName(summary.level)) }),
      judged: judgements[i]!.map(({ judgement, again }) => ({ ...judgement, again })),
    })),
    [...shardFindings(missingShards), ...(sharedApart ? [SHARED_APART] : [])],
  );
  const levels = head.map((summary, i) => {
    const objectives = judgements[i]!.map(({ judgement }, k) => objectiveResult(judgement, invalid[i]![k]!));
    return levelResult(plan, summary, objectives);
  });
  const outcomes = levels.map((level) => worst(level.objectives.map(({ outcome }) => outcome)));
  const verdict = verdictOf(plan, outcomes);
  const result: Result = {
    schema: RESULT_SCHEMA,
    generator: header.generator,
    run_id: header.run_id,
    started_at: header.started_at,
    duration_seconds: footer.durationNs / NS_PER_S,
    state: footer.state,
    ...(verdict !== undefined && { verdict }),
    valid: findings.every((finding) => finding.level !== "invalid"),
    target: { url: plan.target.url, model: header.model, protocol: plan.target.protocol },
    plan: {
      hash: planHash(plan),
      seed: plan.seed,
      prompt_cache: plan.workload.promptCache ?? "warm",
      ...(header.promptSalt !== undefined && { prompt_salt: header.promptSalt }),
      input_tokens: meanLength(plan.workload.input),
      output_tokens: meanLength(plan.workload.output),
      warmup_requests: head.reduce((sum, { level }) => sum + level.warmupRequests, 0),
      timeout_seconds: plan.timeoutNs / NS_PER_S,
      confidence: plan.confidence,
      objectives: plan.objectives.map((objective) => objective.text),
    },
    ...(plan.exploration && { exploration: explorationResult(plan.exploration, head, outcomes) }),
    levels,
    findings,
    environment: header.environment,
  };
  if (base.length > 0) {
    return {
      ...result,
      comparison: {
        kind: "same_run",
        baseline: {
          run_id: header.run_id,
          started_at: header.started_at,
          url: plan.baseline?.url ?? "",
          model: header.baselineModel ?? "",
        },
        levels: compareSummaries(base, head, plan.confidence),
      },
    };
  }
  return usable === undefined ? result : { ...result, comparison: compareResults(usable, result) };
}

/** Every verdict on a level, each with the way to find it again from other readings of both sides. */
function judgementsOf(plan: Plan, summary: LevelSummary, baseline: LevelFigures | undefined) {
  const confidence = summary.record.confidence ?? plan.confidence;
  return plan.objectives.map((objective) => {
    const from = (head: LevelSummary, base: LevelFigures | undefined) =>
      judge(objective, head, confidence, base);
    const again: Judged["again"] = ({ head = summary, base }) =>
      from(head, base === undefined ? baseline : figuresOfSummary(base)).outcome;
    return { judgement: from(summary, baseline), again };
  });
}

function storedAt({ findings, levels }: Result, name: string): NonNullable<JudgedLevel["stored"]> {
  const unsharedHitRatio = levels.find((one) => one.name === name)?.metrics.prompt_cache_unshared_ratio;
  return {
    findings: findings.filter(({ at }) => at === undefined || at === name),
    ...(unsharedHitRatio !== undefined && { unsharedHitRatio }),
  };
}

/** What regression objectives of a level are held against. */
function baselineFigures(
  summary: LevelSummary,
  base: LevelSummary | undefined,
  stored: Result | undefined,
): LevelFigures | undefined {
  if (base !== undefined) return figuresOfSummary(base);
  const name = levelName(summary.level);
  const level = stored?.levels.find((one) => one.name === name);
  const undecidable = stored && noIntervalReason(stored);
  return level && { ...figuresOfResult(level), ...(undecidable !== undefined && { undecidable }) };
}

/** The worst of all levels; an exploration goes beyond what is met by intention, so one level that meets all will do. */
function verdictOf(plan: Plan, outcomes: readonly (Outcome | undefined)[]): Outcome | undefined {
  const known = outcomes.filter((outcome) => outcome !== undefined);
  if (plan.exploration !== undefined && known.includes("met")) return "met";
  return worst(known);
}

function explorationResult(
  exploration: Exploration,
  head: readonly LevelSummary[],
  outcomes: readonly (Outcome | undefined)[],
): NonNullable<Result["exploration"]> {
  if (exploration.kind === "sweep") return { kind: "sweep" };
  const { highestPassing, lowestFailing } = bracketOf(
    head.map(({ level }, i) => ({ level, outcome: outcomes[i] })),
  );
  return {
    kind: "search",
    of: exploration.of,
    ...(highestPassing !== undefined && { highest_passing: highestPassing }),
    ...(lowestFailing !== undefined && { lowest_failing: lowestFailing }),
  };
}

function shardFindings(shards: BuildOptions["missingShards"]): Finding[] {
  if (shards === undefined || shards.missing.length === 0) return [];
  return [
    {
      code: "shards_missing",
      level: shards.allowed ? "note" : "invalid",
      happened: `Of ${shards.of} shards these are missing: ${shards.missing.map((index) => index + 1).join(", ")}.`,
      matters: "Their requests were part of the load, and are in no figure.",
      advice: "Merge all shards, or allow it if the others are enough.",
    },
  ];
}

const SHARED_APART: Finding = {
  code: "shards_share_nothing",
  level: "note",
  touches: ["ttft", "ttft_sent", "e2e"],
  happened: "The shards have different salts, so that what the prompts share is a different text in each.",
  matters: "A prefix cache finds less than it would have found with all of the load from one machine.",
  advice: "Give all shards the same prompt-salt, one that no earlier run had.",
};

function levelResult(plan: Plan, summary: LevelSummary, objectives: readonly ObjectiveResult[]): LevelResult {
  const { level, record, leftOut = [], requests } = summary;
  const counts = { completed: 0, failed: 0, incomplete: 0 };
  const sources = new Set<RequestFacts["tokenSource"]>();
  for (const some of [leftOut, requests]) {
    for (const { outcome, tokenSource } of some) {
      counts[outcome]++;
      if (outcome === "completed") sources.add(tokenSource);
    }
  }
  const failures = [...summary.failures];
  return {
    name: levelName(level),
    load: loadResult(level),
    stop: {
      ...(level.stop.requests !== undefined && { requests: level.stop.requests }),
      ...(level.stop.durationNs !== undefined && { duration_seconds: level.stop.durationNs / NS_PER_S }),
    },
    window: {
      start: record.window.start / NS_PER_S,
      end: record.window.end / NS_PER_S,
      seconds: (record.window.end - record.window.start) / NS_PER_S,
    },
    requests: {
      issued: leftOut.length + requests.length,
      ...counts,
      warmup: level.warmupRequests,
      ...(leftOut.length > 0 && { left_out: leftOut.length }),
      failures: Object.fromEntries(failures.map(([reason, { count }]) => [reason, count])),
    },
    metrics: metricsOf(plan, summary),
    objectives,
    effective_samples: storedWorth(summary, plan.confidence),
    timeline: timelineOf(summary),
    histograms: Object.fromEntries(
      shownLatencies(summary).map((name) => [name, [...summary.latencies[name].buckets()]]),
    ),
    ...(sources.size > 0 && { token_source: sources.size > 1 ? "mixed" : [...sources][0]! }),
    ...(record.server && { server: record.server }),
    failure_examples: Object.fromEntries(failures.map(([reason, { example }]) => [reason, example])),
  };
}

/** What a later comparison needs to know of how much the requests depend on each other. */
function storedWorth(
  summary: LevelSummary,
  planned: number | "none",
): NonNullable<LevelResult["effective_samples"]> {
  const figures = figuresOfSummary(summary);
  const confidence = planned === "none" ? 0.95 : planned;
  return Object.fromEntries(
    STORED_FIGURES.flatMap((figure) => {
      const estimate = figures.estimate(figure);
      if (estimate === undefined) return [];
      const at = (confidence: number) => {
        const { lower, upper } = estimate.worthAt(confidence);
        return Math.floor(Math.min(lower, upper));
      };
      return [[figureName(figure), { confidence, samples: at(confidence), strict: at(STRICT) }]];
    }),
  );
}

/** What many figures together are held to. */
const STRICT = 0.999;

function loadResult({ load }: Level): LevelResult["load"] {
  switch (load.kind) {
    case "closed":
      return { kind: "closed", concurrency: load.concurrency };
    case "open":
      return {
        kind: "open",
        rate: load.requestsPerSecond,
        arrivals: load.arrivals,
        burstiness: load.burstiness,
        ...(load.maxConcurrency !== undefined && { max_concurrency: load.maxConcurrency }),
      };
    case "stages":
      return {
        kind: "stages",
        of: load.of,
        stages: load.stages.map(({ durationNs, target }) => ({ seconds: durationNs / NS_PER_S, target })),
      };
    case "users":
      return {
        kind: "users",
        users: load.users,
        spawn_rate: load.spawnPerSecond,
        think_seconds: [load.think.minNs / NS_PER_S, load.think.maxNs / NS_PER_S],
      };
    case "replay":
      return {
        kind: "replay",
        ...(load.maxConcurrency !== undefined && { max_concurrency: load.maxConcurrency }),
      };
  }
}

function metricsOf(plan: Plan, summary: LevelSummary): LevelMetrics {
  const { start, end } = summary.record.window;
  const ended = decided(summary);
  const ofAll = decidedOfAll(summary);
  const latencies = Object.fromEntries(
    shownLatencies(summary).map((name) => [name, latencyStats(summary.latencies[name])]),
  );
  if (ended.length === 0 || end <= start) return latencies;
  const rates = ratesOf(summary);
  const completed = completedOf(summary);
  const hits = cacheHitRatio(summary);
  const unshared = unsharedHitRatio(plan, summary);
  const tpot = summary.latencies.tpot.mean;
  const inputs = valuesOf(completed, ({ inputTokens }) => inputTokens);
  const criteria = plan.objectives.flatMap(({ subject }) =>
    subject.kind === "goodput_ratio" ? [subject.criteria] : [],
  )[0];
  return {
    ...latencies,
    request_throughput: rates.requestThroughput,
    ...(completed.length > 0 && { output_throughput: rates.outputThroughput }),
    ...(rates.inputThroughput !== undefined && {
      input_throughput: rates.inputThroughput,
      total_throughput: rates.inputThroughput + rates.outputThroughput,
    }),
    ...(tpot !== undefined && tpot > 0 && { output_throughput_per_user: NS_PER_S / tpot }),
    ...(criteria !== undefined && {
      goodput: goodBetween(summary, criteria, start, end),
      goodput_ratio: ended.filter((request) => isGood(request, criteria)).length / ended.length,
    }),
    error_rate: ofAll.filter(({ outcome }) => outcome === "failed").length / ofAll.length,
    concurrency: rates.concurrency,
    ...(inputs.length > 0 && { input_tokens: sum(inputs) }),
    ...(completed.length > 0 && {
      output_tokens: sum(valuesOf(completed, ({ outputTokens }) => outputTokens)),
    }),
    ...(hits !== undefined && { prompt_cache_hit_ratio: hits }),
    ...(unshared !== undefined && { prompt_cache_unshared_ratio: unshared }),
  };
}

/** Good requests per second that ended in the window. */
function goodBetween(
  summary: LevelSummary,
  criteria: Parameters<typeof isGood>[1],
  start: number,
  end: number,
): number {
  const good = summary.underLoad.filter(
    (request) => request.end > start && request.end <= end && isGood(request, criteria),
  );
  return (good.length * NS_PER_S) / (end - start);
}

/** Where nothing was held there is nothing to tell of it. */
function shownLatencies({ latencies }: LevelSummary): readonly LatencyName[] {
  return LATENCIES.filter((name) => latencies[name].count > 0 && (name !== "held" || latencies.held.max > 0));
}

function latencyStats(histogram: Histogram): LatencyStats {
  const quantile = (q: number) => toMs(histogram.quantile(q)!);
  return {
    count: histogram.count,
    mean: toMs(histogram.mean!),
    std: toMs(histogram.std!),
    min: toMs(histogram.min),
    max: toMs(histogram.max),
    p50: quantile(0.5),
    p90: quantile(0.9),
    p95: quantile(0.95),
    p99: quantile(0.99),
    p999: quantile(0.999),
  };
}

function objectiveResult(judgement: Judgement, invalid: readonly string[]): ObjectiveResult {
  const { objective, observed, interval } = judgement;
  const unit = unitOf(objective);
  const inUnit = (value: number) => (unit === "ms" ? toMs(value) : value);
  return {
    objective: objective.text,
    metric: objective.text.split(/\s*[<>]/)[0]!,
    op: objective.op,
    limit: inUnit(objective.limit),
    unit,
    ...(observed !== undefined && { observed: inUnit(observed) }),
    ...(interval !== undefined && {
      interval: [
        interval[0] === undefined ? null : inUnit(interval[0]),
        interval[1] === undefined ? null : inUnit(interval[1]),
      ],
    }),
    samples: judgement.samples,
    outcome: judgement.outcome,
    ...(invalid.length > 0 && { invalid }),
    ...(judgement.reason !== undefined && { reason: judgement.reason }),
    ...(judgement.effective !== undefined && { effective_samples: judgement.effective }),
    ...(judgement.requestsNeeded !== undefined && { requests_needed: judgement.requestsNeeded }),
    ...(judgement.secondsNeeded !== undefined && { seconds_needed: judgement.secondsNeeded }),
  };
}

function unitOf({ subject }: Objective): ObjectiveResult["unit"] {
  switch (subject.kind) {
    case "latency":
      return "ms";
    case "goodput_ratio":
    case "regression":
      return "ratio";
    case "rate":
      return RATES[subject.metric];
  }
}

const MOST_POINTS = 60;
const SHORTEST_SLICE_NS = 250 * NS_PER_MS;

function timelineOf({ level, record: { window }, requests, underLoad }: LevelSummary): TimelinePoint[] {
  const lengthNs = window.end - window.start;
  if (lengthNs <= 0) return [];
  const count = Math.max(1, Math.min(MOST_POINTS, Math.floor(lengthNs / SHORTEST_SLICE_NS)));
  const { sliceNs, outputTokens, inFlight } = sliceTotals(
    underLoad,
    window.start,
    window.end,
    countsAt(level),
    count,
  );
  const slices = Array.from({ length: count }, () => ({
    ttft: new Histogram(),
    e2e: new Histogram(),
    completed: 0,
    failed: 0,
  }));
  const sliceAt = (at: number) => slices[Math.floor((at - window.start) / sliceNs)];
  for (const request of requests) {
    if (request.outcome === "failed") {
      const slice = sliceAt(request.end);
      if (slice !== undefined) slice.failed++;
    }
    if (request.outcome !== "completed") continue;
    sliceAt(request.firstOutput ?? -1)?.ttft.record(request.ttft!);
    const slice = sliceAt(request.end);
    if (slice === undefined) continue;
    slice.completed++;
    slice.e2e.record(request.e2e!);
  }
  return slices.map(({ ttft, e2e, completed, failed }, i) => ({
    t: ((i + 0.5) * sliceNs) / NS_PER_S,
    completed,
    failed,
    ...(ttft.count > 0 && { ttft_p50: toMs(ttft.quantile(0.5)!), ttft_p95: toMs(ttft.quantile(0.95)!) }),
    ...(e2e.count > 0 && { e2e_p50: toMs(e2e.quantile(0.5)!) }),
    output_throughput: (outputTokens[i]! * NS_PER_S) / sliceNs,
    concurrency: inFlight[i]! / sliceNs,
  }));
}

/** Nanoseconds to milliseconds, to the nanosecond and no further. */
function toMs(ns: number): number {
  return Math.round(ns) / NS_PER_MS;
}

function sum(values: Float64Array): number {
  return values.reduce((total, value) => total + value, 0);
}
