import type { LatencyStats, LevelResult, ServerLatency, ServerSide } from "../result.ts";
import { ABSENT, formatBareMs, formatCount, formatShare } from "./format.ts";
import type { Figure } from "./level-figures.ts";

/**
 * The target's own figures beside the client's. Client TTFT is counted from the send here: the server knows
 * nothing of a request before, and the difference is what lies between the two.
 */
export const SERVER_FIGURES: readonly Figure[] = [
  ...beside("TTFT mean, ms", "mean"),
  ...beside("TTFT p50, ms", "p50"),
  ...beside("TTFT p95, ms", "p95"),
  { group: "Queue, ms", name: "mean", cell: ({ server }) => latencyCell(server?.queue, "mean") },
  { group: "Queue, ms", name: "p95", cell: ({ server }) => latencyCell(server?.queue, "p95") },
  { group: "Requests, most", name: "running", cell: ({ server }) => countCell(server?.running_max) },
  { group: "Requests, most", name: "waiting", cell: ({ server }) => countCell(server?.waiting_max) },
  { group: "Cache", name: "KV used, most", cell: ({ server }) => formatShare(server?.kv_cache_usage_max) },
  { group: "Cache", name: "prefix hits", cell: ({ server }) => formatShare(server?.prefix_cache_hit_ratio) },
  {
    group: "GPU memory",
    name: "most",
    cell: ({ server }) => bytesCell(server?.gpu_memory_used_bytes_max),
  },
];

/** Only columns that have a figure in some level: what an engine never exports is listed in words. */
export function shownServerFigures(levels: readonly LevelResult[]): readonly Figure[] {
  const present = levels.filter(({ server }) => server !== undefined);
  return SERVER_FIGURES.filter(({ cell }) => present.some((level) => cell(level) !== ABSENT));
}

/** "vllm", "vllm, 4 replicas": which engines told the figures. */
export function engineWords(levels: readonly LevelResult[]): string {
  const engines = levels.flatMap(({ server }) => (server === undefined ? [] : [engineOf(server)]));
  return [...new Set(engines)].join("; ");
}

/** What is missing and why, each once, with the levels it is missing at; raw text. */
export function unavailableWords(
  levels: readonly LevelResult[],
): readonly { readonly what: string; readonly at: readonly string[]; readonly everywhere: boolean }[] {
  const scraped = levels.filter(({ server }) => server !== undefined);
  const found = new Map<string, string[]>();
  for (const { name, server } of scraped) {
    for (const what of server!.unavailable) found.set(what, [...(found.get(what) ?? []), name]);
  }
  return [...found].map(([what, at]) => ({ what, at, everywhere: at.length === scraped.length }));
}

function engineOf({ engine, replicas }: ServerSide): string {
  return replicas === 1 ? engine : `${engine}, ${replicas} replicas`;
}

function beside(group: string, statistic: "mean" | "p50" | "p95"): readonly Figure[] {
  return [
    { group, name: "client", cell: ({ metrics }) => formatBareMs(clientTtft(metrics)?.[statistic]) },
    { group, name: "server", cell: ({ server }) => latencyCell(server?.ttft, statistic) },
  ];
}

function clientTtft({ ttft_sent, ttft }: LevelResult["metrics"]): LatencyStats | undefined {
  return ttft_sent ?? ttft;
}

function latencyCell(latency: ServerLatency | undefined, statistic: "mean" | "p50" | "p95" | "p99"): string {
  const value = latency?.[statistic];
  if (latency === undefined || value === undefined) return ABSENT;
  const above = statistic !== "mean" && latency.above?.includes(statistic) === true;
  return above ? `> ${boundWords(value)}` : formatBareMs(value);
}

/** A bucket's bound is a round figure that somebody chose: "60 s", "250 ms". */
function boundWords(ms: number): string {
  return ms >= 1000 ? `${Number((ms / 1000).toPrecision(6))} s` : `${Number(ms.toPrecision(6))} ms`;
}

function countCell(value: number | undefined): string {
  return value === undefined ? ABSENT : formatCount(Math.round(value));
}

function bytesCell(bytes: number | undefined): string {
  return bytes === undefined ? ABSENT : `${(bytes / 2 ** 30).toPrecision(3)} GiB`;
}
