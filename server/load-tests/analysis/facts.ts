import type { ResultView } from "../results/result-view.ts";

/** What the figures of a run say, before it is put into the words of a language. */
export interface AnalysisFacts {
  readonly view: ResultView;
  readonly levels: readonly Level[];
  readonly failed: number;
  readonly total: number;
  /** 0 to 100; undefined when no request ended. */
  readonly errorPercent: number | undefined;
  /** The most frequent first. */
  readonly reasons: readonly { readonly reason: string; readonly count: number; readonly example: string }[];
  readonly goodput: GoodputFacts | undefined;
  readonly saturation: Saturation | undefined;
  readonly ttftGrowth: Growth | undefined;
  readonly tpotGrowth: Growth | undefined;
  readonly findings: readonly NonNullable<ResultView["findings"]>[number][];
  readonly advice: readonly Advice[];
}

export type Level = ResultView["results"][number];

export interface GoodputFacts {
  readonly thresholds: Readonly<Record<string, number>>;
  /** Share of good requests that counts as kept, 0 to 100. */
  readonly target: number;
  /** The highest load up to which every level kept it. */
  readonly kept: Level | undefined;
  /** The first above that. */
  readonly broken: Level | undefined;
}

/** What becomes of a 95th percentile from the lowest load to the highest. */
export interface Growth {
  readonly times: number;
  readonly ms: number;
}

/** Where more load brings no more tokens per second. */
export interface Saturation {
  readonly best: Level;
  /** The lowest load that brings nearly as much. */
  readonly knee: Level;
  /** False when the most came at the highest load: it may go on growing above that. */
  readonly reached: boolean;
}

export type Advice =
  | { readonly kind: "nothing_measured" }
  | { readonly kind: "not_believable" }
  | { readonly kind: "errors"; readonly reason: string; readonly percent: number }
  | { readonly kind: "stay_at"; readonly load: string; readonly percent: number }
  | { readonly kind: "no_level_keeps" }
  | { readonly kind: "all_keep"; readonly load: string }
  | { readonly kind: "no_thresholds" }
  | { readonly kind: "saturated"; readonly load: string }
  | { readonly kind: "go_higher"; readonly load: string }
  | { readonly kind: "one_level" }
  | { readonly kind: "queueing"; readonly times: number }
  | { readonly kind: "decoding"; readonly times: number }
  | { readonly kind: "few_requests"; readonly least: number };

/** What a goodput objective asks for where nothing else is said. */
const GOODPUT_TARGET = 95;
/** Two measurements of the same server differ by about as much. */
const NEARLY = 0.95;
const TOO_MANY_ERRORS = 1;
/** From where on a wait is one that users notice. */
const MUCH_LONGER: Growth = { times: 3, ms: 100 };
const MUCH_SLOWER: Growth = { times: 1.5, ms: 5 };
/** Below it a 99th percentile is the slowest request, or not even measured. */
const ENOUGH_REQUESTS = 100;

/** @param nameOf What a level is called in the report's language. */
export function analysisFacts(view: ResultView, nameOf: (level: Level) => string): AnalysisFacts {
  const levels = view.results.toSorted((a, b) => loadOf(a) - loadOf(b));
  const measured = levels.filter(({ successful_requests }) => successful_requests > 0);
  const total = view.summary.total_requests;
  const failed = sum(levels.map(({ failed_requests }) => failed_requests));
  const facts = {
    view,
    levels,
    failed,
    total,
    errorPercent: total === 0 ? undefined : (100 * failed) / total,
    reasons: reasonsOf(levels),
    goodput: goodputOf(levels),
    saturation: saturationOf(measured),
    ttftGrowth: growth(measured, ({ ttft }) => ttft),
    tpotGrowth: growth(measured, ({ tpot }) => tpot),
    findings: view.findings ?? [],
  };
  return { ...facts, advice: adviceOf(facts, nameOf) };
}

function loadOf({ concurrency, rate }: Level): number {
  return concurrency ?? rate ?? 0;
}

function reasonsOf(levels: readonly Level[]): AnalysisFacts["reasons"] {
  const counts = new Map<string, { count: number; example: string }>();
  for (const { failures = {}, failure_examples: examples = {} } of levels) {
    for (const [reason, count] of Object.entries(failures)) {
      const seen = counts.get(reason);
      counts.set(reason, {
        count: count + (seen?.count ?? 0),
        example: seen?.example || (examples[reason] ?? ""),
      });
    }
  }
  return [...counts].map(([reason, told]) => ({ reason, ...told })).toSorted((a, b) => b.count - a.count);
}

function goodputOf(levels: readonly Level[]): GoodputFacts | undefined {
  const judged = levels.filter(({ goodput }) => goodput !== undefined);
  const first = judged[0]?.goodput;
  if (first === undefined) return undefined;
  const broken = judged.findIndex(({ goodput }) => goodput!.goodput_percent < GOODPUT_TARGET);
  return {
    thresholds: first.thresholds,
    target: GOODPUT_TARGET,
    kept: broken === -1 ? judged.at(-1) : judged[broken - 1],
    broken: judged[broken],
  };
}

function saturationOf(levels: readonly Level[]): Saturation | undefined {
  const known = levels.filter(({ throughput_tokens_per_sec: rate }) => rate != null && rate > 0);
  if (known.length < 2) return undefined;
  const rateOf = (level: Level) => level.throughput_tokens_per_sec ?? 0;
  const best = known.reduce((a, b) => (rateOf(b) > rateOf(a) ? b : a));
  const knee = known.find((level) => rateOf(level) >= NEARLY * rateOf(best)) ?? best;
  return { best, knee, reached: knee !== known.at(-1) };
}

function growth(
  levels: readonly Level[],
  latency: (level: Level) => Level["ttft"] | undefined,
): Growth | undefined {
  const [first, last] = [levels[0], levels.at(-1)];
  if (first === undefined || last === undefined || first === last) return undefined;
  const [before, after] = [latency(first)?.p95, latency(last)?.p95];
  if (before === undefined || after === undefined || before <= 0) return undefined;
  return { times: after / before, ms: after - before };
}

function adviceOf(facts: Omit<AnalysisFacts, "advice">, nameOf: (level: Level) => string): Advice[] {
  const { view, levels, goodput, saturation, errorPercent = 0, reasons, ttftGrowth, tpotGrowth } = facts;
  if (levels.every(({ successful_requests }) => successful_requests === 0)) {
    const [first] = reasons;
    const errors: Advice[] = first ? [{ kind: "errors", reason: first.reason, percent: errorPercent }] : [];
    return [{ kind: "nothing_measured" }, ...errors];
  }
  const advice: Advice[] = [];
  if (view.valid === false) advice.push({ kind: "not_believable" });
  if (errorPercent > TOO_MANY_ERRORS && reasons[0] !== undefined) {
    advice.push({ kind: "errors", reason: reasons[0].reason, percent: errorPercent });
  }
  if (goodput === undefined) advice.push({ kind: "no_thresholds" });
  else if (goodput.kept === undefined) advice.push({ kind: "no_level_keeps" });
  else if (goodput.broken === undefined) advice.push({ kind: "all_keep", load: nameOf(goodput.kept) });
  else {
    const percent = goodput.broken.goodput!.goodput_percent;
    advice.push({ kind: "stay_at", load: nameOf(goodput.kept), percent });
  }
  if (saturation === undefined) advice.push({ kind: "one_level" });
  else if (saturation.reached) advice.push({ kind: "saturated", load: nameOf(saturation.knee) });
  else advice.push({ kind: "go_higher", load: nameOf(saturation.best) });
  if (exceeds(ttftGrowth, MUCH_LONGER)) advice.push({ kind: "queueing", times: ttftGrowth.times });
  if (exceeds(tpotGrowth, MUCH_SLOWER)) advice.push({ kind: "decoding", times: tpotGrowth.times });
  const least = Math.min(...levels.map(({ successful_requests }) => successful_requests));
  if (least < ENOUGH_REQUESTS) advice.push({ kind: "few_requests", least });
  return advice;
}

function exceeds(growth: Growth | undefined, limit: Growth): growth is Growth {
  return growth !== undefined && growth.times >= limit.times && growth.ms >= limit.ms;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
