import { type ComparableFigure, figureName, holds, isUpperLimit, type Objective } from "../plan/objective.ts";
import type { EndReason } from "../record/record.ts";
import type { Outcome } from "../result.ts";
import { decided, type LevelSummary } from "../summarize/summary.ts";
import { NS_PER_S } from "../units.ts";
import { changeOf } from "./change.ts";
import { FEWEST_WORTH } from "./dependence.ts";
import type { Estimate } from "./estimate.ts";
import { type Interval, samplesToEstablish, wilsonInterval } from "./intervals.ts";
import { figuresOfSummary, goodputRatio, type LevelFigures, rateOverTime } from "./level-figures.ts";
import { requestsForRegression, worsening } from "./regression.ts";

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
  /** How many independent samples these are worth. */
  readonly effective?: number;
  /** Requests that would decide it, if what was observed held, and how long these take at this load. */
  readonly requestsNeeded?: number;
  readonly secondsNeeded?: number;
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
  baseline?: LevelFigures,
): Judgement {
  const estimate = evidenceOf(objective, summary, confidence === "none" ? 0.95 : confidence, baseline);
  const { observed, samples } = estimate;
  if (observed === undefined) {
    return {
      objective,
      outcome: "inconclusive",
      samples,
      reason: estimate.missing ?? "Nothing was measured.",
    };
  }
  const measured = {
    objective,
    observed,
    samples,
    ...(estimate.effective !== undefined && { effective: estimate.effective }),
  };
  if (confidence === "none" || estimate.interval === undefined) {
    return { ...measured, outcome: holds(observed, objective.op, objective.limit) ? "met" : "violated" };
  }
  const interval = estimate.interval;
  const outcome = compare(interval, objective);
  const givenUp = outcome === "met" ? GIVEN_UP[summary.record.endedBy ?? "decisive"] : undefined;
  if (givenUp !== undefined) return { ...measured, interval, outcome: "inconclusive", reason: givenUp };
  if (outcome !== "inconclusive") return { ...measured, interval, outcome };
  const judged = estimate.requestsNeeded?.() ?? requestsForWidth(estimate, interval, objective, summary);
  // A longer run would lose its start as well.
  const needed = judged === undefined ? undefined : judged + (summary.leftOut?.length ?? 0);
  return {
    ...measured,
    interval,
    outcome,
    reason: inconclusiveReason(estimate, interval, objective, needed),
    ...(needed !== undefined &&
      needed <= MOST_REQUESTS_SUGGESTED && {
        requestsNeeded: needed,
        secondsNeeded: secondsFor(needed, summary),
      }),
  };
}

/** A level that was ended because all was not well has not shown that it would have kept an objective to its end. */
const GIVEN_UP: Readonly<Partial<Record<EndReason, string>>> = {
  max_errors: "The level was ended at its limit of failed requests, before its plan was done.",
  max_error_rate: "The level was ended because too many requests failed, before its plan was done.",
  overload: "The level was ended because arrivals outran completions, before its plan was done.",
};

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
  { fewSamples = false, effective, samples }: Evidence,
  [lower, upper]: Interval,
  { op }: Objective,
  needed: number | undefined,
): string {
  const bound = isUpperLimit(op) ? upper : lower;
  const why =
    effective !== undefined &&
    effective < samples / 2 &&
    (bound === undefined || effective < FEWEST_WORTH.mean)
      ? `Requests depend on each other, so that ${samples} count as ${effective}: too few to show how it varies`
      : lower === undefined && upper === undefined && !fewSamples
        ? "The run is too short to show how the figure varies"
        : bound === undefined
          ? "Too few samples to bound it"
          : "The limit lies within the interval";
  return needed !== undefined && needed > MOST_REQUESTS_SUGGESTED
    ? `${why}, and the figure is too close to it for any sensible number of requests to decide.`
    : `${why}.`;
}

/** Where nothing better is known: with four times as many requests an interval is half as wide. */
function requestsForWidth(
  { observed = 0, effective = Number.POSITIVE_INFINITY }: Evidence,
  [lower, upper]: Interval,
  { limit }: Objective,
  summary: LevelSummary,
): number | undefined {
  const bound = observed < limit ? upper : lower;
  const times =
    bound === undefined || effective < FEWEST_WORTH.quantile
      ? FEWEST_WORTH.mean / effective
      : ((bound - observed) / (limit - observed)) ** 2;
  return times > 1 && Number.isFinite(times) ? Math.ceil(times * decided(summary).length) + 1 : undefined;
}

function secondsFor(requests: number, summary: LevelSummary): number {
  const { start, end } = summary.record.window;
  return ((end - start) / NS_PER_S) * (requests / Math.max(1, decided(summary).length));
}

interface Evidence {
  readonly observed?: number;
  /** Absent where the figure is a plain fact of what was measured. */
  readonly interval?: Interval;
  readonly samples: number;
  readonly effective?: number;
  readonly missing?: string;
  /** Where an interval has no bound, it is for want of samples, not of time. */
  readonly fewSamples?: boolean;
  readonly requestsNeeded?: () => number | undefined;
}

function evidenceOf(
  { subject, op, limit }: Objective,
  summary: LevelSummary,
  confidence: number,
  baseline: LevelFigures | undefined,
): Evidence {
  switch (subject.kind) {
    case "latency": {
      const { metric, statistic } = subject;
      const histogram = summary.latencies[metric];
      if (histogram.count === 0) return { samples: 0, missing: `No request has a ${metric}.` };
      switch (statistic.kind) {
        case "quantile": {
          const estimate = figuresOfSummary(summary).estimate({ kind: "latency", metric, statistic })!;
          const { q } = statistic;
          return {
            ...evidence(estimate, confidence),
            fewSamples: true,
            requestsNeeded: () =>
              isUpperLimit(op)
                ? requestsForShare(
                    1 - q,
                    histogram.shareAbove(limit),
                    summary,
                    estimate,
                    confidence,
                    (n, over) => samplesToEstablish(q, over, confidence) <= n,
                  )
                : undefined,
          };
        }
        case "mean": {
          const estimate = figuresOfSummary(summary).estimate({ kind: "latency", metric, statistic });
          return estimate === undefined ? { samples: 0 } : evidence(estimate, confidence);
        }
        case "min":
          return { observed: histogram.min, samples: histogram.count };
        case "max":
          return { observed: histogram.max, samples: histogram.count };
        default:
          return statistic satisfies never;
      }
    }
    case "goodput_ratio":
      return shareEvidence(
        goodputRatio(summary, subject.criteria),
        summary,
        limit,
        isUpperLimit(op),
        confidence,
      );
    case "rate": {
      const { metric } = subject;
      if (metric === "error_rate") {
        const estimate = figuresOfSummary(summary).estimate({ kind: "rate", metric });
        return shareEvidence(estimate, summary, limit, isUpperLimit(op), confidence);
      }
      const estimate = rateOverTime(summary, metric);
      if (estimate !== undefined) {
        // What it is worth is counted in slices of time, and no number of requests.
        const { effective: _, ...known } = evidence(estimate, confidence);
        return known;
      }
      const samples = decided(summary).length;
      return samples === 0 ? { samples } : { samples, missing: "The server told no prompt lengths (usage)." };
    }
    case "regression":
      return regressionEvidence(subject.of, summary, limit, confidence, baseline);
  }
}

function evidence(
  { value, samples, intervalAt, worthAt }: Estimate,
  confidence: number,
): Evidence & { readonly interval: Interval } {
  const effective = Math.min(samples, Math.max(1, Math.floor(worthAt(confidence).effective)));
  return { observed: value, samples, interval: intervalAt(confidence), effective };
}

function regressionEvidence(
  figure: ComparableFigure,
  summary: LevelSummary,
  limit: number,
  confidence: number,
  baseline: LevelFigures | undefined,
): Evidence {
  if (baseline === undefined)
    return { samples: 0, missing: "There is no baseline to compare this level with." };
  if (baseline.undecidable !== undefined) return { samples: 0, missing: baseline.undecidable };
  const change = changeOf(figure, baseline, figuresOfSummary(summary));
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

function shareEvidence(
  estimate: Estimate | undefined,
  summary: LevelSummary,
  limit: number,
  upper: boolean,
  confidence: number,
): Evidence {
  if (estimate === undefined) return { samples: 0 };
  const [bad, allowed] = upper ? [estimate.value, limit] : [1 - estimate.value, 1 - limit];
  return {
    ...evidence(estimate, confidence),
    requestsNeeded: () =>
      requestsForShare(
        allowed,
        bad,
        summary,
        estimate,
        confidence,
        (n, over) => wilsonInterval(over, n, confidence)[1]! < allowed,
      ),
  };
}

/**
 * The number of requests that would establish "at most `allowed` are bad" if the observed share of bad
 * ones, and how much requests depend on each other, held; undefined when that share itself is beyond what is allowed.
 */
function requestsForShare(
  allowed: number,
  observedShare: number,
  summary: LevelSummary,
  { worthAt }: Estimate,
  confidence: number,
  enough: (n: number, bad: number) => boolean,
): number | undefined {
  if (observedShare >= allowed) return undefined;
  const requests = decided(summary).length;
  const { effective, upper, lower } = worthAt(confidence);
  const decides = (n: number) => enough(n, Math.ceil(observedShare * n));
  let low = Math.max(1, Math.floor(Math.min(effective, Math.max(upper, lower))));
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
  const dependent = effective < FEWEST_WORTH.mean && Math.max(lower, upper) < 1;
  return Math.ceil(
    (Math.max(high, dependent ? FEWEST_WORTH.mean : 0) * requests) / Math.min(requests, effective),
  );
}
