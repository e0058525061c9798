import type { Clock } from "../clock.ts";
import { type Level, type Load, levelName, type Plan } from "../plan/plan.ts";
import { leaveOutStart } from "../summarize/leave-out-start.ts";
import { type LevelSummarizer, ratesBetween } from "../summarize/summary.ts";
import { NS_PER_MS, NS_PER_S } from "../units.ts";

export interface Progress {
  readonly level: number;
  /** Unknown where levels are found on the way. */
  readonly levels?: number;
  readonly name: string;
  readonly load: Load;
  readonly phase: "warmup" | "measuring" | "done";
  /** 0 to 1, of this level. */
  readonly share: number;
  readonly completed: number;
  readonly failed: number;
  readonly elapsedSeconds: number;
  readonly requestsPerSecond: number;
  readonly ttftMeanMs?: number;
  readonly ttftP50Ms?: number;
  readonly e2eMeanMs?: number;
  /** Of completed requests, per second up to the last one's end; of a level that is done, the window's own. */
  readonly outputThroughput?: number;
}

const PROGRESS_EVERY_NS = 40 * NS_PER_MS;

/**
 * Tells how far a level is, at most every 40 ms; what comes in between is told when these are over, so that
 * the last of many answers that end together is not left out until the next ones end.
 */
export function progressOf(
  plan: Plan,
  level: Level,
  summarizer: LevelSummarizer,
  clock: Clock,
  onProgress: ((progress: Progress) => void) | undefined,
): (phase: Progress["phase"]) => void {
  if (onProgress === undefined) return () => {};
  let measuringSince = clock.now();
  let last = Number.NEGATIVE_INFINITY;
  let lastPhase: Progress["phase"] | undefined;
  let disarm: (() => void) | undefined;
  let tokensOf = 0;
  let outputTokens = 0;
  let lastEndNs = 0;
  const throughput = (phase: Progress["phase"]): number | undefined => {
    const { requests } = summarizer;
    for (; tokensOf < requests.length; tokensOf++) {
      const request = requests[tokensOf]!;
      if (request.outcome === "completed") outputTokens += request.outputTokens;
      lastEndNs = Math.max(lastEndNs, request.end);
    }
    if (outputTokens === 0) return undefined;
    if (phase !== "done") return (outputTokens * NS_PER_S) / lastEndNs;
    const { underLoad, record } = leaveOutStart([summarizer.finish()])[0]!;
    return ratesBetween(underLoad, record.window.start, record.window.end).outputThroughput;
  };
  const tell = (phase: Progress["phase"], now: number) => {
    disarm?.();
    disarm = undefined;
    last = now;
    const { completed, failed, meanLatencyNs, meanTtftNs } = summarizer.soFar();
    const ttftP50Ns = summarizer.medianTtftNs();
    const outputThroughput = throughput(phase);
    const elapsedNs = now - measuringSince;
    const byRequests = level.stop.requests === undefined ? 0 : (completed + failed) / level.stop.requests;
    const byTime = level.stop.durationNs === undefined ? 0 : elapsedNs / level.stop.durationNs;
    onProgress({
      level: level.index,
      ...(plan.exploration === undefined && { levels: plan.levels.length }),
      name: levelName(level),
      load: level.load,
      phase,
      share: phase === "done" ? 1 : phase === "warmup" ? 0 : Math.min(1, Math.max(byRequests, byTime)),
      completed,
      failed,
      elapsedSeconds: elapsedNs / NS_PER_S,
      requestsPerSecond: elapsedNs > 0 ? (completed * NS_PER_S) / elapsedNs : 0,
      ...(meanTtftNs !== undefined && { ttftMeanMs: meanTtftNs / NS_PER_MS }),
      ...(ttftP50Ns !== undefined && { ttftP50Ms: ttftP50Ns / NS_PER_MS }),
      ...(meanLatencyNs !== undefined && { e2eMeanMs: meanLatencyNs / NS_PER_MS }),
      ...(outputThroughput !== undefined && { outputThroughput }),
    });
  };
  return (phase) => {
    const now = clock.now();
    const began = phase !== lastPhase;
    if (phase === "measuring" && lastPhase === "warmup") measuringSince = now;
    lastPhase = phase;
    if (began || now - last >= PROGRESS_EVERY_NS) tell(phase, now);
    else disarm ??= clock.alarm(last + PROGRESS_EVERY_NS, () => tell(phase, clock.now()));
  };
}
