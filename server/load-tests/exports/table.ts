import type { MeasuredRun } from "../../store/run-store.ts";
import { type ResultView, resultView } from "../results/result-view.ts";

/** Not measured is an empty cell. */
export type Cell = string | number | undefined;

export interface ExportTable {
  readonly heads: readonly string[];
  /** One for each level that was measured. */
  readonly levels: readonly (readonly Cell[])[];
  /** What goes with all of them: name and value. */
  readonly run: readonly (readonly [name: string, value: Cell])[];
}

/** What a run measured as cells, for a spreadsheet of whatever format. */
export function exportTable(run: MeasuredRun): ExportTable {
  const view = resultView(run);
  return {
    heads: COLUMNS.map(({ head }) => head),
    levels: view.results.map((level) => COLUMNS.map(({ cell }) => cell(level))),
    run: RUN.map(({ head, cell }) => [head, cell(view)]),
  };
}

/** As a file of the run is called when it is saved. */
export function exportName({ runId }: Pick<MeasuredRun, "runId">, extension: string): string {
  return `${runId.replaceAll(/[^\w-]/g, "_").slice(0, 8)}_benchmark.${extension}`;
}

type Level = ResultView["results"][number];

const COLUMNS: readonly { readonly head: string; readonly cell: (level: Level) => Cell }[] = [
  { head: "Concurrency", cell: ({ concurrency }) => number(concurrency) },
  { head: "Throughput (tok/s)", cell: (level) => number(level.throughput_tokens_per_sec) },
  { head: "Request Rate (req/s)", cell: (level) => number(level.request_rate_per_sec) },
  ...latencies("TTFT", ({ ttft }) => ttft),
  ...latencies("TPOT", ({ tpot }) => tpot),
  ...latencies("E2E", ({ e2e_latency }) => e2e_latency),
  { head: "Total Requests", cell: (level) => level.total_requests },
  { head: "Successful", cell: (level) => level.successful_requests },
  { head: "Failed", cell: (level) => level.failed_requests },
  { head: "Error Rate (%)", cell: (level) => number(level.error_rate_percent) },
  { head: "Goodput (%)", cell: ({ goodput }) => number(goodput?.goodput_percent) },
  { head: "Level", cell: ({ level }) => text(level) },
];

const RUN: readonly { readonly head: string; readonly cell: (view: ResultView) => Cell }[] = [
  { head: "Run ID", cell: (view) => text(view.run_id) },
  { head: "Status", cell: (view) => text(view.status) },
  { head: "Model", cell: (view) => text(view.model) },
  { head: "Server", cell: (view) => text(view.server_url) },
  { head: "Adapter", cell: (view) => text(view.adapter) },
  { head: "Started At", cell: (view) => text(view.started_at) },
  { head: "Completed At", cell: (view) => text(view.completed_at) },
  { head: "Duration (s)", cell: (view) => number(view.duration_seconds) },
  { head: "Best Throughput (tok/s)", cell: ({ summary }) => number(summary.best_throughput) },
  { head: "Best TTFT p50 (ms)", cell: ({ summary }) => number(summary.best_ttft_p50) },
  { head: "Best Concurrency", cell: ({ summary }) => number(summary.best_concurrency) },
  { head: "Requests of the Run", cell: ({ summary }) => summary.total_requests },
  { head: "Error Rate of the Run (%)", cell: ({ summary }) => number(summary.overall_error_rate) },
  { head: "Goodput of the Run (%)", cell: ({ summary }) => number(summary.avg_goodput_percent) },
  { head: "Error", cell: ({ error }) => text(error?.message) },
];

function latencies(label: string, of: (level: Level) => Level["ttft"] | undefined) {
  return (["p50", "p95", "p99"] as const).map((quantile) => ({
    head: `${label} ${quantile} (ms)`,
    cell: (level: Level) => number(of(level)?.[quantile]),
  }));
}

/** Thousandths at most: a microsecond is finer than what is measured. */
function number(value: number | null | undefined): Cell {
  return value == null || !Number.isFinite(value) ? undefined : Number(value.toFixed(3));
}

const MOST_CHARACTERS = 1000;

/**
 * One line that no spreadsheet takes for a formula, not even once it is saved in another format. What a
 * spreadsheet's XML cannot have is left out.
 */
function text(value: string | null | undefined): Cell {
  if (value == null) return undefined;
  const isFormula = /^\s*[=+\-@＝＋－＠]|^[\t\r]/u.test(value);
  const line = value
    .slice(0, MOST_CHARACTERS)
    .toWellFormed()
    .replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ")
    .replaceAll(/\p{Noncharacter_Code_Point}/gu, "");
  return isFormula ? `'${line}` : line;
}
