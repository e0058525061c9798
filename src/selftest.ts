import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { availableParallelism, cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { GoodputError } from "./errors.ts";
import { parseConfig } from "./plan/config.ts";
import type { RequestRecord } from "./record/record.ts";
import { readRecords } from "./record/records-file.ts";
import type { Result } from "./result.ts";
import { runPlan } from "./run/run.ts";
import type { Script } from "./scripted/script.ts";
import { NS_PER_MS, NS_PER_S } from "./units.ts";
import { VERSION } from "./version.ts";

/**
 * What this machine can generate and how true it measures, found out against a scripted server in a process
 * of its own. The shape is an edge: it changes only by addition.
 */
export interface Selftest {
  readonly schema: "goodput.selftest/1";
  readonly generator: string;
  readonly environment: { readonly node: string; readonly cpu: string; readonly cores: number };
  /** The most that the whole engine took in from a server that writes as fast as it can. */
  readonly throughput: { readonly events_per_second: number; readonly requests_per_second: number };
  /** Time to first token as measured from the schedule, less what the server did, by streams at once. */
  readonly ttft_error: readonly TtftError[];
  /** Requests at a constant rate, as they were really issued. */
  readonly arrivals: readonly ArrivalQuality[];
  readonly trusted: {
    /** Streams at once up to which TTFT was true; absent: not even at the least that was tried. */
    readonly streams?: number;
    /** Requests per second up to which arrivals were on time. */
    readonly requests_per_second?: number;
  };
}

export interface TtftError {
  readonly streams: number;
  readonly requests: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
}

export interface ArrivalQuality {
  /** Requests per second. */
  readonly planned: number;
  readonly achieved: number;
  /** Standard deviation of the gaps over their mean; 0 is a perfect clock. */
  readonly gap_cv: number;
}

export interface SelftestOptions {
  readonly sizes?: SelftestSizes;
  readonly signal?: AbortSignal;
  /** Told what is measured next. */
  readonly onStep?: (step: string) => void;
}

export interface SelftestSizes {
  readonly throughputSeconds: number;
  readonly streams: readonly number[];
  readonly streamSeconds: number;
  readonly rates: readonly number[];
  readonly arrivalSeconds: number;
}

/** A few seconds, for figures that are coarser. */
export const QUICK_SELFTEST: SelftestSizes = {
  throughputSeconds: 0.3,
  streams: [1, 10],
  streamSeconds: 0.5,
  rates: [100],
  arrivalSeconds: 0.5,
};

/** Half a minute at most. */
const SIZES: SelftestSizes = {
  throughputSeconds: 1.5,
  streams: [1, 10, 50, 200],
  streamSeconds: 2.5,
  rates: [100, 1000],
  arrivalSeconds: 3,
};

/** What is true enough: well below the differences that people look for. */
export const TRUE_ENOUGH = { ttftP50Ms: 2, ttftP99Ms: 10, rateError: 0.01, gapCv: 0.1 } as const;

const TTFT_MS = 50;
const GAP_MS = 10;
const EVENTS_PER_ANSWER = 1000;

/** @throws GoodputError when it is interrupted, or no server can be started here. */
export async function selftest(options: SelftestOptions = {}): Promise<Selftest> {
  const sizes = options.sizes ?? SIZES;
  const step = options.onStep ?? (() => {});
  const flood = await startChild({ flood: true });
  const paced = await startChild({ ttftMs: TTFT_MS, gapMs: GAP_MS, numbered: true });
  try {
    step("the most it can take");
    const throughput = {
      events_per_second: await mostEvents(flood.url, sizes, options),
      requests_per_second: await mostRequests(flood.url, sizes, options),
    };
    const ttftErrors: TtftError[] = [];
    for (const streams of sizes.streams) {
      step(`time to first token at ${streams} streams`);
      ttftErrors.push(await ttftError(paced.url, streams, sizes, options));
    }
    const arrivals: ArrivalQuality[] = [];
    for (const rate of sizes.rates) {
      step(`arrivals at ${rate} requests/s`);
      arrivals.push(await arrivalQuality(flood.url, rate, sizes, options));
    }
    return {
      schema: "goodput.selftest/1",
      generator: `goodput/${VERSION}`,
      environment: {
        node: process.version,
        cpu: cpus()[0]?.model.trim() ?? "unknown",
        cores: availableParallelism(),
      },
      throughput,
      ttft_error: ttftErrors,
      arrivals,
      trusted: trustedUpTo(ttftErrors, arrivals),
    };
  } finally {
    flood.stop();
    paced.stop();
  }
}

async function mostEvents(url: string, sizes: SelftestSizes, options: SelftestOptions): Promise<number> {
  const { metrics } = await floodLevel(url, 8, EVENTS_PER_ANSWER, sizes, options);
  return (metrics.request_throughput ?? 0) * EVENTS_PER_ANSWER;
}

async function mostRequests(url: string, sizes: SelftestSizes, options: SelftestOptions): Promise<number> {
  const { metrics } = await floodLevel(url, 32, 1, sizes, options);
  return metrics.request_throughput ?? 0;
}

async function floodLevel(
  url: string,
  concurrency: number,
  tokens: number,
  { throughputSeconds }: SelftestSizes,
  options: SelftestOptions,
): Promise<Result["levels"][number]> {
  const { result } = await measure(
    { url, concurrency, duration: `${throughputSeconds}s`, "output-tokens": tokens },
    options,
  );
  return result.levels[0]!;
}

/**
 * Streams come one after the other at a constant rate, so that as many as asked for are open at once; all at
 * the same moment would measure how the server copes with that.
 */
async function ttftError(
  url: string,
  streams: number,
  { streamSeconds }: SelftestSizes,
  options: SelftestOptions,
): Promise<TtftError> {
  const answerMs = Math.min(1000, 100 + GAP_MS * Math.floor(streams / 2));
  const { records } = await measure(
    {
      url,
      rate: (streams * 1000) / answerMs,
      arrivals: "constant",
      duration: `${streamSeconds}s`,
      "output-tokens": 1 + (answerMs - TTFT_MS) / GAP_MS,
    },
    options,
  );
  const { ttftMsOf } = (await (await fetch(`${url}/stats`)).json()) as {
    ttftMsOf: Readonly<Record<string, number>>;
  };
  const errors = records.flatMap(({ outputs: [first], scheduled, inputTokens }) => {
    const trueMs = ttftMsOf[String(inputTokens)];
    return first === undefined || trueMs === undefined ? [] : [(first - scheduled) / NS_PER_MS - trueMs];
  });
  return { streams, requests: errors.length, p50: quantile(errors, 0.5), p99: quantile(errors, 0.99) };
}

async function arrivalQuality(
  url: string,
  rate: number,
  { arrivalSeconds }: SelftestSizes,
  options: SelftestOptions,
): Promise<ArrivalQuality> {
  const { records } = await measure(
    { url, rate, arrivals: "constant", duration: `${arrivalSeconds}s`, "output-tokens": 1 },
    options,
  );
  const issued = records.map((record) => record.issued).toSorted((a, b) => a - b);
  const gaps = issued.slice(1).map((moment, i) => moment - issued[i]!);
  const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
  const variance = gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length;
  return { planned: rate, achieved: NS_PER_S / mean, gap_cv: Math.sqrt(variance) / mean };
}

/** The most that was true enough: what is less cannot be worse, only unlucky with its few requests. */
function trustedUpTo(
  ttftErrors: readonly TtftError[],
  arrivals: readonly ArrivalQuality[],
): Selftest["trusted"] {
  const streams = ttftErrors.findLast(
    ({ p50, p99 }) => p50 <= TRUE_ENOUGH.ttftP50Ms && p99 <= TRUE_ENOUGH.ttftP99Ms,
  )?.streams;
  const rate = arrivals.findLast(
    ({ planned, achieved, gap_cv }) =>
      Math.abs(achieved / planned - 1) <= TRUE_ENOUGH.rateError && gap_cv <= TRUE_ENOUGH.gapCv,
  )?.planned;
  return {
    ...(streams !== undefined && { streams }),
    ...(rate !== undefined && { requests_per_second: rate }),
  };
}

/** Nearest rank. */
function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const value = sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)];
  if (value === undefined) throw unanswered();
  return value;
}

/** One level by the whole engine, records on disk included. */
async function measure(
  config: Readonly<Record<string, unknown>>,
  { signal }: SelftestOptions,
): Promise<{ result: Result; records: readonly RequestRecord[] }> {
  const outDir = await mkdtemp(join(tmpdir(), "goodput-selftest-"));
  try {
    const plan = parseConfig({ "input-tokens": 64, "metrics-url": "off", ...config }, (key) => key);
    const result = await runPlan(plan, { outDir, ...(signal && { signal }) });
    if (signal?.aborted) throw new GoodputError("CANCELLED", "The self-test was interrupted.");
    const records: RequestRecord[] = [];
    for await (const line of readRecords(join(outDir, "records.jsonl"))) {
      if ("request" in line && line.request.outcome === "completed") records.push(line.request);
    }
    if (records.length < 2) throw unanswered();
    return { result, records };
  } finally {
    await rm(outDir, { recursive: true, force: true });
  }
}

function unanswered(): GoodputError {
  return new GoodputError("TARGET_UNREACHABLE", "The self-test's own server answered too few requests.", {
    hint: "The machine may be overloaded; close other programs and try again.",
  });
}

/** A scripted server with an event loop of its own: one loop for both sides would wait for itself. */
async function startChild(script: Script): Promise<{ url: string; stop: () => void }> {
  // Sources run as they are; a package holds JavaScript.
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  const path = fileURLToPath(new URL(`./scripted/child.${extension}`, import.meta.url));
  const child: ChildProcess = fork(path, { execArgv: [], stdio: ["ignore", "ignore", "inherit", "ipc"] });
  child.send(script);
  const [message] = await Promise.race([once(child, "message"), once(child, "exit").then(() => [undefined])]);
  const url = (message as { url?: string } | undefined)?.url;
  if (url === undefined) {
    child.kill();
    throw new GoodputError("TARGET_UNREACHABLE", "The self-test's own server did not start.", {
      hint: "It listens on a free port of 127.0.0.1; check that programs may do so here.",
    });
  }
  return { url, stop: () => child.kill() };
}
