import type { Criterion, RequestMetric } from "../plan/objective.ts";
import { holds } from "../plan/objective.ts";
import type { Level } from "../plan/plan.ts";
import type { LevelRecord, RequestRecord } from "../record/record.ts";
import { LATENCIES, type LatencyName } from "../result.ts";
import type { FailureReason } from "../send/exchange.ts";
import { NS_PER_S } from "../units.ts";
import { Histogram } from "./histogram.ts";

/** What a level's records amount to. Definitions: docs/metrics.md. */
export interface LevelSummary {
  readonly level: Level;
  readonly record: LevelRecord;
  readonly requests: readonly RequestFacts[];
  readonly latencies: Readonly<Record<LatencyName, Histogram>>;
  readonly failures: ReadonlyMap<FailureReason, { readonly count: number; readonly example: string }>;
}

/** One request without its chunks: what figures over requests are made from. Moments and latencies in nanoseconds. */
export interface RequestFacts extends Readonly<Partial<Record<RequestMetric, number>>> {
  readonly outcome: RequestRecord["outcome"];
  readonly scheduled: number;
  readonly issued: number;
  readonly end: number;
  readonly firstOutput?: number;
  readonly lastOutput?: number;
  readonly inputTokens?: number;
  readonly outputTokens: number;
  readonly tokenSource: RequestRecord["tokenSource"];
  readonly status?: number;
}

/** Folds records, in any order, into a level's summary; keeps no chunk stamps, so memory grows by requests alone. */
export class LevelSummarizer {
  readonly #level: Level;
  readonly #requests: RequestFacts[] = [];
  readonly #latencies = Object.fromEntries(LATENCIES.map((name) => [name, new Histogram()])) as Record<
    LatencyName,
    Histogram
  >;
  readonly #failures = new Map<FailureReason, { count: number; example: string }>();

  constructor(level: Level) {
    this.#level = level;
  }

  add(record: RequestRecord): void {
    const facts = factsOf(record);
    this.#requests.push(facts);
    if (record.sent !== undefined) {
      this.#latencies.issue_delay.record(Math.max(0, record.sent - record.scheduled));
    }
    if (record.failure !== undefined) {
      const seen = this.#failures.get(record.failure.reason);
      if (seen) seen.count++;
      else this.#failures.set(record.failure.reason, { count: 1, example: record.failure.detail });
    }
    if (record.outcome !== "completed") return;
    for (const name of ["ttft", "ttft_sent", "tpot", "e2e"] as const) {
      const value = facts[name];
      if (value !== undefined) this.#latencies[name].record(value);
    }
    for (let i = 1; i < record.outputs.length; i++) {
      this.#latencies.itl.record(record.outputs[i]! - record.outputs[i - 1]!);
    }
  }

  /** For showing progress. */
  soFar(): { completed: number; failed: number; ttftP50Ns?: number } {
    const completed = this.#latencies.e2e.count;
    const ttftP50Ns = this.#latencies.ttft.quantile(0.5);
    const failed = [...this.#failures.values()].reduce((sum, { count }) => sum + count, 0);
    return { completed, failed, ...(ttftP50Ns !== undefined && { ttftP50Ns }) };
  }

  /** Stands in for the record of a level whose end was never written. */
  cutShort(): LevelRecord {
    const start = Math.min(...this.#requests.map((request) => request.scheduled));
    const end = Math.max(...this.#requests.map((request) => request.end));
    return {
      level: this.#level.index,
      window: { start, end },
      warmupRequests: this.#level.warmupRequests,
      host: { cpuRatio: 0, loopDelayP99: 0, connectionsOpened: 0 },
    };
  }

  finish(record: LevelRecord): LevelSummary {
    return {
      level: this.#level,
      record,
      requests: this.#requests,
      latencies: this.#latencies,
      failures: this.#failures,
    };
  }
}

function factsOf(record: RequestRecord): RequestFacts {
  const first = record.outputs[0];
  const last = record.outputs.at(-1);
  const decodeNs = first !== undefined && last !== undefined ? last - first : 0;
  const several = record.outputTokens > 1 && record.outputs.length > 1;
  return {
    outcome: record.outcome,
    scheduled: record.scheduled,
    issued: record.issued,
    end: record.end,
    e2e: record.end - record.scheduled,
    outputTokens: record.outputTokens,
    tokenSource: record.tokenSource,
    ...(record.inputTokens !== undefined && { inputTokens: record.inputTokens }),
    ...(record.status !== undefined && { status: record.status }),
    ...(first !== undefined && { firstOutput: first, ttft: first - record.scheduled }),
    ...(last !== undefined && { lastOutput: last }),
    ...(first !== undefined && record.sent !== undefined && { ttft_sent: Math.max(0, first - record.sent) }),
    ...(several && { tpot: decodeNs / (record.outputTokens - 1) }),
  };
}

/** Completed, and every criterion met; an absent latency never meets one. */
export function isGood(request: RequestFacts, criteria: readonly Criterion[]): boolean {
  return (
    request.outcome === "completed" &&
    criteria.every(({ metric, op, limitNs }) => {
      const value = request[metric];
      return value !== undefined && holds(value, op, limitNs);
    })
  );
}

/** Requests that came to an end by themselves: the denominator of every ratio. */
export function decided(summary: LevelSummary): readonly RequestFacts[] {
  return summary.requests.filter((request) => request.outcome !== "incomplete");
}

export interface WindowRates {
  readonly requestThroughput: number;
  readonly outputThroughput: number;
  /** Absent when the server told no prompt lengths. */
  readonly inputThroughput?: number;
  /** Time-average of requests in flight. */
  readonly concurrency: number;
}

/** The rates of any stretch of time: the whole window, or one slice of it. */
export function ratesBetween(requests: readonly RequestFacts[], startNs: number, endNs: number): WindowRates {
  let completed = 0;
  let output = 0;
  let input = 0;
  let inputKnown = false;
  let inFlightNs = 0;
  for (const request of requests) {
    const inside = overlap(request.issued, request.end, startNs, endNs);
    inFlightNs += inside;
    if (request.outcome !== "completed") continue;
    // A request that straddles an edge counts by the share of its time inside: in a closed loop many end
    // together, and counting ends alone would read low by up to a whole round.
    completed += request.end > request.issued ? inside / (request.end - request.issued) : 0;
    output += outputTokensBetween(request, startNs, endNs);
    if (request.inputTokens !== undefined) {
      inputKnown = true;
      const at = request.firstOutput ?? request.end;
      if (at > startNs && at <= endNs) input += request.inputTokens;
    }
  }
  const seconds = (endNs - startNs) / NS_PER_S;
  return {
    requestThroughput: completed / seconds,
    outputThroughput: output / seconds,
    ...(inputKnown && { inputThroughput: input / seconds }),
    concurrency: inFlightNs / (endNs - startNs),
  };
}

/** A request's tokens came between its first and its last chunk, the first token with the first. */
function outputTokensBetween(request: RequestFacts, startNs: number, endNs: number): number {
  const { firstOutput: first, lastOutput: last, outputTokens } = request;
  if (first === undefined || last === undefined || outputTokens === 0) return 0;
  const firstToken = first > startNs && first <= endNs ? 1 : 0;
  if (outputTokens === 1 || last === first) return firstToken * outputTokens;
  return firstToken + ((outputTokens - 1) * overlap(first, last, startNs, endNs)) / (last - first);
}

function overlap(from: number, to: number, startNs: number, endNs: number): number {
  return Math.max(0, Math.min(to, endNs) - Math.max(from, startNs));
}
