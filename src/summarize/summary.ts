import type { Criterion, RequestMetric } from "../plan/objective.ts";
import { holds } from "../plan/objective.ts";
import { isOpenLoop, type Level } from "../plan/plan.ts";
import type { LevelRecord, RequestRecord, StretchRecord } from "../record/record.ts";
import { LATENCIES, type LatencyName } from "../result.ts";
import type { FailureReason } from "../send/exchange.ts";
import { NS_PER_S } from "../units.ts";
import { type ChunkArrival, chunkArrival } from "./chunk-arrival.ts";
import { Histogram } from "./histogram.ts";
import { mergedSections, mergeSections, type Sections, sectionOf } from "./sections.ts";

/** What a level's records amount to. Definitions: docs/metrics.md. */
export interface LevelSummary {
  readonly level: Level;
  readonly record: LevelRecord;
  /** Those of the window, by arrival: the order in which one delays the next. */
  readonly requests: readonly RequestFacts[];
  /** Those of the plan before it, when the level had not settled; absent: none. */
  readonly leftOut?: readonly RequestFacts[];
  /** Those, and the ones before the window that reach into it: what rates are made of. */
  readonly underLoad: readonly RequestFacts[];
  readonly latencies: Readonly<Record<LatencyName, Histogram>>;
  /** `itl` of each stretch by section of its requests (`sectionOf`), since gaps are kept with none of them. */
  readonly itlSections: readonly Sections[];
  readonly failures: ReadonlyMap<FailureReason, { readonly count: number; readonly example: string }>;
}

/** Of every level, of the target and, where there is one, of the baseline measured beside it. */
export interface Summaries {
  readonly head: LevelSummary[];
  readonly base: LevelSummary[];
}

/** One request without its chunks: what figures over requests are made from. Nanoseconds; moments count from the level's start. */
export interface RequestFacts
  extends Readonly<Partial<Record<RequestMetric, number>>>,
    Partial<ChunkArrival> {
  readonly outcome: RequestRecord["outcome"];
  readonly failure?: FailureReason;
  /** In the plan's order. */
  readonly index: number;
  /** Which of the level's stretches it belongs to, from 0 on. */
  readonly stretch: number;
  readonly scheduled: number;
  readonly issued: number;
  /** How late we were ourselves: what waiting for `max-concurrency` and opening a connection took is not in it. */
  readonly lateness: number;
  readonly held?: number;
  readonly end: number;
  /** From the planned moment until it was sent. */
  readonly issueDelay?: number;
  /** Where its stretch's window opened, when it came before that: until there it counts in no rate. */
  readonly countsFrom?: number;
  /** Where its stretch's window closed, when it went on beyond that: from there on it counts in no rate. */
  readonly cutOff?: number;
  readonly firstOutput?: number;
  readonly lastOutput?: number;
  readonly inputTokens?: number;
  /** Of the input, those that the server had in its cache. */
  readonly cachedTokens?: number;
  /** Of the input, those that the plan has in common with prompts before it. */
  readonly sharedTokens?: number;
  readonly outputTokens: number;
  readonly tokenSource: RequestRecord["tokenSource"];
  readonly status?: number;
}

/**
 * Folds records, in any order, into a level's summary; keeps no chunk stamps, so memory grows by requests alone.
 * The stretches of a level are put one behind the other, as though they had been measured without a break.
 */
export class LevelSummarizer {
  readonly #level: Level;
  readonly #requests: RequestFacts[] = [];
  readonly #underLoad: RequestFacts[] = [];
  readonly #latencies = newHistograms();
  readonly #itlSections: (Histogram | undefined)[][] = [];
  readonly #failures = new Map<FailureReason, { count: number; example: string }>();
  readonly #stretches: StretchRecord[] = [];
  #outputTokens = 0;
  /** What turns a stamp of this stretch into one of the level's own time. */
  #shiftNs = 0;
  #lengthNs = 0;
  #startNs = 0;
  #lastNs = 0;
  #open = false;
  #firstOfStretch = 0;

  constructor(level: Level) {
    this.#level = level;
  }

  begin(startNs: number): void {
    this.#open = true;
    this.#itlSections.push([]);
    this.#startNs = startNs;
    this.#lastNs = startNs;
    this.#shiftNs = this.#lengthNs - startNs;
  }

  add(record: RequestRecord): void {
    const facts = factsOf(record, this.#stretches.length, this.#shiftNs);
    this.#outputTokens += facts.outputTokens;
    this.#lastNs = Math.max(this.#lastNs, record.end);
    if (record.ramp) {
      if (record.end > this.#startNs) this.#underLoad.push({ ...facts, countsFrom: this.#lengthNs });
      return;
    }
    if (record.held !== undefined) this.#latencies.held.record(record.held);
    this.#requests.push(facts);
    this.#underLoad.push(facts);
    if (facts.issueDelay !== undefined) this.#latencies.issue_delay.record(facts.issueDelay);
    if (record.failure !== undefined) {
      const seen = this.#failures.get(record.failure.reason);
      if (seen) seen.count++;
      else this.#failures.set(record.failure.reason, { count: 1, example: record.failure.detail });
    }
    if (record.outcome !== "completed") return;
    recordLatencies(facts, this.#latencies);
    if (record.outputs.length < 2) return;
    const sections = this.#itlSections[this.#stretches.length]!;
    const section = sectionOf(record.index);
    const gaps = sections[section] ?? new Histogram();
    sections[section] = gaps;
    for (let i = 1; i < record.outputs.length; i++) gaps.record(record.outputs[i]! - record.outputs[i - 1]!);
  }

  end(stretch: StretchRecord): void {
    this.#open = false;
    this.#stretches.push(stretch);
    this.#lengthNs += stretch.window.end - stretch.window.start;
    // What is left of a stretch after its window must not count in the next one's, put behind it.
    for (const request of this.#underLoad.slice(this.#firstOfStretch)) {
      if (request.end > this.#lengthNs) Object.assign(request, { cutOff: this.#lengthNs });
    }
    this.#firstOfStretch = this.#underLoad.length;
  }

  /** For a stretch whose end was never written: it ended with its last request. */
  cutShort(): void {
    this.end({
      level: this.#level.index,
      window: { start: this.#startNs, end: Math.max(this.#startNs + 1, this.#lastNs) },
      host: { cpuRatio: 0, loopDelayP99: 0, connectionsOpened: 0 },
    });
  }

  /** Cheap enough to ask after every request. */
  soFar(): {
    completed: number;
    failed: number;
    outputTokens: number;
    meanLatencyNs?: number;
    meanTtftNs?: number;
  } {
    const { count: completed, mean: meanLatencyNs } = this.#latencies.e2e;
    const meanTtftNs = this.#latencies.ttft.mean;
    let failed = 0;
    for (const { count } of this.#failures.values()) failed += count;
    const outputTokens = this.#outputTokens;
    return {
      completed,
      failed,
      outputTokens,
      ...(meanLatencyNs !== undefined && { meanLatencyNs }),
      ...(meanTtftNs !== undefined && { meanTtftNs }),
    };
  }

  /** Those of the window that ended by now. */
  get requests(): readonly RequestFacts[] {
    return this.#requests;
  }

  /** For showing progress. */
  medianTtftNs(): number | undefined {
    return this.#latencies.ttft.quantile(0.5);
  }

  /** What there is by now; what is measured later is added to it. An open stretch counts up to its last request. */
  finish(): LevelSummary {
    const lengthNs = this.#lengthNs + (this.#open ? this.#lastNs - this.#startNs : 0);
    const last = this.#stretches.at(-1);
    const host = this.#stretches.map((stretch) => stretch.host);
    const server = this.#stretches.findLast((stretch) => stretch.server !== undefined)?.server;
    return {
      level: this.#level,
      record: {
        window: { start: 0, end: Math.max(1, lengthNs) },
        stretches: stretchesOf(this.#stretches, lengthNs),
        host: {
          cpuRatio: Math.max(0, ...host.map(({ cpuRatio }) => cpuRatio)),
          loopDelayP99: Math.max(0, ...host.map(({ loopDelayP99 }) => loopDelayP99)),
          connectionsOpened: host.reduce((sum, { connectionsOpened }) => sum + connectionsOpened, 0),
        },
        ...(last?.endedBy !== undefined && { endedBy: last.endedBy }),
        ...(last?.confidence !== undefined && { confidence: last.confidence }),
        ...(server !== undefined && { server }),
      },
      requests: byArrival(this.#requests),
      underLoad: this.#underLoad,
      latencies: { ...this.#latencies, itl: mergedSections(this.#itlSections) },
      itlSections: this.#itlSections,
      failures: this.#failures,
    };
  }
}

/**
 * The parts of one level that were measured at the same time, on several machines, as one: requests and
 * histograms are added up, exactly; the window is the time in which all parts were under way.
 */
export function mergeSummaries(parts: readonly LevelSummary[]): LevelSummary {
  const [first] = parts;
  if (first === undefined) throw new RangeError("There is nothing to merge.");
  // A part may have had nothing to do: it was under way no time at all.
  const atWork = parts.filter(({ requests }) => requests.length > 0);
  const busy = atWork.length > 0 ? atWork : parts;
  const latencies = newHistograms();
  const itlSections = first.itlSections.map((_, stretch) =>
    mergeSections(parts.map((part) => part.itlSections[stretch] ?? [])),
  );
  const failures = new Map<FailureReason, { count: number; example: string }>();
  for (const part of parts) {
    for (const name of LATENCIES) latencies[name].merge(part.latencies[name]);
    for (const [reason, { count, example }] of part.failures) {
      const seen = failures.get(reason);
      failures.set(reason, { count: count + (seen?.count ?? 0), example: seen?.example ?? example });
    }
  }
  return {
    level: first.level,
    record: {
      ...first.record,
      window: { start: 0, end: Math.min(...busy.map(({ record }) => record.window.end)) },
      host: {
        cpuRatio: Math.max(...parts.map(({ record }) => record.host.cpuRatio)),
        loopDelayP99: Math.max(...parts.map(({ record }) => record.host.loopDelayP99)),
        connectionsOpened: parts.reduce((sum, { record }) => sum + record.host.connectionsOpened, 0),
      },
    },
    requests: byArrival(parts.flatMap(({ requests }) => requests)),
    underLoad: parts.flatMap(({ underLoad }) => underLoad),
    latencies,
    itlSections,
    failures,
  };
}

function byArrival(requests: readonly RequestFacts[]): readonly RequestFacts[] {
  return requests.toSorted((a, b) => a.scheduled - b.scheduled);
}

/** Where each stretch lies in the level's own time; one that is still open is the last. */
function stretchesOf(ended: readonly StretchRecord[], lengthNs: number): LevelRecord["stretches"] {
  let end = 0;
  const stretches = ended.map(({ window }) => {
    const start = end;
    end += window.end - window.start;
    return { start, end };
  });
  return lengthNs > end ? [...stretches, { start: end, end: lengthNs }] : stretches;
}

/** All latencies of one request but its gaps. */
export function recordLatencies(facts: RequestFacts, latencies: LevelSummary["latencies"]): void {
  for (const name of ["ttft", "ttft_sent", "tpot", "e2e"] as const) {
    const value = facts[name];
    if (value !== undefined) latencies[name].record(value);
  }
}

export function newHistograms(): Record<LatencyName, Histogram> {
  return Object.fromEntries(LATENCIES.map((name) => [name, new Histogram()])) as Record<
    LatencyName,
    Histogram
  >;
}

function factsOf(record: RequestRecord, stretch: number, shiftNs: number): RequestFacts {
  const first = record.outputs[0];
  const last = record.outputs.at(-1);
  const decodeNs = first !== undefined && last !== undefined ? last - first : 0;
  const several = record.outputTokens > 1 && record.outputs.length > 1;
  const facts: { -readonly [Fact in keyof RequestFacts]: RequestFacts[Fact] } = {
    outcome: record.outcome,
    index: record.index,
    stretch,
    scheduled: record.scheduled + shiftNs,
    issued: record.issued + shiftNs,
    lateness: Math.max(0, record.issued - record.scheduled - (record.held ?? 0)),
    end: record.end + shiftNs,
    e2e: record.end - record.scheduled,
    outputTokens: record.outputTokens,
    tokenSource: record.tokenSource,
  };
  if (record.inputTokens !== undefined) facts.inputTokens = record.inputTokens;
  if (record.failure !== undefined) facts.failure = record.failure.reason;
  if (record.sent !== undefined) facts.issueDelay = Math.max(0, record.sent - record.scheduled);
  if (record.cachedTokens !== undefined) facts.cachedTokens = record.cachedTokens;
  if (record.sharedTokens !== undefined) facts.sharedTokens = record.sharedTokens;
  if (record.status !== undefined) facts.status = record.status;
  if (record.held !== undefined) facts.held = record.held;
  if (first !== undefined && last !== undefined) {
    facts.firstOutput = first + shiftNs;
    facts.lastOutput = last + shiftNs;
    facts.ttft = first - record.scheduled;
    if (record.sent !== undefined) facts.ttft_sent = Math.max(0, first - record.sent);
  }
  if (record.outputs.length > 1) {
    Object.assign(facts, chunkArrival(record.outputs, record.sent ?? record.issued, record.end));
  }
  if (several) facts.tpot = decodeNs / (record.outputTokens - 1);
  return facts;
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

/** Requests of the window that came to an end by themselves: what latencies are of, and ratios of good ones. */
export const decided = oncePerSummary(({ requests }) => filtered(requests, isDecided));

/** Those of the window that were answered whole: what latencies are of. */
export const completedOf = oncePerSummary((summary) =>
  filtered(decided(summary), ({ outcome }) => outcome === "completed"),
);

/** All of the plan, before the level had settled too: who fails while a service starts has failed. */
export const decidedOfAll = oncePerSummary((summary) =>
  summary.leftOut === undefined
    ? decided(summary)
    : [...summary.leftOut.filter(isDecided), ...decided(summary)],
);

/** Every check and figure asks again, and there may be a million requests. */
export function oncePerSummary<T extends object>(
  make: (summary: LevelSummary) => T,
): (summary: LevelSummary) => T {
  const known = new WeakMap<LevelSummary, T>();
  return (summary) => {
    const made = known.get(summary) ?? make(summary);
    known.set(summary, made);
    return made;
  };
}

/** No copy where all are meant. */
function filtered(
  requests: readonly RequestFacts[],
  is: (request: RequestFacts) => boolean,
): readonly RequestFacts[] {
  return requests.every(is) ? requests : requests.filter(is);
}

function isDecided({ outcome }: RequestFacts): boolean {
  return outcome !== "incomplete";
}

/** One figure of each request that has it, in their order. */
export function valuesOf(
  requests: readonly RequestFacts[],
  of: (request: RequestFacts) => number | undefined,
): Float64Array {
  const values = new Float64Array(requests.length);
  let count = 0;
  for (const request of requests) {
    const value = of(request);
    if (value !== undefined) values[count++] = value;
  }
  return values.subarray(0, count);
}

export interface WindowRates {
  readonly requestThroughput: number;
  readonly outputThroughput: number;
  /** Absent when the server told no prompt lengths. */
  readonly inputThroughput?: number;
  /** Time-average of requests in flight. */
  readonly concurrency: number;
}

/** Of a level's whole window, by all that was under way in it. */
export function ratesOf({ underLoad, level, record: { window } }: LevelSummary): WindowRates {
  return ratesBetween(underLoad, window.start, window.end, countsAt(level));
}

/**
 * How a request counts that straddles the edge of a window. In a closed loop many end together, and counting ends alone
 * would read low by up to a whole round: it counts by the share of its time inside. In an open loop that would take
 * waiting in a queue that grows for work done.
 */
export type CountsAt = "share" | "end";

export function countsAt({ load }: Level): CountsAt {
  return isOpenLoop(load) ? "end" : "share";
}

/**
 * The rates of any stretch of time: the whole window, or a part of it.
 * @param requests all that were under way in it, those that came before the window among them (`underLoad`).
 */
export function ratesBetween(
  requests: readonly RequestFacts[],
  startNs: number,
  endNs: number,
  counts: CountsAt = "share",
): WindowRates {
  let completed = 0;
  let output = 0;
  let input = 0;
  let inputKnown = false;
  let inFlightNs = 0;
  for (const request of requests) {
    const from = Math.max(startNs, request.countsFrom ?? startNs);
    const until = Math.min(endNs, request.cutOff ?? endNs);
    const inside = overlap(request.issued, request.end, from, until);
    inFlightNs += inside;
    if (request.outcome !== "completed") continue;
    if (counts === "end") completed += request.end > from && request.end <= until ? 1 : 0;
    else completed += request.end > request.issued ? inside / (request.end - request.issued) : 0;
    output += outputTokensBetween(request, from, until);
    if (request.inputTokens !== undefined) {
      inputKnown = true;
      const at = request.firstOutput ?? request.end;
      if (at > from && at <= until) input += request.inputTokens;
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
  if (outputTokens === 0) return 0;
  // An answer that came whole has its tokens at its end.
  if (first === undefined || last === undefined)
    return request.end > startNs && request.end <= endNs ? outputTokens : 0;
  const firstToken = first > startNs && first <= endNs ? 1 : 0;
  if (outputTokens === 1 || last === first) return firstToken * outputTokens;
  return firstToken + ((outputTokens - 1) * overlap(first, last, startNs, endNs)) / (last - first);
}

function overlap(from: number, to: number, startNs: number, endNs: number): number {
  return Math.max(0, Math.min(to, endNs) - Math.max(from, startNs));
}
