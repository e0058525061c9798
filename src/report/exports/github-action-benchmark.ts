import type { LevelResult, ObjectiveResult, Result } from "../../result.ts";
import { terminalText } from "../escape.ts";
import { formatInterval } from "../format.ts";

/**
 * The arrays that github-action-benchmark reads as `customSmallerIsBetter` and `customBiggerIsBetter`, one
 * entry per level and metric. Its names are keys of a history: they hold nothing that differs between runs.
 */
export function renderBenchmarkSmaller(result: Result): string {
  return render(result, SMALLER);
}

export function renderBenchmarkBigger(result: Result): string {
  return render(result, BIGGER);
}

interface Measure {
  readonly metric: string;
  readonly unit: "ms" | "%" | "req/s" | "tok/s";
  readonly value: (level: LevelResult) => number | undefined;
}

const SMALLER: readonly Measure[] = [
  ...(["ttft", "itl", "tpot", "e2e"] as const).flatMap((latency) =>
    (["p50", "p95", "p99"] as const).map(
      (quantile): Measure => ({
        metric: `${latency}_${quantile}`,
        unit: "ms",
        value: ({ metrics }) => metrics[latency]?.[quantile],
      }),
    ),
  ),
  {
    metric: "error_rate",
    unit: "%",
    value: ({ metrics }) => (metrics.error_rate === undefined ? undefined : metrics.error_rate * 100),
  },
];

const BIGGER: readonly Measure[] = [
  { metric: "request_throughput", unit: "req/s", value: ({ metrics }) => metrics.request_throughput },
  { metric: "output_throughput", unit: "tok/s", value: ({ metrics }) => metrics.output_throughput },
  {
    metric: "output_throughput_per_user",
    unit: "tok/s",
    value: ({ metrics }) => metrics.output_throughput_per_user,
  },
  { metric: "goodput", unit: "req/s", value: ({ metrics }) => metrics.goodput },
  {
    metric: "goodput_ratio",
    unit: "%",
    value: ({ metrics }) => (metrics.goodput_ratio === undefined ? undefined : metrics.goodput_ratio * 100),
  },
];

function render(result: Result, measures: readonly Measure[]): string {
  const entries = result.levels.flatMap((level) =>
    measures.flatMap((measure) => {
      const value = measure.value(level);
      if (value === undefined || !Number.isFinite(value)) return [];
      const objective = level.objectives.find(({ metric }) => metric === measure.metric);
      const range = objective === undefined ? undefined : rangeOf(objective);
      return [
        {
          name: `${terminalText(level.name, 60)} / ${measure.metric}`,
          unit: measure.unit,
          value: Number(value.toPrecision(9)),
          ...(range !== undefined && { range }),
          extra: extraOf(result, level, objective),
        },
      ];
    }),
  );
  return `${JSON.stringify(entries, null, 2)}\n`;
}

/** Shown behind the value; an interval is known only where an objective asked for it. */
function rangeOf({ interval, unit, limit }: ObjectiveResult): string | undefined {
  return interval === undefined ? undefined : formatInterval(interval, unit, [limit]);
}

/** What the page shows when the pointer is on a dot. */
function extraOf(result: Result, level: LevelResult, objective: ObjectiveResult | undefined): string {
  return [
    `model: ${terminalText(result.target.model, 100)}`,
    `requests: ${level.requests.completed} ok, ${level.requests.failed} failed`,
    ...(objective === undefined
      ? []
      : [`objective: ${terminalText(objective.objective, 120)}, ${objective.outcome}`]),
    ...(result.valid ? [] : ["this run is invalid"]),
    `run: ${terminalText(result.run_id, 80)}`,
  ].join("\n");
}
