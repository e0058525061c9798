import type { z } from "zod";
import type { LevelResult } from "../../../src/index.ts";
import { gibibytes, rounded } from "../../http/rounding.ts";
import type { MeasuredRun } from "../../store/run-store.ts";
import { levelView } from "./level-view.ts";
import type { resultAnswer } from "./result-schema.ts";

export type ResultView = z.input<typeof resultAnswer>;

/** A run with everything it measured, as far as it came; a figure that was not measured is null or absent, never 0. */
export function resultView(run: MeasuredRun): ResultView {
  const { result } = run;
  const results = (result?.levels ?? []).map(levelView);
  const validation = run.report?.validation as ResultView["validation"];
  return {
    run_id: run.runId,
    kind: run.kind,
    status: run.status,
    server_url: run.serverUrl,
    model: run.model,
    adapter: run.adapter,
    framework: run.framework ?? null,
    config: withoutKey(run.config),
    results,
    summary: summaryOf(results),
    ...infraView(result?.levels ?? []),
    ...(validation && { validation }),
    ...(result && { valid: result.valid, findings: result.findings.map((finding) => ({ ...finding })) }),
    ...(result?.verdict && { verdict: result.verdict }),
    created_at: run.createdAt,
    started_at: run.startedAt ?? null,
    completed_at: run.completedAt ?? null,
    duration_seconds: durationOf(run),
    ...(run.error && { error: { ...run.error } }),
  };
}

/** Percentages are over all requests of all levels, and no averages of the levels' own. */
function summaryOf(results: ResultView["results"]): ResultView["summary"] {
  const fastest = extreme(results, ({ throughput_tokens_per_sec: value }) => value, Math.max);
  const quickest = extreme(results, ({ ttft }) => ttft?.p50, Math.min);
  const total = sum(results.map(({ total_requests }) => total_requests));
  const failed = sum(results.map(({ failed_requests }) => failed_requests));
  const goodputs = results.flatMap(({ goodput }) => goodput ?? []);
  const judged = sum(goodputs.map(({ total_requests }) => total_requests));
  const satisfied = sum(goodputs.map(({ satisfied_requests }) => satisfied_requests));
  return {
    best_throughput: fastest?.value ?? null,
    best_ttft_p50: quickest?.value ?? null,
    best_concurrency: fastest?.level.concurrency ?? null,
    total_requests: total,
    overall_error_rate: total === 0 ? null : (100 * failed) / total,
    ...(judged > 0 && { avg_goodput_percent: (100 * satisfied) / judged }),
  };
}

type LevelView = ResultView["results"][number];

function extreme(
  results: readonly LevelView[],
  figure: (level: LevelView) => number | null | undefined,
  of: (...values: number[]) => number,
): { readonly level: LevelView; readonly value: number } | undefined {
  const known = results.flatMap((level) => {
    const value = figure(level);
    return value == null ? [] : [{ level, value }];
  });
  const value = of(...known.map((one) => one.value));
  return known.find((one) => one.value === value);
}

/** A key is hidden before it is stored; it is here, too, in case somebody else stored the run. */
function withoutKey(config: MeasuredRun["config"]): Record<string, unknown> {
  return typeof config.api_key === "string" ? { ...config, api_key: "***" } : { ...config };
}

/** From beginning to end with all that is around the load; what was measured alone, where the end is not known. */
function durationOf({ startedAt, completedAt, result }: MeasuredRun): number | null {
  if (startedAt !== undefined && completedAt !== undefined) {
    return (Date.parse(completedAt) - Date.parse(startedAt)) / 1000;
  }
  return result?.duration_seconds ?? null;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** What the server's own metrics page said while the levels ran: about itself, and about its accelerator. */
function infraView(levels: readonly LevelResult[]): Pick<ResultView, "gpu_metrics" | "server_infra"> {
  const pages = levels.flatMap(({ server }) => server ?? []);
  const memory = most(pages.map((page) => page.gpu_memory_used_bytes_max));
  const known = pages.find(({ engine }) => engine !== "unknown");
  const cache = most(pages.map((page) => page.kv_cache_usage_max));
  return {
    ...(memory !== undefined && { gpu_metrics: { memory_used_gb_max: gibibytes(memory) } }),
    ...(known && {
      server_infra: {
        engine: known.engine,
        replicas: Math.max(...pages.map(({ replicas }) => replicas)),
        // The page has a share of 1.
        cache_usage_perc_max: cache === undefined ? null : rounded(100 * cache, 3),
        requests_running_max: most(pages.map((page) => page.running_max)) ?? null,
        requests_waiting_max: most(pages.map((page) => page.waiting_max)) ?? null,
      },
    }),
  };
}

function most(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? undefined : Math.max(...known);
}
