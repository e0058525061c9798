import type { Expression, SqlBool } from "kysely";
import { storableText } from "./column-values.ts";
import type { Database } from "./database.ts";
import type { RunFilter } from "./run-store.ts";

/**
 * A page of runs and how many there are, in one statement: the total is that of the very moment of the page.
 * A page that is empty has one row, whose run is null.
 */
export function historyQuery(
  database: Database,
  filter: RunFilter,
  { limit, offset }: { readonly limit: number; readonly offset: number },
) {
  // Ids alone are found in the index, however far down the page is; only the page's own runs are read.
  const ids = database
    .selectFrom("benchmark_runs")
    .select("id")
    .where((expression) => expression.and(conditions(filter, expression)))
    .orderBy("created_at", "desc")
    .orderBy("id", "desc")
    .limit(limit)
    .offset(offset);
  const page = database
    .selectFrom("benchmark_runs")
    .innerJoin(ids.as("ids"), "ids.id", "benchmark_runs.id")
    .selectAll("benchmark_runs");
  const counted = database
    .selectFrom("benchmark_runs")
    .where((expression) => expression.and(conditions(filter, expression)))
    .select((expression) => expression.fn.countAll().as("total"));
  return database
    .selectFrom(counted.as("counted"))
    .leftJoin(page.as("page"), (join) => join.onTrue())
    .selectAll()
    .orderBy("page.created_at", "desc")
    .orderBy("page.id", "desc");
}

type Builder = (column: "kind" | "status" | "model", operator: "=", value: string) => Expression<SqlBool>;

function conditions({ kind, status, model }: RunFilter, equal: Builder): Expression<SqlBool>[] {
  return [
    ...(kind === undefined ? [] : [equal("kind", "=", kind)]),
    ...(status === undefined ? [] : [equal("status", "=", status)]),
    ...(model === undefined ? [] : [equal("model", "=", storableText(model))]),
  ];
}

export function measuredRuns(database: Database) {
  return database
    .selectFrom("benchmark_runs")
    .leftJoin("benchmark_run_results", "benchmark_run_results.id", "benchmark_runs.id")
    .selectAll("benchmark_runs")
    .select(["benchmark_run_results.result", "benchmark_run_results.report"]);
}
