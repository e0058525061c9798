import type { Clock } from "../clock.ts";
import { type Level, levelName, type Plan } from "../plan/plan.ts";
import type { LevelSummarizer } from "../summarize/summary.ts";
import { NS_PER_MS, NS_PER_S } from "../units.ts";

export interface Progress {
  readonly level: number;
  /** Unknown where levels are found on the way. */
  readonly levels?: number;
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

const PROGRESS_EVERY_NS = 100 * NS_PER_MS;

/** Tells how far a level is, a few times a second at most. */
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
  return (phase) => {
    const now = clock.now();
    if (phase === lastPhase && now - last < PROGRESS_EVERY_NS) return;
    if (phase === "measuring" && lastPhase === "warmup") measuringSince = now;
    last = now;
    lastPhase = phase;
    const { completed, failed } = summarizer.soFar();
    const ttftP50Ns = summarizer.medianTtftNs();
    const elapsedNs = now - measuringSince;
    const byRequests = level.stop.requests === undefined ? 0 : (completed + failed) / level.stop.requests;
    const byTime = level.stop.durationNs === undefined ? 0 : elapsedNs / level.stop.durationNs;
    onProgress({
      level: level.index,
      ...(plan.exploration === undefined && { levels: plan.levels.length }),
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
