import type { LatencyStats, LevelResult, Result } from "../../result.ts";
import { againstBase, isComparable } from "../against-base.ts";
import { csvText } from "../escape.ts";

/**
 * One row per load level, for spreadsheets; what was not measured is an empty cell. Where there is something
 * to compare with, the baseline's figures stand to the right, each with what its change was called.
 */
export function renderCsv(result: Result): string {
  const columns = isComparable(result.comparison) ? [...COLUMNS, ...BASE_COLUMNS] : COLUMNS;
  const rows = result.levels.map((level) => columns.map(({ cell }) => cell(level, result)));
  // RFC 4180 ends every line with CR LF.
  return [columns.map(({ head }) => head), ...rows].map((cells) => `${cells.join(",")}\r\n`).join("");
}

const QUANTILES = ["p50", "p95", "p99"] as const satisfies readonly (keyof LatencyStats)[];

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

/** The columns above that a comparison has. */
const BASE_COLUMNS: readonly Column[] = [
  ...baseColumns("Throughput (tok/s)", "output_throughput"),
  ...baseColumns("Request Rate (req/s)", "request_throughput"),
  ...(["ttft", "tpot", "e2e"] as const).flatMap((name) =>
    QUANTILES.flatMap((quantile) =>
      baseColumns(`${name.toUpperCase()} ${quantile} (ms)`, `${name}_${quantile}`),
    ),
  ),
  ...baseColumns("Error Rate (%)", "error_rate"),
];

function baseColumns(head: string, metric: string): readonly Column[] {
  const change = ({ name }: LevelResult, result: Result) => againstBase(result, name, metric)?.source;
  return [
    {
      head: `Base ${head}`,
      cell: (level, result) => {
        const source = change(level, result);
        return source?.unit === "ratio" ? percent(source.base) : number(source?.base);
      },
    },
    { head: `${head} Change`, cell: (level, result) => change(level, result)?.change ?? "" },
  ];
}

function quantiles(label: string, name: "ttft" | "tpot" | "e2e"): readonly Column[] {
  return QUANTILES.map((quantile) => ({
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
