import type {
  ComparedLevel,
  Comparison,
  LevelMetrics,
  LevelResult,
  MetricChange,
  Result,
} from "../result.ts";

/**
 * Comparing with another tool's result: its file holds figures and not the distributions they were made of,
 * so that no interval can be given and nothing can be shown. What is left is figure against figure.
 */

const LATENCIES = ["ttft", "ttft_sent", "itl", "tpot", "e2e"] as const;
const STATISTICS = ["p50", "p95", "p99", "mean"] as const;

/** What both count alike; a goodput keeps to criteria of its own, and is left out. */
const RATES = [
  ["request_throughput", "1/s", "higher"],
  ["output_throughput", "tok/s", "higher"],
  ["input_throughput", "tok/s", "higher"],
  ["total_throughput", "tok/s", "higher"],
  ["error_rate", "ratio", "lower"],
] as const satisfies readonly (readonly [keyof LevelMetrics, MetricChange["unit"], MetricChange["better"]])[];

/** Whether another tool measured a side, so that figures alone can be compared. */
export function figuresOnly(base: Result, head: Result): boolean {
  return base.imported !== undefined || head.imported !== undefined;
}

/** Every figure that both have, each of them unclear. */
export function compareFigures(base: LevelResult, head: LevelResult): ComparedLevel {
  const [before, after] = [figuresOf(base), figuresOf(head)];
  const changes = [...after].flatMap(([metric, figure]): MetricChange[] => {
    const baseValue = before.get(metric)?.value;
    if (baseValue === undefined) return [];
    const { value, unit, better } = figure;
    const ratio = baseValue > 0 ? { ratio: value / baseValue } : {};
    return [{ metric, unit, base: baseValue, head: value, ...ratio, better, change: "unclear" }];
  });
  return { name: head.name, changes, added: onlyIn(head, base), removed: onlyIn(base, head) };
}

/** Who measured what, and what to know before reading one beside the other. */
export function importedSides(base: Result, head: Result): NonNullable<Comparison["imported"]> {
  const [before, after] = [base.imported, head.imported];
  const own = before?.tool === after?.tool;
  return {
    ...(before !== undefined && { base: before.title }),
    ...(after !== undefined && { head: after.title }),
    notes: [
      sameWorkload(base, head),
      // Two results of one tool follow the same definitions.
      ...(own ? [] : sides(before?.differences, before?.title)),
      ...(own ? [] : sides(after?.differences, after?.title)),
    ],
  };
}

/** Why an objective on a change is open. */
export function noIntervalReason({ imported }: Result): string | undefined {
  if (imported === undefined) return undefined;
  return `The baseline was measured by ${imported.title}, whose file holds figures without their distributions: there is no interval, and figure against figure decides nothing.`;
}

interface Figure {
  readonly value: number;
  readonly unit: MetricChange["unit"];
  readonly better: MetricChange["better"];
}

function figuresOf({ metrics }: LevelResult): ReadonlyMap<string, Figure> {
  const figures = new Map<string, Figure>();
  for (const name of LATENCIES) {
    for (const statistic of STATISTICS) {
      // An imported latency may lack some of its statistics.
      const value: number | undefined = metrics[name]?.[statistic];
      if (value !== undefined) figures.set(`${name}_${statistic}`, { value, unit: "ms", better: "lower" });
    }
  }
  for (const [name, unit, better] of RATES) {
    const value = metrics[name];
    if (value !== undefined) figures.set(name, { value, unit, better });
  }
  return figures;
}

/** A latency that the other side lacks altogether is named once, else each statistic that it lacks. */
function onlyIn(one: LevelResult, other: LevelResult): string[] {
  const [mine, theirs] = [figuresOf(one), figuresOf(other)];
  const lacks = (name: string) => mine.has(name) && !theirs.has(name);
  return [
    ...LATENCIES.flatMap((name) => {
      if (one.metrics[name] !== undefined && other.metrics[name] === undefined) return [name];
      return STATISTICS.map((statistic) => `${name}_${statistic}`).filter(lacks);
    }),
    ...RATES.map(([name]) => name).filter(lacks),
  ];
}

function sides(differences: readonly string[] | undefined, title: string | undefined): readonly string[] {
  return differences === undefined ? [] : differences.map((sentence) => `${title}: ${sentence}`);
}

/** The plans cannot be held against each other, so what is known of them is laid side by side. */
function sameWorkload(base: Result, head: Result): string {
  const tokens = ({ plan }: Result) =>
    `${plan.input_tokens > 0 ? plan.input_tokens : "unknown"} input and ${plan.output_tokens > 0 ? plan.output_tokens : "unknown"} output tokens`;
  return `Whether both had the same workload is not in the files: a request had ${tokens(base)} on average in the base, ${tokens(head)} in the head.`;
}
