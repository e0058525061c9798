import {
  type ComparableFigure,
  type Criterion,
  figureName,
  holds,
  isUpperLimit,
  type Objective,
  type RateName,
} from "../plan/objective.ts";
import type { Outcome } from "../result.ts";
import type { Histogram } from "../summarize/histogram.ts";
import { decided, isGood, type LevelSummary, ratesBetween } from "../summarize/summary.ts";
import { changeOf, drawsOf } from "./change.ts";
import {
  type Block,
  bootstrapInterval,
  type Interval,
  quantileRanks,
  samplesToEstablish,
  wilsonInterval,
} from "./intervals.ts";
import { figuresOfSummaries, type LevelFigures } from "./level-figures.ts";
import { requestsForRegression, worsening } from "./regression.ts";
import { slices } from "./slices.ts";

/** One objective held against one level. Figures are in the objective's own unit: ns, ratio, per second. */
export interface Judgement {
  readonly objective: Objective;
  readonly outcome: Outcome;
  readonly observed?: number;
  readonly interval?: Interval;
  /** Requests or gaps behind the estimate. */
  readonly samples: number;
  /** Why it is inconclusive. */
  readonly reason?: string;
  /** Requests that would decide it, if the shares observed held. */
  readonly requestsNeeded?: number;
}

/** Beyond this many requests it is kinder to say that the figure sits too close to its limit. */
const MOST_REQUESTS_SUGGESTED = 200_000;

/**
 * Met when the whole interval is on the right side of the limit, violated when it is on the wrong one,
 * otherwise inconclusive; without samples never met. With `confidence: "none"` the estimate alone decides.
 * A regression is held against the same level of a baseline, and without one is inconclusive.
 */
export function judge(
  objective: Objective,
  summary: LevelSummary,
  confidence: number | "none",
  seed: number,
  baseline?: LevelFigures,
): Judgement {
  const estimate = estimateOf(objective, summary, confidence === "none" ? 0.95 : confidence, seed, baseline);
  const { observed, samples } = estimate;
  if (observed === undefined) {
    return {
      objective,
      outcome: "inconclusive",
      samples,
      reason: estimate.missing ?? "Nothing was measured.",
    };
  }
  const measured = { objective, observed, samples };
  if (confidence === "none" || estimate.interval === undefined) {
    return { ...measured, outcome: holds(observed, objective.op, objective.limit) ? "met" : "violated" };
  }
  const interval = estimate.interval;
  const outcome = compare(interval, objective);
  if (outcome !== "inconclusive") return { ...measured, interval, outcome };
  const needed = estimate.requestsNeeded?.();
  return {
    ...measured,
    interval,
    outcome,
    reason: inconclusiveReason(estimate, interval, objective, needed),
    ...(needed !== undefined && needed <= MOST_REQUESTS_SUGGESTED && { requestsNeeded: needed }),
  };
}

/** Violated beats inconclusive beats met; undefined when there was nothing to judge. */
export function worst(outcomes: readonly Outcome[]): Outcome | undefined {
  return (["violated", "inconclusive", "met"] as const).find((outcome) => outcomes.includes(outcome));
}

function compare([lower, upper]: Interval, { op, limit }: Objective): Outcome {
  // The bound that must hold, and the one that shows it cannot.
  const [near, far] = isUpperLimit(op) ? [upper, lower] : [lower, upper];
  if (near !== undefined && holds(near, op, limit)) return "met";
  if (far !== undefined && !holds(far, op, limit)) return "violated";
  return "inconclusive";
}

function inconclusiveReason(
  { fewSamples = false }: Estimate,
  [lower, upper]: Interval,
  { op }: Objective,
  needed: number | undefined,
): string {
  const why =
    lower === undefined && upper === undefined && !fewSamples
      ? "The run is too short to show how the figure varies"
      : (isUpperLimit(op) ? upper : lower) === undefined
        ? "Too few samples to bound it"
        : "The limit lies within the interval";
  return needed !== undefined && needed > MOST_REQUESTS_SUGGESTED
    ? `${why}, and the figure is too close to it for any sensible number of requests to decide.`
    : `${why}.`;
}

interface Estimate {
  readonly observed?: number;
  /** Absent where the figure is a plain fact of what was measured. */
  readonly interval?: Interval;
  readonly samples: number;
  readonly missing?: string;
  /** Where an interval has no bound, it is for want of samples, not of time. */
  readonly fewSamples?: boolean;
  readonly requestsNeeded?: () => number | undefined;
}

function estimateOf(
  { subject, op, limit }: Objective,
  summary: LevelSummary,
  confidence: number,
  seed: number,
  baseline: LevelFigures | undefined,
): Estimate {
  switch (subject.kind) {
    case "latency": {
      const histogram = summary.latencies[subject.metric];
      if (histogram.count === 0) return { samples: 0, missing: `No request has a ${subject.metric}.` };
      switch (subject.statistic.kind) {
        case "quantile":
          return quantileEstimate(
            histogram,
            subject.statistic.q,
            summary,
            op === "<" || op === "<=" ? limit : undefined,
            confidence,
          );
        case "mean":
          return meanEstimate(subject.metric, histogram, summary, confidence, seed);
        case "min":
          return { observed: histogram.min, samples: histogram.count };
        case "max":
          return { observed: histogram.max, samples: histogram.count };
        default:
          return subject.statistic satisfies never;
      }
    }
    case "goodput_ratio":
      return goodputRatioEstimate(subject.criteria, summary, limit, isUpperLimit(op), confidence);
    case "rate":
      return rateEstimate(subject.metric, summary, limit, isUpperLimit(op), confidence, seed);
    case "regression":
      return regressionEstimate(subject.of, summary, limit, confidence, seed, baseline);
  }
}

function regressionEstimate(
  figure: ComparableFigure,
  summary: LevelSummary,
  limit: number,
  confidence: number,
  seed: number,
  baseline: LevelFigures | undefined,
): Estimate {
  if (baseline === undefined)
    return { samples: 0, missing: "There is no baseline to compare this level with." };
  if (baseline.undecidable !== undefined) return { samples: 0, missing: baseline.undecidable };
  const head = figuresOfSummaries([summary]);
  const change = changeOf(figure, baseline, head, drawsOf(seed));
  if (change === undefined) {
    const missing = `The baseline or this run has no ${figureName(figure)}, so that nothing can be compared.`;
    return { samples: 0, missing };
  }
  const { observed, interval } = worsening(figure, { ...change, interval: change.intervalAt(confidence) });
  if (observed === undefined) {
    return {
      samples: change.samples,
      missing: `The baseline's ${figureName(figure)} is 0: nothing is a share of it.`,
    };
  }
  return {
    observed,
    interval,
    samples: change.samples,
    fewSamples: figure.kind === "latency",
    requestsNeeded: () => requestsForRegression(figure, change, limit, confidence),
  };
}

function quantileEstimate(
  histogram: Histogram,
  q: number,
  summary: LevelSummary,
  upperLimit: number | undefined,
  confidence: number,
): Estimate {
  // Gaps within a request are not independent: they count as one sample per request, which errs on the wide side.
  const completed = summary.requests.filter((request) => request.outcome === "completed").length;
  const independent = Math.min(histogram.count, completed);
  const [lowerRank, upperRank] = quantileRanks(independent, q, confidence);
  const value = (rank: number | undefined) =>
    rank === undefined ? undefined : histogram.valueAtRank(Math.ceil((rank * histogram.count) / independent));
  return {
    observed: histogram.quantile(q)!,
    interval: [value(lowerRank), value(upperRank)],
    samples: histogram.count,
    requestsNeeded: () => {
      if (upperLimit === undefined) return undefined;
      return requestsForShare(
        1 - q,
        histogram.shareAbove(upperLimit),
        independent,
        (n, over) => samplesToEstablish(q, over, confidence) <= n,
      );
    },
  };
}

/**
 * The number of requests that would establish "at most `allowed` are bad" if the observed share of bad
 * ones held; undefined when that share itself is beyond what is allowed.
 */
function requestsForShare(
  allowed: number,
  observedShare: number,
  measured: number,
  enough: (n: number, bad: number) => boolean,
): number | undefined {
  if (observedShare >= allowed) return undefined;
  const decides = (n: number) => enough(n, Math.ceil(observedShare * n));
  let low = Math.max(1, measured);
  let high = low;
  while (!decides(high)) {
    if (high > MOST_REQUESTS_SUGGESTED) return Number.POSITIVE_INFINITY;
    low = high + 1;
    high *= 2;
  }
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (decides(middle)) high = middle;
    else low = middle + 1;
  }
  return high;
}

function meanEstimate(
  metric: keyof LevelSummary["latencies"],
  histogram: Histogram,
  summary: LevelSummary,
  confidence: number,
  seed: number,
): Estimate {
  const observed = histogram.mean!;
  const samples = histogram.count;
  const perRequest = metric === "itl" || metric === "issue_delay" ? undefined : metric;
  if (perRequest === undefined) return { observed, samples, interval: [undefined, undefined] };
  const blocks = slices(summary).map(({ requests }) => {
    const values = requests.flatMap((request) =>
      request.outcome === "completed" && request[perRequest] !== undefined ? [request[perRequest]] : [],
    );
    return { total: values.reduce((sum, value) => sum + value, 0), weight: values.length };
  });
  return { observed, samples, interval: bootstrapInterval(blocks, confidence, seed) };
}

function goodputRatioEstimate(
  criteria: readonly Criterion[],
  summary: LevelSummary,
  limit: number,
  upper: boolean,
  confidence: number,
): Estimate {
  const requests = decided(summary);
  const good = requests.filter((request) => isGood(request, criteria)).length;
  return shareEstimate(good, requests.length, limit, upper, confidence);
}

function rateEstimate(
  metric: RateName,
  summary: LevelSummary,
  limit: number,
  upper: boolean,
  confidence: number,
  seed: number,
): Estimate {
  const requests = decided(summary);
  if (metric === "error_rate") {
    const failed = requests.filter((request) => request.outcome === "failed").length;
    return shareEstimate(failed, requests.length, limit, upper, confidence);
  }
  if (requests.length === 0) return { samples: 0 };
  const { start, end } = summary.record.window;
  const figure = (from: number, to: number): number | undefined => {
    const rates = ratesBetween(summary.underLoad, from, to);
    switch (metric) {
      case "request_throughput":
        return rates.requestThroughput;
      case "output_throughput":
        return rates.outputThroughput;
      case "input_throughput":
        return rates.inputThroughput;
      case "total_throughput":
        return rates.inputThroughput === undefined
          ? undefined
          : rates.inputThroughput + rates.outputThroughput;
      default:
        return metric satisfies never;
    }
  };
  const observed = figure(start, end);
  if (observed === undefined)
    return { samples: requests.length, missing: "The server told no prompt lengths (usage)." };
  const blocks = slices(summary).map(
    ({ from, to }): Block => ({ total: (figure(from, to) ?? 0) * (to - from), weight: to - from }),
  );
  return { observed, samples: requests.length, interval: bootstrapInterval(blocks, confidence, seed) };
}

function shareEstimate(hits: number, n: number, limit: number, upper: boolean, confidence: number): Estimate {
  if (n === 0) return { samples: 0 };
  return {
    observed: hits / n,
    samples: n,
    interval: wilsonInterval(hits, n, confidence),
    requestsNeeded: () => {
      const bad = upper ? hits / n : 1 - hits / n;
      const allowed = upper ? limit : 1 - limit;
      return requestsForShare(
        allowed,
        bad,
        n,
        (more, over) => wilsonInterval(over, more, confidence)[1]! < allowed,
      );
    },
  };
}
