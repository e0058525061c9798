import type { Comparison } from "../../../src/index.ts";
import type { MeasuredRun } from "../../store/run-store.ts";
import { type ResultView, resultView } from "../results/result-view.ts";
import { compareInThread } from "./compare-in-thread.ts";

/** Runs beside each other, level by level, and each of them against the first with how certain that is. */
export async function compareRuns(runs: readonly MeasuredRun[]) {
  const views = runs.map(resultView);
  return {
    run_count: views.length,
    best_throughput: best(
      views,
      (level) => level.throughput_tokens_per_sec,
      (a, b) => a > b,
    ),
    best_ttft: best(
      views,
      ({ ttft }) => ttft?.p50 ?? null,
      (a, b) => a < b,
    ),
    by_concurrency: byConcurrency(views),
    runs: views.map((view) => ({
      run_id: view.run_id,
      status: view.status,
      server_url: view.server_url,
      model: view.model,
      adapter: view.adapter,
      framework: view.framework,
      started_at: view.started_at,
      completed_at: view.completed_at,
      summary: view.summary,
    })),
    comparison: await againstFirst(runs),
  };
}

type Level = ResultView["results"][number];

function best(
  views: readonly ResultView[],
  figure: (level: Level) => number | null,
  beats: (a: number, b: number) => boolean,
) {
  let found: { run_id: string; value: number; concurrency: number | null; level: string } | null = null;
  for (const { run_id, results } of views) {
    for (const level of results) {
      const value = figure(level);
      if (value === null || (found !== null && !beats(value, found.value))) continue;
      found = { run_id, value, concurrency: level.concurrency, level: level.level };
    }
  }
  return found;
}

/** Loads that fix no concurrency stand under their name; the second level of the same load is one of its own. */
function byConcurrency(views: readonly ResultView[]) {
  const table: Record<string, Record<string, ReturnType<typeof figuresOf>>> = {};
  for (const { run_id, results } of views) {
    for (const level of results) {
      const name = level.concurrency === null ? level.level : String(level.concurrency);
      let key = name;
      for (let i = 2; table[key]?.[run_id] !== undefined; i++) key = `${name} (${i})`;
      table[key] = { ...table[key], [run_id]: figuresOf(level) };
    }
  }
  return table;
}

/** Tokens and requests per second, milliseconds, per cent. */
function figuresOf(level: Level) {
  const quantiles = (name: string, latency: Level["ttft"] | undefined) => ({
    [`${name}_p50`]: latency?.p50 ?? null,
    [`${name}_p95`]: latency?.p95 ?? null,
    [`${name}_p99`]: latency?.p99 ?? null,
  });
  return {
    throughput: level.throughput_tokens_per_sec,
    request_rate: level.request_rate_per_sec,
    ...quantiles("ttft", level.ttft),
    ...quantiles("tpot", level.tpot),
    ...quantiles("e2e", level.e2e_latency),
    total_requests: level.total_requests,
    failed_requests: level.failed_requests,
    error_rate_percent: level.error_rate_percent,
    goodput_percent: level.goodput?.goodput_percent ?? null,
  } as Record<string, number | null>;
}

async function againstFirst(runs: readonly MeasuredRun[]) {
  const [base, ...others] = runs;
  const heads = others.flatMap(({ result }) => result ?? []);
  const compared =
    base?.result === undefined || heads.length === 0 ? [] : await compareInThread(base.result, heads);
  return {
    base_run_id: base?.runId ?? null,
    confidence: base?.result?.plan.confidence ?? null,
    against_base: others.map((run) => {
      const comparison = run.result && compared[heads.indexOf(run.result)];
      const empty = base?.result === undefined ? base : run;
      return comparison === undefined
        ? { run_id: run.runId, incomparable: `Run ${empty?.runId} measured nothing.`, levels: [] }
        : { run_id: run.runId, ...comparisonView(comparison) };
    }),
  };
}

function comparisonView({ incomparable, levels }: Comparison) {
  return {
    ...(incomparable !== undefined && { incomparable }),
    levels: levels.map(({ name, changes }) => ({
      level: name,
      changes: changes.map((change) => ({ ...change })),
    })),
  };
}
