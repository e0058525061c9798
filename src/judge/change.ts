import type { ComparableFigure } from "../plan/objective.ts";
import type { Estimate } from "./estimate.ts";
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
        ? between(before, after, ratioInterval)
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
