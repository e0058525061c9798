import type { Plan } from "../../src/index.ts";
import type { RunProgress } from "../load-tests/runs/run-request.ts";

/** How far a run is, out of how far each of its shards is; the level is that of the slowest. */
export function combinedProgress(plan: Plan): {
  /** Gives undefined as long as not all shards have told of themselves. */
  add(latest: readonly (RunProgress | undefined)[]): RunProgress | undefined;
} {
  /** By shard and level, since a shard that is ahead has done its part of the level that the others are at. */
  const seen: RunProgress[][] = [];
  return {
    add(latest) {
      for (const [shard, progress] of latest.entries()) {
        if (progress === undefined) continue;
        seen[shard] ??= [];
        seen[shard][progress.levelIndex] = progress;
      }
      if (latest.length === 0 || latest.some((progress) => progress === undefined)) return undefined;
      const levelIndex = Math.min(...latest.map((progress) => progress!.levelIndex));
      const parts = latest.map((progress, shard) => {
        const part = seen[shard]?.[levelIndex];
        if (progress!.levelIndex === levelIndex) return progress!;
        // One that went through the whole level between two looks.
        return part
          ? { ...part, percent: 100 }
          : { ...progress!, current: 0, percent: 100, metrics: NOTHING };
      });
      return combine(plan, levelIndex, parts);
    },
  };
}

const NOTHING = { completed: 0, failed: 0 } as const;

function combine(plan: Plan, levelIndex: number, parts: readonly RunProgress[]): RunProgress {
  const sum = (of: (part: RunProgress) => number) => parts.reduce((total, part) => total + of(part), 0);
  const current = sum((part) => part.current);
  const requests = plan.levels[levelIndex]?.stop.requests;
  const slowest = Math.min(...parts.map((part) => part.percent));
  const percent = Math.max(slowest, requests === undefined ? 0 : Math.min(100, (100 * current) / requests));
  const level = parts.find((part) => part.levelIndex === levelIndex) ?? parts[0]!;
  const { levels } = level;
  const completed = sum(({ metrics }) => metrics.completed);
  // A median of medians is no median: it is left out.
  const ttftAvgMs = weighted(parts, "ttftAvgMs");
  const e2eAvgMs = weighted(parts, "e2eAvgMs");
  const throughput = sum(({ metrics }) => metrics.throughput ?? 0);
  return {
    current,
    total: percent === 100 ? current : Math.max(current, requests ?? sum((part) => part.total)),
    percent,
    level: level.level,
    levelIndex,
    levels,
    overallPercent: ((levelIndex + percent / 100) / levels) * 100,
    metrics: {
      ...(ttftAvgMs !== undefined && { ttftAvgMs }),
      ...(e2eAvgMs !== undefined && { e2eAvgMs }),
      ...(throughput > 0 && { throughput }),
      completed,
      failed: sum(({ metrics }) => metrics.failed),
    },
    at: parts
      .map(({ at }) => at)
      .toSorted()
      .at(-1)!,
  };
}

/** Means of parts are one mean when each counts by its requests. */
function weighted(parts: readonly RunProgress[], name: "ttftAvgMs" | "e2eAvgMs"): number | undefined {
  let total = 0;
  let count = 0;
  for (const { metrics } of parts) {
    const value = metrics[name];
    if (value === undefined) continue;
    total += value * metrics.completed;
    count += metrics.completed;
  }
  return count === 0 ? undefined : total / count;
}
