import { closest, distance } from "fastest-levenshtein";
import type { Mistake } from "../errors.ts";
import { LATENCIES, type LatencyName } from "../result.ts";
import { NS_PER_MS } from "../units.ts";
import { type Op, Scanner, SyntaxMistake } from "./scanner.ts";

export type { Op };

/**
 * The language of objectives.
 *
 *   objective  = subject op value | figure "regression" ( "<" | "<=" ) number [ "%" ]
 *   subject    = latency "_" statistic | rate | "goodput_ratio" "(" criterion { "," criterion } ")"
 *   criterion  = latency op value
 *   figure     = latency "_" ( "p" digits | "mean" ) | "error_rate" | "request_throughput" | "output_throughput"
 *   latency    = "ttft" | "ttft_sent" | "itl" | "tpot" | "e2e" | "issue_delay"
 *   statistic  = "p" digits | "mean" | "min" | "max"
 *   rate       = "error_rate" | "request_throughput" | "output_throughput" | …
 *   op         = "<" | "<=" | ">" | ">="
 *   value      = number [ "ns" | "us" | "ms" | "s" | "m" | "%" | "tok/s" | "req/s" ]
 *
 * A regression is how much worse a figure is than the baseline's: more latency and less throughput as a share
 * of the baseline, more failures as percentage points, since a share of no failures is nothing.
 *
 * Two dialects are read too: k6's `p(95)<500` (of e2e, or of `ttft:` written before it) and vLLM's
 * `ttft:500 tpot:50`, which asks that 95 % of requests keep all of these.
 */
export interface Objective {
  /** In one canonical spelling. */
  readonly text: string;
  readonly subject: Subject;
  readonly op: Op;
  /** Nanoseconds, a ratio, or per second, as the subject has it. */
  readonly limit: number;
}

export type Subject =
  | { readonly kind: "latency"; readonly metric: LatencyName; readonly statistic: Statistic }
  | { readonly kind: "goodput_ratio"; readonly criteria: readonly Criterion[] }
  | { readonly kind: "rate"; readonly metric: RateName }
  /** How much worse than the baseline; its limit is a ratio, for `error_rate` a difference of ratios. */
  | { readonly kind: "regression"; readonly of: ComparableFigure };

/** A figure that has an interval in both runs, and so can be compared. */
export type ComparableFigure =
  | {
      readonly kind: "latency";
      readonly metric: LatencyName;
      readonly statistic: Extract<Statistic, { kind: "quantile" | "mean" }>;
    }
  | { readonly kind: "rate"; readonly metric: ComparableRate };

export type Statistic =
  | { readonly kind: "quantile"; readonly q: number }
  | { readonly kind: "mean" }
  | { readonly kind: "min" | "max" };

/** Kept or not by one request. */
export interface Criterion {
  readonly metric: RequestMetric;
  readonly op: Op;
  readonly limitNs: number;
}

/** Rates and ratios of a whole window, with the unit their limits are given in. */
export const RATES = {
  error_rate: "ratio",
  request_throughput: "1/s",
  output_throughput: "tok/s",
  input_throughput: "tok/s",
  total_throughput: "tok/s",
} as const;
export type RateName = keyof typeof RATES;

/** Rates that every result holds over time, so that a comparison knows how they vary. */
export const COMPARABLE_RATES = ["error_rate", "request_throughput", "output_throughput"] as const;
export type ComparableRate = (typeof COMPARABLE_RATES)[number];

/** Latencies of which a request has exactly one. */
export const REQUEST_METRICS = ["ttft", "ttft_sent", "tpot", "e2e"] as const;
export type RequestMetric = (typeof REQUEST_METRICS)[number];

const DEFAULT_GOODPUT_SHARE = 0.95;

/** Parses the whole set; every mistake names its line and column and the nearest right word. */
export function parseObjectives(lines: readonly string[]): { objectives: Objective[]; mistakes: Mistake[] } {
  const objectives: Objective[] = [];
  const mistakes: Mistake[] = [];
  for (const [line, text] of lines.entries()) {
    try {
      objectives.push(parseObjective(text));
    } catch (error) {
      if (!(error instanceof SyntaxMistake)) throw error;
      mistakes.push({
        field: `slo ${line + 1}`,
        value: text,
        message: `column ${error.column + 1}: ${error.message}`,
      });
    }
  }
  return { objectives, mistakes };
}

export function parseObjective(text: string): Objective {
  const scanner = new Scanner(text);
  const objective = vllmDialect(scanner) ?? k6Dialect(scanner) ?? ownLanguage(scanner);
  scanner.end();
  return objective;
}

/** Whether `value` keeps the objective's limit. */
export function holds(value: number, op: Op, limit: number): boolean {
  switch (op) {
    case "<":
      return value < limit;
    case "<=":
      return value <= limit;
    case ">":
      return value > limit;
    case ">=":
      return value >= limit;
  }
}

/** "<" and "<=" keep a value down, ">" and ">=" keep it up. */
export function isUpperLimit(op: Op): boolean {
  return op === "<" || op === "<=";
}

function ownLanguage(scanner: Scanner): Objective {
  const at = scanner.position;
  const name = scanner.word("a metric, for example ttft_p95");
  if (scanner.regression()) return regression(scanner, at, name);
  if (name === "goodput_ratio") {
    const criteria = scanner.list(() => criterion(scanner));
    const op = scanner.op();
    const limit = scanner.ratio();
    return goodputRatio(criteria, op, limit);
  }
  if (name in RATES) {
    const metric = name as RateName;
    const op = scanner.op();
    const limit = RATES[metric] === "ratio" ? scanner.ratio() : scanner.perSecond();
    return rateObjective(metric, op, limit);
  }
  const subject = latencySubject(name) ?? scanner.fail(at, unknownMetric(name));
  const op = scanner.op();
  return latencyObjective(subject.metric, subject.statistic, op, scanner.durationNs());
}

function regression(scanner: Scanner, at: number, name: string): Objective {
  const of = comparableFigure(name) ?? scanner.fail(at, incomparable(name));
  const opAt = scanner.position;
  const op = scanner.op();
  if (!isUpperLimit(op)) {
    scanner.fail(opAt, `a regression is kept down; write it as ${name} regression < 10%.`);
  }
  const limit = scanner.change(of.kind === "rate" && of.metric === "error_rate");
  const text = `${figureName(of)} regression ${op} ${plain(limit * 100)}%`;
  return { text, subject: { kind: "regression", of }, op, limit };
}

function comparableFigure(name: string): ComparableFigure | undefined {
  const rate = COMPARABLE_RATES.find((known) => known === name);
  if (rate !== undefined) return { kind: "rate", metric: rate };
  const latency = latencySubject(name);
  if (latency === undefined) return undefined;
  const { metric, statistic } = latency;
  switch (statistic.kind) {
    case "quantile":
    case "mean":
      return { kind: "latency", metric, statistic };
    default:
      return undefined;
  }
}

function incomparable(name: string): string {
  const latency = latencySubject(name);
  if (latency !== undefined) {
    return `${name} rests on a single request and has no interval to compare; take ${latency.metric}_p99.`;
  }
  if (name in RATES || name === "goodput_ratio") {
    return `${name} is not compared with a baseline; known are ${LATENCIES.map((l) => `${l}_pNN`).join(", ")}, ${COMPARABLE_RATES.join(", ")}.`;
  }
  return unknownMetric(name);
}

/** k6: `p(95)<500`, `avg<200`, with `ttft:` before it for a latency other than e2e. */
function k6Dialect(scanner: Scanner): Objective | undefined {
  const match = scanner.match(
    /(?:([a-z_]+)\s*:\s*)?(?:p\(\s*(\d+(?:\.\d+)?)\s*\)|(avg|med|min|max)(?=\s*[<>]))/y,
  );
  if (!match) return undefined;
  const metric = match[1] ?? "e2e";
  if (!isLatency(metric)) return scanner.fail(0, unknownMetric(metric));
  const statistic: Statistic =
    match[2] !== undefined
      ? (quantile(match[2]) ?? scanner.fail(0, `p(${match[2]}) is no percentile between 0 and 100.`))
      : match[3] === "med"
        ? { kind: "quantile", q: 0.5 }
        : { kind: match[3] === "avg" ? "mean" : (match[3] as "min" | "max") };
  const op = scanner.op();
  return latencyObjective(metric, statistic, op, scanner.durationNs());
}

/** vLLM's `--goodput ttft:500 tpot:50`: milliseconds, and `e2el` for e2e. */
function vllmDialect(scanner: Scanner): Objective | undefined {
  if (!/^\s*\w+\s*:\s*[\d.]+/.test(scanner.text)) return undefined;
  const criteria: Criterion[] = [];
  while (!scanner.done()) {
    const at = scanner.position;
    const word = scanner.word("a latency, for example ttft");
    const metric = word === "e2el" ? "e2e" : word;
    if (!isRequestMetric(metric)) return scanner.fail(at, unknownMetric(word, REQUEST_METRICS));
    scanner.expect(":");
    criteria.push({ metric, op: "<=", limitNs: scanner.durationNs() });
  }
  return goodputRatio(criteria, ">=", DEFAULT_GOODPUT_SHARE);
}

function criterion(scanner: Scanner): Criterion {
  const at = scanner.position;
  const metric = scanner.word("a latency, for example ttft");
  if (!isRequestMetric(metric)) return scanner.fail(at, unknownMetric(metric, REQUEST_METRICS));
  return { metric, op: scanner.op(), limitNs: scanner.durationNs() };
}

function latencyObjective(metric: LatencyName, statistic: Statistic, op: Op, limitNs: number): Objective {
  const text = `${metric}_${statisticName(statistic)} ${op} ${durationText(limitNs)}`;
  return { text, subject: { kind: "latency", metric, statistic }, op, limit: limitNs };
}

function goodputRatio(criteria: readonly Criterion[], op: Op, limit: number): Objective {
  const text = `goodput_ratio(${criteria.map(criterionText).join(", ")}) ${op} ${plain(limit * 100)}%`;
  return { text, subject: { kind: "goodput_ratio", criteria }, op, limit };
}

function rateObjective(metric: RateName, op: Op, limit: number): Objective {
  const unit = RATES[metric];
  const value =
    unit === "ratio" ? `${plain(limit * 100)}%` : `${plain(limit)} ${unit === "1/s" ? "req/s" : unit}`;
  return { text: `${metric} ${op} ${value}`, subject: { kind: "rate", metric }, op, limit };
}

function criterionText({ metric, op, limitNs }: Criterion): string {
  return `${metric} ${op} ${durationText(limitNs)}`;
}

/** "ttft_p95", "error_rate": as objectives and comparisons call it. */
export function figureName(figure: ComparableFigure): string {
  return figure.kind === "rate" ? figure.metric : `${figure.metric}_${statisticName(figure.statistic)}`;
}

/** "p95", "p99.9", "mean". */
export function statisticName(statistic: Statistic): string {
  return statistic.kind === "quantile" ? `p${plain(statistic.q * 100)}` : statistic.kind;
}

function latencySubject(name: string): { metric: LatencyName; statistic: Statistic } | undefined {
  const split = /^(.+)_(p\d+(?:\.\d+)?|mean|avg|median|min|max)$/.exec(name);
  if (!split || !isLatency(split[1]!)) return undefined;
  const word = split[2]!;
  if (word === "min" || word === "max") return { metric: split[1], statistic: { kind: word } };
  if (word === "mean" || word === "avg") return { metric: split[1], statistic: { kind: "mean" } };
  if (word === "median") return { metric: split[1], statistic: { kind: "quantile", q: 0.5 } };
  const statistic = quantile(word.slice(1));
  return statistic && { metric: split[1], statistic };
}

/** "95" → 0.95, "99.9" and "999" → 0.999. */
function quantile(digits: string): Statistic | undefined {
  const q = /^99\d+$/.test(digits) ? Number(`0.${digits}`) : Number(digits) / 100;
  return q > 0 && q < 1 ? { kind: "quantile", q: Number(q.toPrecision(12)) } : undefined;
}

function unknownMetric(name: string, known?: readonly string[]): string {
  if (known === undefined && isLatency(name)) {
    const choices = `${name}_p95 or ${name}_mean`;
    return isRequestMetric(name)
      ? `${name} is one value per request; name a statistic of it (${choices}), or goodput_ratio(${name}<500ms).`
      : `${name} is a whole distribution; name a statistic of it (${choices}).`;
  }
  const words = known ?? [
    ...Object.keys(RATES),
    "goodput_ratio",
    ...LATENCIES.flatMap((latency) =>
      ["p50", "p90", "p95", "p99", "mean", "max"].map((s) => `${latency}_${s}`),
    ),
  ];
  const near = closest(name, words);
  const suggestion =
    distance(name, near) <= Math.max(2, name.length / 3)
      ? `did you mean ${near}?`
      : `known are ${(known ?? [...LATENCIES.map((l) => `${l}_pNN`), ...Object.keys(RATES), "goodput_ratio(…)"]).join(", ")}.`;
  return `"${name}" is no metric; ${suggestion}`;
}

function isLatency(name: string): name is LatencyName {
  return (LATENCIES as readonly string[]).includes(name);
}

function isRequestMetric(name: string): name is RequestMetric {
  return (REQUEST_METRICS as readonly string[]).includes(name);
}

function durationText(ns: number): string {
  const ms = ns / NS_PER_MS;
  return ms >= 1000 && ms % 100 === 0 ? `${plain(ms / 1000)}s` : `${plain(ms)}ms`;
}

function plain(value: number): string {
  return String(Number(value.toPrecision(12)));
}
