import { rounded } from "../../http/rounding.ts";
import type { RunProgress } from "./run-request.ts";

/** A run's progress as the API tells it, in a message and in an answer alike; not measured is null. */
export function progressView({ metrics, ...progress }: RunProgress) {
  return {
    progress: {
      current: progress.current,
      total: progress.total,
      percent: rounded(progress.percent, 1),
    },
    concurrency: { level: progress.level, index: progress.levelIndex, total: progress.levels },
    overall_percent: rounded(progress.overallPercent, 1),
    metrics: {
      ttft_avg: figure(metrics.ttftAvgMs),
      ttft_p50: figure(metrics.ttftP50Ms),
      e2e_avg: figure(metrics.e2eAvgMs),
      throughput_current: figure(metrics.throughput),
      success_count: metrics.completed,
      error_count: metrics.failed,
      timestamp: progress.at,
    },
  };
}

/** Milliseconds, or tokens per second. */
function figure(value: number | undefined): number | null {
  return value === undefined ? null : rounded(value, 3);
}
