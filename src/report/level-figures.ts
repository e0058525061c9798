import type { LatencyName, LatencyStats, LevelResult } from "../result.ts";
import { ABSENT, formatBareMs, formatCount, formatRate, formatShare } from "./format.ts";

/** One column of the table of levels; the same cells stand in every form of report. */
export interface Figure {
  /** Head over neighbouring columns, with the unit they share. */
  readonly group: string;
  readonly name: string;
  readonly cell: (level: LevelResult) => string;
}

type Quantile = "mean" | "std" | "min" | "p50" | "p90" | "p95" | "p99" | "p999" | "max";

/** What one looks at first. Other tools count from the send: of their levels that figure stands in its place. */
export function mainFigures(levels: readonly LevelResult[]): readonly Figure[] {
  return countedFromTheSend(levels) ? FROM_THE_SEND : MAIN_FIGURES;
}

/** The few that fit a comment's width. */
export function shortFigures(levels: readonly LevelResult[]): readonly Figure[] {
  return mainFigures(levels).filter(
    ({ group, name }) =>
      group === "Requests" ||
      group === "Per second" ||
      name === "p50" ||
      (name === "p95" && (group.startsWith("TTFT") || group === "E2E ms")),
  );
}

const MAIN_FIGURES: readonly Figure[] = [
  { group: "Requests", name: "ok", cell: ({ requests }) => formatCount(requests.completed) },
  { group: "Requests", name: "failed", cell: ({ requests }) => formatCount(requests.failed) },
  { group: "Per second", name: "requests", cell: ({ metrics }) => formatRate(metrics.request_throughput) },
  { group: "Per second", name: "tokens", cell: ({ metrics }) => formatRate(metrics.output_throughput) },
  ...latencies("TTFT ms", "ttft", ["p50", "p95", "p99"]),
  ...latencies("ITL ms", "itl", ["p50", "p99"]),
  ...latencies("TPOT ms", "tpot", ["p50"]),
  ...latencies("E2E ms", "e2e", ["p50", "p95", "p99"]),
];

const FROM_THE_SEND: readonly Figure[] = [
  // A tool that tells no count of requests has figures all the same.
  ...MAIN_FIGURES.filter(({ group }) => group === "Requests").map((figure) => ({
    ...figure,
    cell: (level: LevelResult) => (level.requests.issued === 0 ? ABSENT : figure.cell(level)),
  })),
  ...MAIN_FIGURES.filter(({ group }) => group === "Per second"),
  ...latencies("TTFT sent ms", "ttft_sent", ["p50", "p95", "p99"]),
  ...MAIN_FIGURES.filter(({ group }) => /^(?:ITL|TPOT|E2E)/.test(group)),
];

function countedFromTheSend(levels: readonly LevelResult[]): boolean {
  return (
    levels.every(({ metrics }) => metrics.ttft === undefined) &&
    levels.some(({ metrics }) => metrics.ttft_sent !== undefined)
  );
}

/** Every scalar of a level that was measured, as name and text. */
export function scalarFigures({
  requests,
  metrics,
  window,
  token_source,
}: LevelResult): readonly (readonly [name: string, text: string])[] {
  const count = (value: number | undefined) => (value === undefined ? undefined : formatCount(value));
  const rate = (value: number | undefined) => (value === undefined ? undefined : formatRate(value));
  const share = (value: number | undefined) => (value === undefined ? undefined : formatShare(value));
  const figures: readonly (readonly [string, string | undefined])[] = [
    ["Issued", count(requests.issued)],
    ["Completed", count(requests.completed)],
    ["Failed", count(requests.failed)],
    ["Incomplete", count(requests.incomplete)],
    ["Warm-up", count(requests.warmup)],
    ["Left out", count(requests.left_out)],
    ["Error rate", share(metrics.error_rate)],
    ["Goodput ratio", share(metrics.goodput_ratio)],
    ["Goodput, 1/s", rate(metrics.goodput)],
    ["Request throughput, 1/s", rate(metrics.request_throughput)],
    ["Output throughput, tok/s", rate(metrics.output_throughput)],
    ["Input throughput, tok/s", rate(metrics.input_throughput)],
    ["Total throughput, tok/s", rate(metrics.total_throughput)],
    ["Output throughput per user, tok/s", rate(metrics.output_throughput_per_user)],
    ["Requests in flight, mean", rate(metrics.concurrency)],
    ["Input tokens", count(metrics.input_tokens)],
    ["Output tokens", count(metrics.output_tokens)],
    ["Prompt cache hits", share(metrics.prompt_cache_hit_ratio)],
    ["Window, s", rate(window.seconds)],
    ["Token counts from", token_source],
  ];
  return figures.flatMap(([name, text]) => (text === undefined ? [] : [[name, text] as const]));
}

export const LATENCY_NAMES: Readonly<Record<LatencyName, string>> = {
  ttft: "TTFT",
  ttft_sent: "TTFT sent",
  itl: "ITL",
  tpot: "TPOT",
  e2e: "E2E",
  issue_delay: "issue delay",
  held: "held",
};

export const ALL_QUANTILES: readonly Quantile[] = [
  "mean",
  "std",
  "min",
  "p50",
  "p90",
  "p95",
  "p99",
  "p999",
  "max",
];

/** "p999" as people write it. */
export function quantileName(quantile: Quantile): string {
  return quantile === "p999" ? "p99.9" : quantile;
}

/** All figures of one latency, in the order of ALL_QUANTILES, in milliseconds. */
export function latencyCells(stats: LatencyStats): readonly string[] {
  return ALL_QUANTILES.map((quantile) => formatBareMs(stats[quantile]));
}

function latencies(group: string, name: LatencyName, quantiles: readonly Quantile[]): readonly Figure[] {
  return quantiles.map((quantile) => ({
    group,
    name: quantileName(quantile),
    cell: ({ metrics }) => formatBareMs(metrics[name]?.[quantile]),
  }));
}
