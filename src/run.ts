import { setMaxListeners } from "node:events";
import { mkdir } from "node:fs/promises";
import { arch, cpus, platform } from "node:os";
import { join } from "node:path";
import { type Clock, systemClock } from "./clock.ts";
import { GoodputError } from "./errors.ts";
import { arrivalOffsets } from "./plan/arrivals.ts";
import { type Level, levelName, type Plan } from "./plan/plan.ts";
import { syntheticPrompt } from "./plan/prompts.ts";
import { uniqueId } from "./random.ts";
import { watchHost } from "./record/host.ts";
import type { LevelRecord } from "./record/record.ts";
import {
  RECORDS_SCHEMA,
  type RecordsFooter,
  type RecordsHeader,
  readRecords,
  writeRecords,
} from "./record/records-file.ts";
import { redactor } from "./redact.ts";
import { buildResult } from "./report/build-result.ts";
import type { Result } from "./result.ts";
import { closedLoop } from "./schedule/closed-loop.ts";
import { openLoop } from "./schedule/open-loop.ts";
import { type Exchange, exchange } from "./send/exchange.ts";
import { protocolOf } from "./send/protocol.ts";
import { endpointOf, findModel, requestHeaders } from "./send/target.ts";
import type { Transport } from "./send/transport.ts";
import { undiciTransport } from "./send/undici-transport.ts";
import { LevelSummarizer, type LevelSummary } from "./summarize/summary.ts";
import { NS_PER_MS, NS_PER_S } from "./units.ts";
import { VERSION } from "./version.ts";

export interface RunOptions {
  /** Sent as a bearer token; part of no record. */
  readonly apiKey?: string;
  /** Where records.jsonl goes; without it nothing is written. */
  readonly outDir?: string;
  /** Ends the run early; what was measured is kept. */
  readonly signal?: AbortSignal;
  /** Called a few times a second. */
  readonly onProgress?: (progress: Progress) => void;
  readonly clock?: Clock;
  readonly transport?: (origin: string, clock: Clock) => Transport;
}

export interface Progress {
  readonly level: number;
  readonly levels: number;
  readonly name: string;
  readonly phase: "warmup" | "measuring" | "done";
  /** 0 to 1, of this level. */
  readonly share: number;
  readonly completed: number;
  readonly failed: number;
  readonly elapsedSeconds: number;
  readonly requestsPerSecond: number;
  readonly ttftP50Ms?: number;
}

/**
 * plan → schedule → send → record → summarize → judge → report.
 * @throws GoodputError for what stops a run; a request that fails is a record.
 */
export async function runPlan(plan: Plan, options: RunOptions = {}): Promise<Result> {
  const clock = options.clock ?? systemClock();
  const protocol = protocolOf(plan.target.protocol);
  const endpoint = endpointOf(plan.target.url, protocol.path);
  const transport = (options.transport ?? undiciTransport)(endpoint.origin, clock);
  const headers = requestHeaders(options.apiKey);
  const redact = redactor([options.apiKey]);
  const stop = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, stop.signal]) : stop.signal;
  // Every request in flight listens to it.
  setMaxListeners(0, signal);
  try {
    const model = await findModel(transport, endpoint, headers, plan.target.model, clock, signal);
    const header = recordsHeader(plan, redact(model), clock);
    const records =
      options.outDir === undefined ? undefined : writeRecords(await recordsPath(options.outDir), header);
    const send = (stream: string | number, index: number): Promise<Exchange> => {
      const { inputTokens, outputTokens } = plan.workload;
      const prompt = syntheticPrompt(inputTokens, plan.seed, stream, index);
      const body = protocol.body({ model, text: prompt, maxTokens: outputTokens });
      const request = { method: "POST", path: endpoint.root + protocol.path, headers, body } as const;
      return exchange(transport, protocol, request, { clock, timeoutNs: plan.timeoutNs, signal, redact });
    };
    const summaries: LevelSummary[] = [];
    const measure = async () => {
      for (const level of plan.levels) {
        if (signal.aborted) break;
        const summarizer = new LevelSummarizer(level);
        const report = progressOf(plan, level, summarizer, clock, options.onProgress);
        await warmUp(level, clock, signal, (index) => send(`warmup ${level.index}`, index), report);
        const opened = transport.connectionsOpened;
        const record = await measureLevel(plan, level, clock, signal, async (index, scheduled) => {
          const outcome = await send(level.index, index);
          const record = { level: level.index, index, scheduled, ...outcome };
          records?.request(record);
          summarizer.add(record);
          report("measuring");
          return outcome.end;
        });
        const withConnections = {
          ...record,
          host: { ...record.host, connectionsOpened: transport.connectionsOpened - opened },
        };
        records?.level(withConnections);
        summaries.push(summarizer.finish(withConnections));
        report("done");
      }
    };
    await (records ? Promise.race([measure(), records.failed]) : measure());
    const footer: RecordsFooter = {
      state: signal.aborted ? "cancelled" : "completed",
      durationNs: clock.now(),
    };
    await records?.close(footer);
    return buildResult(header, summaries, footer);
  } finally {
    stop.abort();
    await transport.close();
  }
}

/** Makes a run's result again from its records alone. @throws GoodputError RESULT_UNREADABLE. */
export async function resultFromRecords(path: string): Promise<Result> {
  let header: RecordsHeader | undefined;
  let footer: RecordsFooter | undefined;
  const summarizers = new Map<number, LevelSummarizer>();
  const levels = new Map<number, LevelRecord>();
  for await (const line of readRecords(path)) {
    if ("header" in line) header = line.header;
    else if ("footer" in line) footer = line.footer;
    else if ("level" in line) levels.set(line.level.level, line.level);
    else {
      const { level } = line.request;
      const planned = header?.plan.levels[level];
      if (planned === undefined)
        throw new GoodputError(
          "RESULT_UNREADABLE",
          `${path} has a request of level ${level}, which its plan lacks.`,
        );
      if (!summarizers.has(level)) summarizers.set(level, new LevelSummarizer(planned));
      summarizers.get(level)!.add(line.request);
    }
  }
  if (header === undefined) throw new GoodputError("RESULT_UNREADABLE", `${path} is empty.`);
  // A run that was killed has no footer, nor an end to its last level: what was written stands.
  const summaries = header.plan.levels.flatMap(({ index }) => {
    const summarizer = summarizers.get(index);
    return summarizer === undefined ? [] : [summarizer.finish(levels.get(index) ?? summarizer.cutShort())];
  });
  const durationNs = Math.max(0, ...summaries.map(({ record }) => record.window.end));
  return buildResult(header, summaries, footer ?? { state: "cancelled", durationNs });
}

/** Opens the connections and warms the server at the level's own concurrency; its requests are in no figure. */
async function warmUp(
  level: Level,
  clock: Clock,
  signal: AbortSignal,
  send: (index: number) => Promise<Exchange>,
  report: (phase: Progress["phase"]) => void,
): Promise<void> {
  report("warmup");
  const { load, warmupRequests } = level;
  const atOnce = Math.min(
    warmupRequests,
    load.kind === "closed" ? load.concurrency : (load.maxConcurrency ?? warmupRequests),
  );
  let next = 0;
  const take = () => (next < warmupRequests && !signal.aborted ? next++ : undefined);
  await closedLoop(atOnce, clock.now(), take, async (index) => (await send(index)).end);
}

/** Sends one level's requests when they are due; resolves when the last one has ended. */
async function measureLevel(
  plan: Plan,
  level: Level,
  clock: Clock,
  signal: AbortSignal,
  send: (index: number, scheduledNs: number) => Promise<number>,
): Promise<LevelRecord> {
  const { load, stop } = level;
  const hostWatch = watchHost(clock);
  const start = clock.now();
  let end = start;
  if (load.kind === "open") {
    const offsets = arrivalOffsets(load, stop, plan.seed, level.index);
    const plannedNs = (offsets.at(-1) ?? 0) + NS_PER_S / load.requestsPerSecond;
    end =
      start + Math.round(stop.durationNs === undefined ? plannedNs : Math.min(stop.durationNs, plannedNs));
    if (stop.requests === undefined) end = start + stop.durationNs!;
    await openLoop(clock, start, offsets, load.maxConcurrency ?? Number.POSITIVE_INFINITY, signal, send);
  } else {
    end = await closedLevel(load.concurrency, stop, start, signal, send);
  }
  const window = { start, end: Math.max(start + 1, Math.min(end, clock.now())) };
  return {
    level: level.index,
    window,
    warmupRequests: level.warmupRequests,
    host: { ...hostWatch(), connectionsOpened: 0 },
  };
}

/** Gives the window's end: the moment from which a slot stood empty, or the planned one. */
async function closedLevel(
  concurrency: number,
  stop: Level["stop"],
  start: number,
  signal: AbortSignal,
  send: (index: number, scheduledNs: number) => Promise<number>,
): Promise<number> {
  const requests = stop.requests ?? Number.POSITIVE_INFINITY;
  const deadline = start + (stop.durationNs ?? Number.POSITIVE_INFINITY);
  let next = 0;
  let lastEnd = start;
  let firstEmpty = Number.POSITIVE_INFINITY;
  const take = (freeAtNs: number) => {
    if (next < requests && freeAtNs < deadline && !signal.aborted) return next++;
    firstEmpty = Math.min(firstEmpty, freeAtNs);
    return undefined;
  };
  await closedLoop(concurrency, start, take, async (index, scheduled) => {
    const end = await send(index, scheduled);
    lastEnd = Math.max(lastEnd, end);
    return end;
  });
  // With hardly a request for each slot no part of the level is without an empty one: all of it counts.
  return requests < 2 * concurrency ? Math.min(lastEnd, deadline) : Math.min(firstEmpty, deadline);
}

const PROGRESS_EVERY_NS = 100 * NS_PER_MS;

function progressOf(
  plan: Plan,
  level: Level,
  summarizer: LevelSummarizer,
  clock: Clock,
  onProgress: RunOptions["onProgress"],
): (phase: Progress["phase"]) => void {
  if (onProgress === undefined) return () => {};
  const start = clock.now();
  let measuringSince = start;
  let last = Number.NEGATIVE_INFINITY;
  let lastPhase: Progress["phase"] | undefined;
  return (phase) => {
    const now = clock.now();
    if (phase === lastPhase && now - last < PROGRESS_EVERY_NS) return;
    if (phase === "measuring" && lastPhase === "warmup") measuringSince = now;
    last = now;
    lastPhase = phase;
    const { completed, failed, ttftP50Ns } = summarizer.soFar();
    const elapsedNs = now - measuringSince;
    const byRequests = level.stop.requests === undefined ? 0 : (completed + failed) / level.stop.requests;
    const byTime = level.stop.durationNs === undefined ? 0 : elapsedNs / level.stop.durationNs;
    onProgress({
      level: level.index,
      levels: plan.levels.length,
      name: levelName(level),
      phase,
      share: phase === "done" ? 1 : phase === "warmup" ? 0 : Math.min(1, Math.max(byRequests, byTime)),
      completed,
      failed,
      elapsedSeconds: elapsedNs / NS_PER_S,
      requestsPerSecond: elapsedNs > 0 ? (completed * NS_PER_S) / elapsedNs : 0,
      ...(ttftP50Ns !== undefined && { ttftP50Ms: ttftP50Ns / NS_PER_MS }),
    });
  };
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
