import type { Comparison, MetricChange } from "../result.ts";
import { isDifference, worseningOf } from "./compare.ts";

/** What a comparison as a whole is allowed: both are ratios, 0.1 is a tenth. */
export interface Allowed {
  /** More latency or less throughput, as a share of the baseline. */
  readonly regression: number;
  /** More failures, as a difference of shares. */
  readonly errorRate: number;
}

export interface Regressions {
  /** Called worse, and the whole interval lies beyond what is allowed. */
  readonly beyond: readonly Regressed[];
  /** Neither shown to be beyond nor to be within. */
  readonly open: readonly Regressed[];
}

export interface Regressed {
  readonly level: string;
  readonly change: MetricChange;
  /** What it was held against. */
  readonly allowed: number;
}

/**
 * Holds every figure of every level against what is allowed; without intervals the plain estimates. Against
 * another tool's result everything stays open: there the figures themselves are not quite of the same thing.
 */
export function regressionsIn(comparison: Comparison, allowed: Allowed): Regressions {
  const beyond: Regressed[] = [];
  const open: Regressed[] = [];
  for (const { name, changes } of comparison.levels) {
    for (const change of changes) {
      const limit = isDifference(change) ? allowed.errorRate : allowed.regression;
      const { observed, interval } = worseningOf(change);
      const [lower, upper] = change.interval === undefined ? [observed, observed] : interval;
      const regressed = { level: name, change, allowed: limit };
      const worse = change.change === "worse" || change.interval === undefined;
      if (comparison.imported !== undefined) open.push(regressed);
      else if (worse && lower !== undefined && lower > limit) beyond.push(regressed);
      else if (upper === undefined || upper > limit) open.push(regressed);
    }
  }
  return { beyond, open };
}
