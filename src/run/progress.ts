import type { Clock } from "../clock.ts";
import { type Level, type Load, levelName, type Plan } from "../plan/plan.ts";
import { type LevelSummarizer, type LevelSummary, ratesOf } from "../summarize/summary.ts";
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
 * the last of many answers that end together is not left out until the next ones end. Told of what a level that is done
 * amounts to, it tells the same figures as the result.
 */
export function progressOf(
  plan: Plan,
  level: Level,
  summarizer: LevelSummarizer,
  clock: Clock,
  onProgress: ((progress: Progress) => void) | undefined,
): (phase: Progress["phase"], result?: LevelSummary) => void {
  if (onProgress === undefined) return () => {};
  let measuringSince = clock.now();
  let last = Number.NEGATIVE_INFINITY;
  let lastPhase: Progress["phase"] | undefined;
  let disarm: (() => void) | undefined;
  let tokensOf = 0;
  let outputTokens = 0;
  let lastEndNs = 0;
  const throughput = (): number | undefined => {
    const { requests } = summarizer;
    for (; tokensOf < requests.length; tokensOf++) {
      const request = requests[tokensOf]!;
      if (request.outcome === "completed") outputTokens += request.outputTokens;
      lastEndNs = Math.max(lastEndNs, request.end);
    }
    return outputTokens === 0 ? undefined : (outputTokens * NS_PER_S) / lastEndNs;
  };
  const soFar = () => {
    const { meanLatencyNs, meanTtftNs } = summarizer.soFar();
    return {
      meanLatencyNs,
      meanTtftNs,
      ttftP50Ns: summarizer.medianTtftNs(),
      outputThroughput: throughput(),
    };
  };
  const tell = (phase: Progress["phase"], now: number, result?: LevelSummary) => {
    disarm?.();
    disarm = undefined;
    last = now;
    const { completed, failed } = summarizer.soFar();
    const { meanLatencyNs, meanTtftNs, ttftP50Ns, outputThroughput } =
      result === undefined ? soFar() : figuresOf(result);
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
  return (phase, result) => {
    const now = clock.now();
    const began = phase !== lastPhase;
    if (phase === "measuring" && lastPhase === "warmup") measuringSince = now;
    lastPhase = phase;
    if (began || now - last >= PROGRESS_EVERY_NS) tell(phase, now, result);
    else disarm ??= clock.alarm(last + PROGRESS_EVERY_NS, () => tell(phase, clock.now()));
  };
}

function figuresOf(summary: LevelSummary) {
  const { latencies } = summary;
  const { outputThroughput } = ratesOf(summary);
  return {
    meanLatencyNs: latencies.e2e.mean,
    meanTtftNs: latencies.ttft.mean,
    ttftP50Ns: latencies.ttft.quantile(0.5),
    outputThroughput: outputThroughput === 0 ? undefined : outputThroughput,
  };
}
