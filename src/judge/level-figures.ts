import type { ComparableRate } from "../plan/objective.ts";
import { levelName } from "../plan/plan.ts";
import { LATENCIES, type LatencyName, type LevelResult } from "../result.ts";
import { Histogram } from "../summarize/histogram.ts";
import { decided, type LevelSummary, ratesBetween } from "../summarize/summary.ts";
import { NS_PER_MS, NS_PER_S } from "../units.ts";
import type { Block } from "./intervals.ts";
import { slices } from "./slices.ts";

/** What a comparison needs of a level, whether it was measured just now or read from a stored result. */
export interface LevelFigures {
  readonly name: string;
  /** Nanoseconds; a latency that no request has is absent. */
  readonly latencies: Readonly<Partial<Record<LatencyName, Histogram>>>;
  readonly completed: number;
  readonly failed: number;
  readonly throughputs: Readonly<Partial<Record<Throughput, ThroughputFigure>>>;
  /** One sentence, where no change from this level can have an interval, nor decide anything. */
  readonly undecidable?: string;
}

export type Throughput = Exclude<ComparableRate, "error_rate">;

export interface ThroughputFigure {
  readonly perSecond: number;
  /** How it varied over time; weights in nanoseconds. */
  readonly blocks: readonly Block[];
}

/**
 * Of one level, measured in one or several stretches (the blocks of an alternation with the baseline):
 * histograms are merged, counts added, and time is the time of all stretches together.
 * @throws RangeError without a stretch.
 */
export function figuresOfSummaries(stretches: readonly LevelSummary[]): LevelFigures {
  const [first] = stretches;
  if (first === undefined) throw new RangeError("A level is measured in at least one stretch.");
  const ended = stretches.flatMap(decided);
  const completed = ended.filter((request) => request.outcome === "completed").length;
  return {
    name: levelName(first.level),
    latencies: mergedLatencies(stretches),
    completed,
    failed: ended.length - completed,
    throughputs: ended.length === 0 ? {} : throughputsOf(stretches, completed),
  };
}

/** Of a stored level; its timeline stands in for the requests that are no longer known one by one. */
export function figuresOfResult(level: LevelResult): LevelFigures {
  const { metrics, timeline, requests } = level;
  const sliceNs = (level.window.seconds * NS_PER_S) / Math.max(1, timeline.length);
  const latencies = LATENCIES.flatMap((name) => {
    const stats = metrics[name];
    const buckets = level.histograms[name];
    if (stats === undefined || buckets === undefined) return [];
    const [min, max, mean, std] = [stats.min, stats.max, stats.mean, stats.std].map((ms) => ms * NS_PER_MS);
    return [[name, Histogram.fromBuckets(buckets, { min: min!, max: max!, mean: mean!, std: std! })]];
  });
  const throughput = (
    perSecond: number | undefined,
    totalOf: (point: (typeof timeline)[number]) => number,
  ) =>
    perSecond === undefined
      ? undefined
      : { perSecond, blocks: timeline.map((point) => ({ total: totalOf(point), weight: sliceNs })) };
  const request = throughput(metrics.request_throughput, ({ completed }) => completed);
  const output = throughput(
    metrics.output_throughput,
    ({ output_throughput }) => (output_throughput * sliceNs) / NS_PER_S,
  );
  return {
    name: level.name,
    latencies: Object.fromEntries(latencies),
    completed: requests.completed,
    failed: requests.failed,
    throughputs: {
      ...(request !== undefined && { request_throughput: request }),
      ...(output !== undefined && { output_throughput: output }),
    },
  };
}

function mergedLatencies(stretches: readonly LevelSummary[]): LevelFigures["latencies"] {
  return Object.fromEntries(
    LATENCIES.flatMap((name) => {
      const merged = new Histogram();
      for (const { latencies } of stretches) merged.merge(latencies[name]);
      return merged.count === 0 ? [] : [[name, merged]];
    }),
  );
}

function throughputsOf(stretches: readonly LevelSummary[], completed: number): LevelFigures["throughputs"] {
  const request: Block[] = [];
  const output: Block[] = [];
  for (const stretch of stretches) {
    for (const { from, to } of slices(stretch)) {
      if (to <= from) continue;
      const rates = ratesBetween(stretch.underLoad, from, to);
      const weight = to - from;
      request.push({ total: (rates.requestThroughput * weight) / NS_PER_S, weight });
      output.push({ total: (rates.outputThroughput * weight) / NS_PER_S, weight });
    }
  }
  if (request.length === 0) return {};
  return {
    request_throughput: { perSecond: perSecond(request), blocks: request },
    ...(completed > 0 && { output_throughput: { perSecond: perSecond(output), blocks: output } }),
  };
}

function perSecond(blocks: readonly Block[]): number {
  const total = blocks.reduce((sum, block) => sum + block.total, 0);
  const weight = blocks.reduce((sum, block) => sum + block.weight, 0);
  return (total * NS_PER_S) / weight;
}
