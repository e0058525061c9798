import type { Insertable, Selectable, Updateable } from "kysely";
import { json, optional, parsed, storableText, time } from "./column-values.ts";
import type { ResultRow, RunRow } from "./database.ts";
import type { MeasuredRun, NewRun, Run, RunChanges, RunKind, RunStatus } from "./run-store.ts";

/** A run as the databases keep it, and back. */
export function newRow(run: NewRun): Insertable<RunRow> {
  return {
    run_id: storableText(run.runId),
    kind: run.kind,
    status: "pending" satisfies RunStatus,
    server_url: storableText(run.serverUrl),
    model: storableText(run.model),
    adapter: storableText(run.adapter),
    framework: run.framework === undefined ? null : storableText(run.framework),
    config: json(run.config),
    created_at: time(run.createdAt),
    notes: storableText(run.notes),
    favorite: false,
  };
}

/** The columns that change; a field that is named and undefined is emptied. */
export function changedRow(changes: RunChanges): Updateable<RunRow> {
  const row: Partial<{ -readonly [Column in keyof RunRow]: Updateable<RunRow>[Column] }> = {};
  if (changes.status !== undefined) row.status = changes.status;
  if (changes.serverUrl !== undefined) row.server_url = storableText(changes.serverUrl);
  if (changes.model !== undefined) row.model = storableText(changes.model);
  if (changes.adapter !== undefined) row.adapter = storableText(changes.adapter);
  if ("framework" in changes) row.framework = optional(changes.framework, storableText);
  if (changes.config !== undefined) row.config = json(changes.config);
  if ("startedAt" in changes) row.started_at = optional(changes.startedAt, time);
  if ("completedAt" in changes) row.completed_at = optional(changes.completedAt, time);
  if ("error" in changes) row.error = json(changes.error);
  if (changes.notes !== undefined) row.notes = storableText(changes.notes);
  if (changes.favorite !== undefined) row.favorite = changes.favorite;
  return row as Updateable<RunRow>;
}

/** Undefined when nothing of what was measured changes. */
export function changedResult(changes: RunChanges): Partial<Omit<ResultRow, "id">> | undefined {
  if (!("result" in changes || "report" in changes)) return undefined;
  return {
    ...("result" in changes && { result: json(changes.result) }),
    ...("report" in changes && { report: json(changes.report) }),
  };
}

export function runOf(row: Selectable<RunRow>): Run {
  return {
    id: row.id,
    runId: row.run_id,
    kind: row.kind as RunKind,
    status: row.status as RunStatus,
    serverUrl: row.server_url,
    model: row.model,
    adapter: row.adapter,
    framework: row.framework ?? undefined,
    config: JSON.parse(row.config),
    createdAt: time(row.created_at),
    startedAt: optional(row.started_at, time) ?? undefined,
    completedAt: optional(row.completed_at, time) ?? undefined,
    error: parsed<Run["error"]>(row.error),
    notes: row.notes,
    favorite: Boolean(row.favorite),
  };
}

export function measuredRunOf(
  row: Selectable<RunRow> & { readonly result: string | null; readonly report: string | null },
): MeasuredRun {
  return {
    ...runOf(row),
    result: parsed<MeasuredRun["result"]>(row.result),
    report: parsed<MeasuredRun["report"]>(row.report),
  };
}
