import {
  BOTTLENECK_RULES,
  type BottleneckRule,
  type BottleneckType,
  type Facts,
  SCALES,
  SEVERITIES,
  type Severity,
} from "./bottleneck-rules.ts";

export interface Bottleneck {
  readonly type: BottleneckType;
  readonly severity: Severity;
  readonly description: string;
  readonly metric_name: string;
  readonly current_value: number;
  readonly threshold_value: number;
  readonly recommendation: string;
  /** ISO 8601, UTC. */
  readonly detected_at: string;
}

/** What the rules find, the gravest first; none when all is well or nothing is known. */
export function detectBottlenecks(
  facts: Facts,
  detectedAt: string,
  rules: readonly BottleneckRule[] = BOTTLENECK_RULES,
): readonly Bottleneck[] {
  const idle = facts.running === 0 && facts.waiting === 0;
  return rules
    .flatMap((rule): Bottleneck[] => {
      const value = facts[rule.of];
      if (value === undefined || (rule.notWhenIdle && idle)) return [];
      if (rule.bad === "above" ? value <= rule.threshold : value >= rule.threshold) return [];
      return [
        {
          type: rule.type,
          severity: severityOf(rule, value),
          description: rule.description(value),
          metric_name: rule.metricName,
          current_value: value,
          threshold_value: rule.threshold,
          recommendation: rule.recommendation,
          detected_at: detectedAt,
        },
      ];
    })
    .toSorted((a, b) => SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity));
}

function severityOf(rule: BottleneckRule, value: number): Severity {
  if (rule.severity === "memory") return SCALES.memory.find(({ from }) => value >= from)!.severity;
  // JSON has a −0, of which the threshold would be negatively many times as much.
  const times = Math.abs(rule.bad === "above" ? value / rule.threshold : rule.threshold / value);
  return SCALES.ratio.find(({ over }) => times > over)!.severity;
}
