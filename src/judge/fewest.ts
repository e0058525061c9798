import { isUpperLimit, type Objective } from "../plan/objective.ts";
import { FEWEST_FOR_MEAN } from "./estimate.ts";
import { fewestForQuantile, normalQuantile } from "./intervals.ts";

/**
 * Requests with which the objective can be met at the best: independent ones, none of which is beyond the limit. Where
 * they depend on each other it takes as many times more as they are worth less. Undefined where their number does not
 * say (throughputs take time, `_min` and `_max` one request).
 */
export function fewestToMeet({ subject, op, limit }: Objective, confidence: number): number | undefined {
  switch (subject.kind) {
    case "latency":
    case "regression": {
      const figure = subject.kind === "regression" ? subject.of : subject;
      if (figure.kind !== "latency") return undefined;
      const { statistic } = figure;
      if (statistic.kind === "mean") return FEWEST_FOR_MEAN;
      return statistic.kind === "quantile" ? fewestForQuantile(statistic.q, confidence) : undefined;
    }
    case "goodput_ratio":
      return fewestForShare(isUpperLimit(op) ? limit : 1 - limit, confidence);
    case "rate":
      return subject.metric === "error_rate" && isUpperLimit(op)
        ? fewestForShare(limit, confidence)
        : undefined;
  }
}

/** Wilson's upper bound of none in n is z² / (n + z²). */
function fewestForShare(allowed: number, confidence: number): number | undefined {
  const z = normalQuantile(confidence);
  return allowed > 0 && allowed < 1 ? Math.floor((z * z * (1 - allowed)) / allowed) + 1 : undefined;
}
