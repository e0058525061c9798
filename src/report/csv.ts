import type { LatencyStats, LevelResult, Result } from "../result.ts";
import { csvText } from "./escape.ts";

/** One row per load level, for spreadsheets; what was not measured is an empty cell. */
export function renderCsv(result: Result): string {
  const rows = result.levels.map((level) => COLUMNS.map(({ cell }) => cell(level, result)));
  // RFC 4180 ends every line with CR LF.
  return [COLUMNS.map(({ head }) => head), ...rows].map((cells) => `${cells.join(",")}\r\n`).join("");
}

interface Column {
  readonly head: string;
  readonly cell: (level: LevelResult, result: Result) => string;
}

const COLUMNS: readonly Column[] = [
  { head: "Run ID", cell: (_, result) => csvText(result.run_id) },
  { head: "Level", cell: ({ name }) => csvText(name) },
  { head: "Concurrency", cell: ({ load }) => number(load.kind === "closed" ? load.concurrency : undefined) },
  { head: "Rate (req/s)", cell: ({ load }) => number(load.kind === "open" ? load.rate : undefined) },
  { head: "Throughput (tok/s)", cell: ({ metrics }) => number(metrics.output_throughput) },
  { head: "Request Rate (req/s)", cell: ({ metrics }) => number(metrics.request_throughput) },
  ...quantiles("TTFT", "ttft"),
  ...quantiles("TPOT", "tpot"),
  ...quantiles("E2E", "e2e"),
  { head: "Total Requests", cell: ({ requests }) => number(requests.issued) },
  { head: "Successful", cell: ({ requests }) => number(requests.completed) },
  { head: "Failed", cell: ({ requests }) => number(requests.failed) },
  { head: "Error Rate (%)", cell: ({ metrics }) => percent(metrics.error_rate) },
  { head: "Goodput (%)", cell: ({ metrics }) => percent(metrics.goodput_ratio) },
];

function quantiles(label: string, name: "ttft" | "tpot" | "e2e"): readonly Column[] {
  return (["p50", "p95", "p99"] as const satisfies readonly (keyof LatencyStats)[]).map((quantile) => ({
    head: `${label} ${quantile} (ms)`,
    cell: ({ metrics }) => number(metrics[name]?.[quantile]),
  }));
}

/** Thousandths at most: a microsecond is finer than what is measured. */
function number(value: number | undefined): string {
  return value === undefined || !Number.isFinite(value) ? "" : String(Number(value.toFixed(3)));
}

function percent(ratio: number | undefined): string {
  return number(ratio === undefined ? undefined : ratio * 100);
}
