import { type BottleneckType, SEVERITIES, type Severity } from "./bottleneck-rules.ts";
import {
  CurrentConfig,
  type FlaggedEngine,
  OPTIMIZATION_RULES,
  type OptimizationRule,
  type OptimizationType,
} from "./optimization-rules.ts";

export interface KnownBottleneck {
  readonly type: BottleneckType;
  readonly severity?: Severity | undefined;
}

export interface Optimization {
  readonly type: OptimizationType;
  readonly priority: Severity;
  readonly description: string;
  /** Shares of 1; empty where only measuring can tell. */
  readonly estimated_improvement: Readonly<Record<string, number>>;
  readonly config_changes: Readonly<Record<string, string | number | boolean>>;
  readonly risks?: readonly string[];
  /** For the command line of the instance's engine, a word each; empty where it has no flag for it. */
  readonly engine_args: readonly string[];
  readonly note?: string;
  /** Bottlenecks it is for. */
  readonly addresses: readonly BottleneckType[];
  /** Where the figures of the estimate come from. */
  readonly source: string;
}

/** What nobody graded is taken seriously. */
const UNGRADED: Severity = "HIGH";

/** What the rules advise, the most pressing first; nothing that the configuration has already. */
export function recommendOptimizations(
  bottlenecks: readonly KnownBottleneck[],
  engine: FlaggedEngine,
  config: Readonly<Record<string, unknown>> = {},
  rules: readonly OptimizationRule[] = OPTIMIZATION_RULES,
): readonly Optimization[] {
  const current = new CurrentConfig(config);
  const advised = rules.flatMap((rule): Optimization[] => {
    const causes = bottlenecks.filter(({ type }) => rule.on.includes(type));
    if (causes.length === 0 || rule.when?.(current) === false) return [];
    const changes = rule.changes(current);
    const { args = [], note } = rule.engines[engine];
    return [
      {
        type: rule.type,
        priority: rule.priority === "severity" ? gravest(causes) : rule.priority,
        description: filled(rule.description, changes),
        estimated_improvement: rule.improvement(current),
        config_changes: changes,
        ...(rule.risks && { risks: rule.risks }),
        engine_args: args.map((word) => filled(word, changes)),
        ...(note !== undefined && { note }),
        addresses: [...new Set(causes.map(({ type }) => type))],
        source: rule.source,
      },
    ];
  });
  return withoutRivals(advised).toSorted(
    (a, b) => SEVERITIES.indexOf(a.priority) - SEVERITIES.indexOf(b.priority),
  );
}

/** Of two that set the same thing the first holds, for all that either is for. */
function withoutRivals(advised: readonly Optimization[]): readonly Optimization[] {
  const bySetting = new Map<string, Optimization>();
  for (const one of advised) {
    const key = Object.keys(one.config_changes).join();
    const first = bySetting.get(key);
    bySetting.set(
      key,
      first === undefined
        ? one
        : { ...first, addresses: [...new Set([...first.addresses, ...one.addresses])] },
    );
  }
  return [...bySetting.values()];
}

function gravest(causes: readonly KnownBottleneck[]): Severity {
  const graded = causes.map(({ severity = UNGRADED }) => severity);
  return SEVERITIES.find((severity) => graded.includes(severity))!;
}

function filled(text: string, changes: Readonly<Record<string, unknown>>): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) =>
    name in changes ? String(changes[name]) : whole,
  );
}
