import type { Plan, Progress } from "../../../src/index.ts";
import type { RunProgress } from "./run-request.ts";

/** How far a run is, out of how far the engine says one of its levels is. */
export function runProgress(plan: Plan, progress: Progress, at: string): RunProgress {
  const { level: levelIndex, levels = levelIndex + 1, share, completed, failed } = progress;
  const current = completed + failed;
  const requests = plan.levels[levelIndex]?.stop.requests;
  return {
    current,
    total: totalOf(progress, current, requests),
    percent: share * 100,
    level: loadOf(progress.load),
    levelIndex,
    levels,
    overallPercent: ((levelIndex + share) / levels) * 100,
    metrics: {
      ...(progress.ttftMeanMs !== undefined && { ttftAvgMs: progress.ttftMeanMs }),
      ...(progress.ttftP50Ms !== undefined && { ttftP50Ms: progress.ttftP50Ms }),
      ...(progress.e2eMeanMs !== undefined && { e2eAvgMs: progress.e2eMeanMs }),
      ...(progress.outputThroughput !== undefined && { throughput: progress.outputThroughput }),
      completed,
      failed,
    },
    at,
  };
}

/** Of a run that has not begun. */
export function noProgress(plan: Plan, at: string): RunProgress {
  const [first] = plan.levels;
  return {
    current: 0,
    total: first?.stop.requests ?? 0,
    percent: 0,
    level: first === undefined ? 0 : loadOf(first.load),
    levelIndex: 0,
    levels: plan.levels.length,
    overallPercent: 0,
    metrics: { completed: 0, failed: 0 },
    at,
  };
}

/** A level that lasts for a time has no number of requests: it is what they come to if they go on like this. */
function totalOf({ share, phase }: Progress, current: number, requests: number | undefined): number {
  if (phase === "done") return current;
  const byTime = share > 0 ? Math.max(current, Math.round(current / share)) : 0;
  // Of a level that ends by either, the one that is nearer says how far it is.
  return requests === undefined ? byTime : share * requests > current && byTime > 0 ? byTime : requests;
}

/** The one number that people tell levels apart by. */
function loadOf(load: Progress["load"]): number {
  switch (load.kind) {
    case "closed":
      return load.concurrency;
    case "open":
      return load.requestsPerSecond;
    case "users":
      return load.users;
    case "stages":
      return Math.max(...load.stages.map(({ target }) => target));
    case "replay":
      return load.maxConcurrency ?? 0;
  }
}
