import type { ComparableFigure } from "../plan/objective.ts";
import { type Estimate, type Range, timesBeyond } from "./estimate.ts";
import { differenceInterval, type Interval, ratioInterval } from "./intervals.ts";
import type { LevelFigures } from "./level-figures.ts";
import { pairedInterval } from "./paired.ts";

/** How one figure went from base to head; in nanoseconds, ratios or per second. */
export interface FigureChange {
  readonly base: number;
  readonly head: number;
  /** head / base, for `error_rate` head − base; absent where the base is 0 and there is no ratio. */
  readonly change?: number;
  /** Of `change`, each bound by itself at the confidence given. */
  readonly intervalAt: (confidence: number) => Interval;
  /** Samples of the side that has fewer. */
  readonly samples: number;
  /** Requests of each side below which no bound is possible at all. */
  readonly fewestAt: (confidence: number) => number;
}

/** Undefined when either side lacks the figure. */
export function changeOf(
  figure: ComparableFigure,
  base: LevelFigures,
  head: LevelFigures,
): FigureChange | undefined {
  const [before, after] = [base.estimate(figure), head.estimate(figure)];
  if (before === undefined || after === undefined) return undefined;
  const values = {
    base: before.value,
    head: after.value,
    samples: Math.min(before.samples, after.samples),
    fewestAt: (confidence: number) => Math.max(before.fewestAt(confidence), after.fewestAt(confidence)),
  };
  const paired = pairedInterval(figure, [base.blocks, head.blocks]);
  if (figure.kind === "rate" && figure.metric === "error_rate") {
    // Blocks without any failure do not vary, and still show nothing of the rare one.
    const failed = Math.min(base.failed, head.failed) > 0;
    const intervalAt = (failed ? paired : undefined) ?? between(before, after, differenceInterval);
    return { ...values, change: after.value - before.value, intervalAt };
  }
  return {
    ...values,
    ...(before.value > 0 && { change: after.value / before.value }),
    intervalAt:
      paired === undefined
        ? withRangesApart(before, after, between(before, after, ratioInterval))
        : // Leaving samples out never leaves them: where they cannot bound the figure, they cannot bound its change.
          (confidence) => (values.samples < values.fewestAt(confidence) ? UNBOUNDED : paired(confidence)),
  };
}

const UNBOUNDED: Interval = [undefined, undefined];

/** Of two sides that were measured apart, from the interval of each. */
function between(
  before: Estimate,
  after: Estimate,
  combined: typeof differenceInterval,
): FigureChange["intervalAt"] {
  return (confidence) =>
    combined(
      { value: after.value, interval: after.intervalAt(confidence) },
      { value: before.value, interval: before.intervalAt(confidence) },
    );
}

/**
 * Where every request of one side is slower than all of the other, and by more than the slowest of these is beyond
 * their middle, the change is at least what lies between: however much the requests of each depend on each other, a
 * service hardly differs so much from itself. Where a figure has no bound for want of requests, it has none here.
 */
function withRangesApart(
  before: Estimate,
  after: Estimate,
  intervalAt: FigureChange["intervalAt"],
): FigureChange["intervalAt"] {
  return (confidence) => {
    const [lower, upper] = intervalAt(confidence);
    const [base, head] = [before.rangeAt?.(confidence), after.rangeAt?.(confidence)];
    if (base === undefined || head === undefined) return [lower, upper];
    const least = head.min / beyond(base);
    const most = beyond(head) / base.min;
    return [
      least > 1 ? Math.max(lower ?? 0, least) : lower,
      most < 1 ? Math.min(upper ?? Number.POSITIVE_INFINITY, most) : upper,
    ];
  };
}

function beyond({ middle, max }: Range): number {
  return max * timesBeyond(middle, max);
}
