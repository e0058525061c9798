import {
  type ComparableFigure,
  type Criterion,
  figureName,
  holds,
  isUpperLimit,
  type RateName,
  REQUEST_METRICS,
} from "../plan/objective.ts";
import { levelName } from "../plan/plan.ts";
import { LATENCIES, type LatencyName, type LevelResult } from "../result.ts";
import { Histogram } from "../summarize/histogram.ts";
import { mergedSections } from "../summarize/sections.ts";
import { sliceTotals } from "../summarize/slices.ts";
import {
  completedOf,
  countsAt,
  decided,
  decidedOfAll,
  isGood,
  type LevelSummary,
  oncePerSummary,
  type RequestFacts,
  ratesBetween,
  ratesOf,
  valuesOf,
} from "../summarize/summary.ts";
import { NS_PER_MS, NS_PER_S } from "../units.ts";
import { dependenceOf } from "./dependence.ts";
import {
  type Estimate,
  meanEstimate,
  meanOfSeries,
  quantileEstimate,
  quantileWorth,
  rateEstimate,
  shareEstimate,
  shareOf,
  timesBeyond,
} from "./estimate.ts";
import type { Interval } from "./intervals.ts";
import { type BlockFigures, FEWEST_BLOCKS } from "./paired.ts";

/** The figures of a level and how sure they are, whether it was measured just now or read from a stored result. */
export interface LevelFigures {
  readonly name: string;
  readonly completed: number;
  readonly failed: number;
  /** Latencies and rates that it has. */
  readonly names: readonly string[];
  /** Undefined where it has none. */
  readonly estimate: (figure: ComparableFigure) => Estimate | undefined;
  /** What was measured in one go each, where that was done in turn with the other side. */
  readonly blocks: readonly BlockFigures[];
  /** One sentence, where no change from this level can have an interval, nor decide anything. */
  readonly undecidable?: string;
}

export const figuresOfSummary = oncePerSummary(measuredFigures);

function measuredFigures(summary: LevelSummary): LevelFigures {
  const ended = decided(summary);
  const completed = completedOf(summary);
  const once = memo();
  const seriesOf = (metric: LatencyName) =>
    once(`series ${metric}`, () => latencySeries(metric, ended, completed));
  const histogramOf = (metric: LatencyName) =>
    once(`histogram ${metric}`, () => histogramOfValues(seriesOf(metric)));
  const worthOf = (metric: LatencyName) =>
    once(`worth ${metric}`, () => quantileWorth(seriesOf(metric), histogramOf(metric)));
  const latencies = LATENCIES.filter((name) => summary.latencies[name].count > 0);
  return {
    name: levelName(summary.level),
    ...countsOf(decidedOfAll(summary)),
    names: [
      ...latencies,
      ...(ended.length > 0 ? ["request_throughput"] : []),
      ...(completed.length > 0 ? ["output_throughput"] : []),
    ],
    estimate: (figure) => {
      if (figure.kind === "rate") {
        if (figure.metric === "error_rate") return once("error_rate", () => errorRate(decidedOfAll(summary)));
        if (figure.metric === "output_throughput" && completed.length === 0) return undefined;
        const { metric } = figure;
        return once(metric, () => rateOverTime(summary, metric));
      }
      const { metric, statistic } = figure;
      if (statistic.kind === "quantile") {
        const { q } = statistic;
        return once(`${metric} ${q}`, () =>
          quantileEstimate(summary.latencies[metric], q, worthOf(metric)(q), seriesOf(metric).length),
        );
      }
      return once(`${metric} mean`, () =>
        metric === "itl" || metric === "issue_delay" || metric === "held"
          ? meanOfOther(summary.latencies[metric], seriesOf(metric), histogramOf(metric))
          : meanOfSeries(seriesOf(metric), summary.latencies[metric]),
      );
    },
    get blocks() {
      return once("blocks", () => blocksOf(summary));
    },
  };
}

/** One value of each request that has it, in order. */
function latencySeries(
  metric: LatencyName,
  ended: readonly RequestFacts[],
  completed: readonly RequestFacts[],
): Float64Array {
  switch (metric) {
    case "held":
      return valuesOf(ended, ({ held }) => held);
    case "issue_delay":
      return valuesOf(ended, ({ issued, scheduled }) => issued - scheduled);
    // Gaps within a request hang together: each request counts as one, by its mean gap.
    case "itl":
      return valuesOf(completed, ({ tpot }) => tpot);
    default:
      return valuesOf(completed, (request) => request[metric]);
  }
}

function hitsOf(requests: readonly RequestFacts[], is: (request: RequestFacts) => boolean): Uint8Array {
  const hits = new Uint8Array(requests.length);
  for (let i = 0; i < requests.length; i++) if (is(requests[i]!)) hits[i] = 1;
  return hits;
}

/** The share of requests that are good: where requests are slow together, they miss their limits together, seen or not. */
export function goodputRatio(summary: LevelSummary, criteria: readonly Criterion[]): Estimate | undefined {
  const ended = decided(summary);
  const hits = hitsOf(ended, (request) => isGood(request, criteria));
  const [first] = criteria;
  if (first === undefined) return shareEstimate(hits);
  // How far they would be off where nothing bounds them.
  const farFromLimits = criteria.every(({ metric, op, limitNs }) => {
    const latencies = summary.latencies[metric];
    const furthest = latencies.max * timesBeyond(latencies.quantile(0.5) ?? 0, latencies.max);
    return latencies.count === ended.length && isUpperLimit(op) && holds(furthest, op, limitNs);
  });
  if (farFromLimits) return shareEstimate(hits);
  // A failed request is as late as can be.
  const values = valuesOf(ended, (request) => request[first.metric] ?? request.e2e ?? 0);
  const histogram = histogramOfValues(values);
  return shareEstimate(hits, () => dependenceOf(histogram.midranks(values)));
}

function errorRate(ended: readonly RequestFacts[]): Estimate | undefined {
  return shareEstimate(hitsOf(ended, ({ outcome }) => outcome === "failed"));
}

/** Of gaps, whose own series is not kept: as sure as the mean of one value of each request is. */
function meanOfOther(gaps: Histogram, series: Float64Array, perRequest: Histogram): Estimate | undefined {
  const own = meanOfSeries(series, perRequest);
  if (own === undefined || gaps.mean === undefined) return undefined;
  const scale = own.value === 0 ? 0 : gaps.mean / own.value;
  return {
    ...own,
    value: gaps.mean,
    samples: gaps.count,
    intervalAt: (confidence) =>
      own
        .intervalAt(confidence)
        .map((bound) => (bound === undefined ? undefined : bound * scale)) as unknown as Interval,
  };
}

/** Output, input or both together, or requests: of the whole window, and how sure that is. */
export function rateOverTime(
  summary: LevelSummary,
  metric: Exclude<RateName, "error_rate">,
): Estimate | undefined {
  const { start, end } = summary.record.window;
  const requests = decided(summary);
  if (requests.length === 0 || end <= start) return undefined;
  const totals = sliceTotals(summary.underLoad, start, end, countsAt(summary.level));
  const rates = ratesOf(summary);
  const { requestThroughput, outputThroughput, inputThroughput } = rates;
  const of = (value: number | undefined, slices: Float64Array) =>
    value === undefined ? undefined : rateEstimate(value, requests.length, slices);
  switch (metric) {
    case "request_throughput":
      return of(requestThroughput, totals.completed);
    case "output_throughput":
      return of(outputThroughput, totals.outputTokens);
    case "input_throughput":
      return of(inputThroughput, totals.inputTokens);
    case "total_throughput":
      return of(
        inputThroughput === undefined ? undefined : inputThroughput + outputThroughput,
        totals.outputTokens.map((tokens, i) => tokens + totals.inputTokens[i]!),
      );
  }
}

/** One of each stretch; none where there are too few to tell how they vary. */
function blocksOf(summary: LevelSummary): BlockFigures[] {
  const { record, itlSections } = summary;
  if (record.stretches.length < FEWEST_BLOCKS) return [];
  const inStretch = Map.groupBy(decided(summary), ({ stretch }) => stretch);
  const underLoad = Map.groupBy(summary.underLoad, ({ stretch }) => stretch);
  const ofAll = Map.groupBy(decidedOfAll(summary), ({ stretch }) => stretch);
  return record.stretches.map(({ start, end }, i) => {
    const requests = inStretch.get(i) ?? [];
    const completed = requests.filter(({ outcome }) => outcome === "completed");
    const latencies = REQUEST_METRICS.map(
      (metric) => [metric, histogramOfValues(valuesOf(completed, (request) => request[metric]))] as const,
    );
    const gaps = mergedSections([itlSections[i] ?? []]);
    return {
      latencies: {
        ...Object.fromEntries(latencies.filter(([, { count }]) => count > 0)),
        ...(gaps.count > 0 && { itl: gaps }),
      },
      ...countsOf(ofAll.get(i) ?? []),
      seconds: (end - start) / NS_PER_S,
      rates: ratesBetween(underLoad.get(i) ?? [], start, end, countsAt(summary.level)),
    };
  });
}

function countsOf(requests: readonly RequestFacts[]) {
  const completed = requests.filter(({ outcome }) => outcome === "completed").length;
  return { completed, failed: requests.length - completed };
}

function histogramOfValues(values: Float64Array): Histogram {
  const histogram = new Histogram();
  for (const value of values) histogram.record(Math.max(0, value));
  return histogram;
}

function memo(): <T>(name: string, make: () => T) => T {
  const made = new Map<string, unknown>();
  return <T>(name: string, make: () => T) => {
    if (!made.has(name)) made.set(name, make());
    return made.get(name) as T;
  };
}

/** Of a stored level. How much its requests depend on each other was stored with it, and its timeline says how rates vary. */
export function figuresOfResult(level: LevelResult): LevelFigures {
  const { metrics, timeline, requests, effective_samples: effective } = level;
  const once = memo();
  const histogramOf = (metric: LatencyName) =>
    once(`histogram ${metric}`, () => {
      const [stats, buckets] = [metrics[metric], level.histograms[metric]];
      if (stats === undefined || buckets === undefined) return undefined;
      const [min, max, mean, std] = [stats.min, stats.max, stats.mean, stats.std].map((ms) => ms * NS_PER_MS);
      return Histogram.fromBuckets(buckets, { min: min!, max: max!, mean: mean!, std: std! });
    });
  const sliceNs = (level.window.seconds * NS_PER_S) / Math.max(1, timeline.length);
  const rate = (value: number | undefined, of: (point: (typeof timeline)[number]) => number) =>
    value === undefined
      ? undefined
      : rateEstimate(value, requests.completed, Float64Array.from(timeline, of));
  const ended = requests.completed + requests.failed;
  return {
    name: level.name,
    completed: requests.completed,
    failed: requests.failed,
    names: [
      ...LATENCIES.filter((name) => histogramOf(name) !== undefined),
      ...(["request_throughput", "output_throughput"] as const).filter((name) => metrics[name] !== undefined),
    ],
    estimate: (figure) => {
      if (figure.kind === "rate") {
        switch (figure.metric) {
          case "error_rate":
            return ended === 0
              ? undefined
              : shareOf(requests.failed, ended, storedWorth(effective?.error_rate));
          case "request_throughput":
            return rate(metrics.request_throughput, ({ completed }) => completed);
          case "output_throughput":
            return rate(
              metrics.output_throughput,
              ({ output_throughput }) => (output_throughput * sliceNs) / NS_PER_S,
            );
        }
      }
      const histogram = histogramOf(figure.metric);
      if (histogram === undefined) return undefined;
      const worth = storedWorth(effective?.[figureName(figure)] ?? nearest(effective, figure));
      if (figure.statistic.kind === "quantile") {
        const behind = Math.min(histogram.count, requests.completed);
        return quantileEstimate(histogram, figure.statistic.q, worth, behind);
      }
      const { count, mean, std, min, max } = histogram;
      const range = { min, middle: histogram.quantile(0.5)!, max };
      return meanEstimate({ count, mean: mean!, std: std! }, range, () => 0, worth);
    },
    blocks: [],
    ...(effective === undefined && { undecidable: WITHOUT_DEPENDENCE }),
  };
}

const WITHOUT_DEPENDENCE =
  "The baseline was stored by an earlier version, which did not keep how much its requests depend on each other: measure it again.";

type Stored = NonNullable<LevelResult["effective_samples"]>[string];

/** As many as were found at the confidence of its run and, for more than that, at 99.9 %. */
function storedWorth(stored: Stored | undefined): Estimate["worthAt"] {
  return (confidence) => {
    const samples =
      stored === undefined ? 0 : confidence <= stored.confidence ? stored.samples : stored.strict;
    return { lower: samples, upper: samples, effective: samples };
  };
}

/** A quantile that was not stored is worth what the worse of its neighbours is. */
function nearest(
  effective: LevelResult["effective_samples"],
  { metric, statistic }: Extract<ComparableFigure, { kind: "latency" }>,
): Stored | undefined {
  if (effective === undefined || statistic.kind !== "quantile") return undefined;
  const known = STORED_QUANTILES.flatMap((q) => {
    const stored = effective[figureName({ kind: "latency", metric, statistic: { kind: "quantile", q } })];
    return stored === undefined ? [] : [{ q, stored }];
  });
  const below = known.findLast(({ q }) => q <= statistic.q)?.stored;
  const above = known.find(({ q }) => q >= statistic.q)?.stored;
  if (below === undefined || above === undefined) return below ?? above;
  return below.strict < above.strict ? below : above;
}

const STORED_QUANTILES = [0.5, 0.9, 0.95, 0.99, 0.999];

/** Figures whose worth is stored with a result; that of other quantiles is taken from these. */
export const STORED_FIGURES: readonly ComparableFigure[] = [
  ...LATENCIES.flatMap((metric): ComparableFigure[] => [
    ...STORED_QUANTILES.map(
      (q): ComparableFigure => ({ kind: "latency", metric, statistic: { kind: "quantile", q } }),
    ),
    { kind: "latency", metric, statistic: { kind: "mean" } },
  ]),
  { kind: "rate", metric: "error_rate" },
];
