import type { Plan } from "../plan/plan.ts";
import type { LatencyName } from "../result.ts";
import type { LevelSummary } from "../summarize/summary.ts";

/**
 * What these latencies are held against, nanoseconds, the least first. A regression is held against the figure
 * itself, of which it allows a share.
 */
export function figureLimits(
  { objectives }: Plan,
  { latencies }: LevelSummary,
  metrics: readonly LatencyName[],
): readonly number[] {
  const limits = objectives.flatMap(({ subject, limit }) => {
    switch (subject.kind) {
      case "latency":
        return metrics.includes(subject.metric) ? [limit] : [];
      case "goodput_ratio":
        return subject.criteria
          .filter(({ metric }) => metrics.includes(metric))
          .map(({ limitNs }) => limitNs);
      case "regression": {
        if (subject.of.kind !== "latency" || !metrics.includes(subject.of.metric)) return [];
        const median = latencies[subject.of.metric].quantile(0.5);
        return median === undefined ? [] : [median];
      }
      default:
        return [];
    }
  });
  return limits.sort((a, b) => a - b);
}
