import { setMaxListeners } from "node:events";
import { mkdir } from "node:fs/promises";
import { arch, cpus, platform } from "node:os";
import { join } from "node:path";
import { type Clock, systemClock } from "../clock.ts";
import { ConfigError, GoodputError } from "../errors.ts";
import { confidenceAtLook, looksFor } from "../judge/decisive.ts";
import { judge, worst } from "../judge/verdict.ts";
import { textFetcher } from "../observe/fetch-text.ts";
import { type FetchText, type Observer, observeTarget } from "../observe/observe-target.ts";
import { decidedOnTheWay } from "../plan/decided-on-the-way.ts";
import type { Level, Plan, Target } from "../plan/plan.ts";
import { freshSalt, uniqueId } from "../random.ts";
import type { EndReason, RequestRecord } from "../record/record.ts";
import {
  RECORDS_SCHEMA,
  type RecordsFooter,
  type RecordsHeader,
  type RecordsWriter,
  writeRecords,
} from "../record/records-file.ts";
import { redactor } from "../redact.ts";
import { buildResult } from "../report/build-result.ts";
import type { Outcome, Result } from "../result.ts";
import type { Transport } from "../send/transport.ts";
import { undiciTransport } from "../send/undici-transport.ts";
import { leaveOutStart } from "../summarize/leave-out-start.ts";
import { LevelSummarizer, type LevelSummary, ratesOf, type Summaries } from "../summarize/summary.ts";
import { VERSION } from "../version.ts";
import { blocksOf, type Side } from "./blocks.ts";
import { endReason } from "./end-reason.ts";
import { type Explored, nextLevel } from "./explore.ts";
import { createGenerator, type Generator, type Part, rampOf, type Stretch } from "./generator.ts";
import { later } from "./later.ts";
import { type Progress, progressOf } from "./progress.ts";
import { threadedGenerator } from "./threads.ts";

export interface RunOptions {
  /** Sent to the target as a bearer token, and to a baseline of the same origin; part of no record. */
  readonly apiKey?: string;
  /** Sent to the baseline. */
  readonly baselineApiKey?: string;
  /** Where records.jsonl goes; without it nothing is written. */
  readonly outDir?: string;
  /** Ends the run early; what was measured is kept. */
  readonly signal?: AbortSignal;
  /** Called a few times a second. */
  readonly onProgress?: (progress: Progress) => void;
  /** A stored result to compare with; where the plan has a baseline of its own, that one counts. */
  readonly stored?: Result;
  /** The part of the plan that is done here; the others are done elsewhere and merged. */
  readonly shard?: Part;
  /** Threads that share the load, each with an event loop and connections of its own. */
  readonly threads?: number;
  readonly clock?: Clock;
  readonly transport?: (origin: string, clock: Clock) => Transport;
}

/**
 * plan → schedule → send → record → summarize → judge → report.
 * @throws GoodputError for what stops a run; a request that fails is a record.
 */
export async function runPlan(plan: Plan, options: RunOptions = {}): Promise<Result> {
  refuseShard(plan, options.shard ?? WHOLE);
  const clock = options.clock ?? systemClock();
  const stop = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, stop.signal]) : stop.signal;
  // Every request in flight listens to it.
  setMaxListeners(0, signal);
  const closing: { close(): Promise<void> }[] = [];
  const salt = plan.workload.promptCache === "cold" ? (plan.promptSalt ?? freshSalt()) : undefined;
  const generatorFor = async (target: Target, side: Side, apiKey: string | undefined) => {
    const shared = {
      plan,
      target,
      part: options.shard ?? WHOLE,
      ...(salt !== undefined && { salt: saltOf(side, salt) }),
      ...(apiKey !== undefined && { apiKey }),
      signal,
      clock,
    };
    const threads = options.threads ?? 1;
    const generator =
      threads > 1
        ? threadedGenerator({ ...shared, threads })
        : await createGenerator({ ...shared, transport: options.transport ?? undiciTransport });
    closing.push(generator);
    return generator;
  };
  try {
    const head = await generatorFor(plan.target, "head", options.apiKey);
    const base = plan.baseline && (await generatorFor(plan.baseline, "base", baselineKey(plan, options)));
    const model = await head.findModel();
    const baselineModel = await base?.findModel();
    const header: RecordsHeader = {
      ...recordsHeader(plan, model, clock),
      ...(salt !== undefined && { promptSalt: salt }),
      ...(baselineModel !== undefined && { baselineModel }),
      ...(options.shard && { shard: options.shard }),
    };
    const records =
      options.outDir === undefined ? undefined : writeRecords(await recordsPath(options.outDir), header);
    const observe = observerFor(
      plan,
      endpointHeaders(plan, options.apiKey),
      options.transport ?? undiciTransport,
      clock,
    );
    closing.push(observe);
    const run = new Run(plan, head, base, records, observe.start, clock, signal, options.onProgress);
    await (records ? Promise.race([run.measure(), records.failed]) : run.measure());
    const footer: RecordsFooter = {
      state: signal.aborted ? "cancelled" : "completed",
      durationNs: clock.now(),
    };
    await records?.close(footer);
    return buildResult(header, run.summaries, footer, { ...(options.stored && { stored: options.stored }) });
  } finally {
    stop.abort();
    await Promise.all(closing.map((one) => one.close()));
  }
}

/** Base and head may be one server, or share a cache: neither meets the other's prompts. */
function saltOf(side: Side, salt: string): string {
  return side === "base" ? `${salt} base` : salt;
}

const WHOLE: Part = { index: 0, of: 1 };

function refuseShard(plan: Plan, { index, of }: Part): void {
  const decided = decidedOnTheWay(plan);
  if (of === 1 || decided === undefined) return;
  const message = `cannot be a part of this plan: ${decided}, and each part would decide for itself. Do it on one machine.`;
  throw new ConfigError([{ field: "shard", value: `${index + 1}/${of}`, message }]);
}

class Run {
  readonly summaries: Summaries = { head: [], base: [] };
  readonly #plan: Plan;
  readonly #head: Generator;
  readonly #base: Generator | undefined;
  readonly #records: RecordsWriter | undefined;
  readonly #observe: () => Promise<Observer | undefined>;
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  readonly #onProgress: RunOptions["onProgress"];
  /** Of the levels before this one. */
  #outputTokens = 0;

  constructor(
    plan: Plan,
    head: Generator,
    base: Generator | undefined,
    records: RecordsWriter | undefined,
    observe: () => Promise<Observer | undefined>,
    clock: Clock,
    signal: AbortSignal,
    onProgress: RunOptions["onProgress"],
  ) {
    this.#plan = plan;
    this.#head = head;
    this.#base = base;
    this.#records = records;
    this.#observe = observe;
    this.#clock = clock;
    this.#signal = signal;
    this.#onProgress = onProgress;
  }

  async measure(): Promise<void> {
    const explored: Explored[] = [];
    for (
      let level = nextLevel(this.#plan, explored);
      level !== undefined;
      level = nextLevel(this.#plan, explored)
    ) {
      const summary = await this.#level(level);
      const outcomes = this.#outcomes(summary, summary.record.confidence ?? this.#plan.confidence);
      explored.push({
        level,
        outcome: worst(outcomes),
        throughput: ratesOf(summary).requestThroughput,
      });
      if (this.#signal.aborted || summary.record.endedBy === "max_tokens") break;
    }
  }

  async #level(level: Level): Promise<LevelSummary> {
    const head = new LevelSummarizer(level);
    const base = new LevelSummarizer(level);
    const report = progressOf(this.#plan, level, head, this.#clock, this.#onProgress);
    report("warmup");
    await this.#head.warmUp(level);
    await this.#base?.warmUp(level);
    let endedBy: EndReason | undefined;
    for (const { side, ...block } of blocksOf(level, this.#base !== undefined)) {
      if (this.#signal.aborted || endedBy !== undefined) break;
      const summarizer = side === "base" ? base : head;
      endedBy = await this.#stretch(side, { level, ...block }, summarizer, () => report("measuring"));
    }
    const [summary, other] = leaveOutStart([head.finish(), ...(this.#base ? [base.finish()] : [])]);
    this.summaries.head.push(summary!);
    if (other !== undefined) this.summaries.base.push(other);
    this.#outputTokens += head.soFar().outputTokens + base.soFar().outputTokens;
    report("done", summary);
    return summary!;
  }

  async #stretch(
    side: Side,
    stretch: Omit<Stretch, "startNs">,
    summarizer: LevelSummarizer,
    report: () => void,
  ): Promise<EndReason | undefined> {
    const { level } = stretch;
    const mark = side === "base" ? { side } : {};
    const enough = new AbortController();
    const noMore = AbortSignal.any([enough.signal, this.#signal]);
    let endedBy: EndReason | undefined;
    const looks = this.#looks(stretch.stop);
    const records = later(this.#clock, (record: RequestRecord) => {
      const marked = side === "base" ? { ...record, side } : record;
      this.#records?.request(marked);
      summarizer.add(marked);
      if (!record.ramp) report();
      endedBy ??= this.#endReason(level, startNs, summarizer) ?? looks?.after(summarizer);
      if (endedBy !== undefined) enough.abort();
    });
    const rampNs = -(rampOf(stretch, this.#plan.seed)[0] ?? 0);
    const observe = async () => (side === "head" ? await this.#observe() : undefined);
    const noRamp = rampNs === 0 ? await observe() : undefined;
    const startNs = this.#clock.now() + rampNs;
    // The target's own figures are of the window too, as far as it counts requests by their end.
    const observer = rampNs === 0 ? noRamp : this.#clock.sleepUntil(startNs, noMore).then(observe);
    summarizer.begin(startNs);
    this.#records?.start({ level, ...mark, startNs });
    const generator = side === "base" ? this.#base! : this.#head;
    const { endNs, host } = await generator.measure({ ...stretch, startNs }, records.add, noMore);
    records.flush();
    const server = await (await observer)?.stop();
    const end = {
      level: level.index,
      ...mark,
      window: { start: startNs, end: endNs },
      host,
      ...(endedBy !== undefined && { endedBy }),
      ...(looks && { confidence: looks.confidence() }),
      ...(server && { server }),
    };
    this.#records?.end(end);
    summarizer.end(end);
    return endedBy;
  }

  #outcomes(summary: LevelSummary, confidence: number | "none"): Outcome[] {
    return this.#plan.objectives.map((objective) => judge(objective, summary, confidence).outcome);
  }

  /** Looks at a level while it is under way, where it is to end as soon as all is decided. */
  #looks({ requests }: Level["stop"]): Looks | undefined {
    const { control, confidence } = this.#plan;
    if (!control.untilDecisive || requests === undefined || confidence === "none" || this.#base !== undefined)
      return undefined;
    const moments = looksFor(requests);
    let done = 0;
    const confidenceNow = () =>
      confidenceAtLook(confidence, Math.min(Math.max(done, 1), moments.length) - 1, moments.length);
    return {
      after: (summarizer) => {
        const { completed, failed } = summarizer.soFar();
        if (completed + failed < (moments[done] ?? Number.POSITIVE_INFINITY)) return undefined;
        done++;
        const [settled] = leaveOutStart([summarizer.finish()]);
        const decided = !this.#outcomes(settled!, confidenceNow()).includes("inconclusive");
        return decided ? "decisive" : undefined;
      },
      confidence: confidenceNow,
    };
  }

  #endReason(level: Level, startNs: number, summarizer: LevelSummarizer): EndReason | undefined {
    const soFar = summarizer.soFar();
    return endReason(this.#plan.control, level, {
      ...soFar,
      outputTokens: this.#outputTokens + soFar.outputTokens,
      elapsedNs: this.#clock.now() - startNs,
    });
  }
}

interface Looks {
  /** Called after every request; judges when one of the planned looks is due. */
  after(summarizer: LevelSummarizer): EndReason | undefined;
  /** Of the last look. */
  confidence(): number;
}

/** Reads the target's own pages beside each stretch, on connections of their own. */
function observerFor(
  plan: Plan,
  headers: Readonly<Record<string, string>>,
  transport: NonNullable<RunOptions["transport"]>,
  clock: Clock,
): { start(): Promise<Observer | undefined>; close(): Promise<void> } {
  const { metricsUrls } = plan;
  const fetcher = textFetcher(transport, clock, headers);
  const redact = redactor(Object.values(headers).map((value) => value.replace(/^Bearer /, "")));
  return {
    async start() {
      if (metricsUrls.length === 0) return undefined;
      const fetchText: FetchText = async (url, signal) => redact(await fetcher.fetchText(url, signal));
      const observer = observeTarget(metricsUrls, fetchText, clock);
      await observer.start();
      return observer;
    },
    close: () => fetcher.close(),
  };
}

/** A key is for whom it was given for: it never goes to another origin by itself. */
function baselineKey({ target, baseline }: Plan, { apiKey, baselineApiKey }: RunOptions): string | undefined {
  const sameOrigin = baseline !== undefined && new URL(baseline.url).origin === new URL(target.url).origin;
  return baselineApiKey ?? (sameOrigin ? apiKey : undefined);
}

/** The key goes to pages of the target itself only. */
function endpointHeaders({ target, metricsUrls }: Plan, apiKey: string | undefined): Record<string, string> {
  const { origin } = new URL(target.url);
  const own = metricsUrls.every((url) => new URL(url).origin === origin);
  return own && apiKey !== undefined ? { authorization: `Bearer ${apiKey}` } : {};
}

async function recordsPath(outDir: string): Promise<string> {
  try {
    await mkdir(outDir, { recursive: true });
  } catch (error) {
    throw new GoodputError(
      "OUTPUT_UNWRITABLE",
      `Cannot make the folder ${outDir}: ${(error as Error).message}`,
      {
        hint: "Give another folder with --out.",
        cause: error,
      },
    );
  }
  return join(outDir, "records.jsonl");
}

function recordsHeader(plan: Plan, model: string, clock: Clock): RecordsHeader {
  return {
    schema: RECORDS_SCHEMA,
    generator: `goodput/${VERSION}`,
    run_id: uniqueId(),
    started_at: new Date(clock.startedAtMs).toISOString(),
    environment: {
      node: process.version,
      platform: `${platform()} ${arch()}`,
      cpu: cpus()[0]?.model.trim() ?? "unknown",
      cores: cpus().length,
    },
    model,
    plan,
  };
}
