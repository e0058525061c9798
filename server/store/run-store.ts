import type { Result } from "../../src/index.ts";

/** Which of the server's promises a run keeps: a load test, one by virtual users, or the search for a capacity. */
export type RunKind = "load_test" | "virtual_users" | "recommendation";

export const RUN_STATUSES = ["pending", "running", "completed", "failed", "cancelled"] as const;
export type RunStatus = (typeof RUN_STATUSES)[number];

/** One load test the server was asked for, without what it measured. */
export interface Run {
  /** Counts up from 1. */
  readonly id: number;
  /** A UUID. */
  readonly runId: string;
  readonly kind: RunKind;
  readonly status: RunStatus;
  readonly serverUrl: string;
  readonly model: string;
  readonly adapter: string;
  readonly framework: string | undefined;
  /** What was asked for, as it is told again: never a key. */
  readonly config: Readonly<Record<string, unknown>>;
  /** ISO 8601, UTC. */
  readonly createdAt: string;
  readonly startedAt: string | undefined;
  readonly completedAt: string | undefined;
  /** Why it failed. */
  readonly error: RunFailure | undefined;
  readonly notes: string;
  readonly favorite: boolean;
}

export interface RunFailure {
  readonly code: string;
  readonly message: string;
}

/** With what it measured, as far as it came. */
export interface MeasuredRun extends Run {
  readonly result: Result | undefined;
  /** What its kind makes of the result: a recommendation, a validation. */
  readonly report: Readonly<Record<string, unknown>> | undefined;
}

export type NewRun = Pick<
  Run,
  "runId" | "kind" | "serverUrl" | "model" | "adapter" | "framework" | "config" | "createdAt" | "notes"
>;

/** What is not named stays as it is; what is named and undefined is emptied. */
export type RunChanges = Partial<Omit<MeasuredRun, "id" | "runId" | "kind" | "createdAt">>;

export interface RunFilter {
  readonly kind?: RunKind;
  readonly status?: RunStatus;
  readonly model?: string;
}

/** Where runs are kept; SQLite and PostgreSQL alike, proven by one suite of tests. */
export interface RunStore {
  create(run: NewRun): Promise<Run>;
  /** False when there is no such run. */
  update(runId: string, changes: RunChanges): Promise<boolean>;
  find(runId: string): Promise<MeasuredRun | undefined>;
  findById(id: number): Promise<MeasuredRun | undefined>;
  /** The newest first, without what they measured. `total` counts all that the filter lets through. */
  list(
    filter: RunFilter,
    page: { readonly limit: number; readonly offset: number },
  ): Promise<{ readonly runs: readonly Run[]; readonly total: number }>;
  /** False when there was no such run. */
  remove(runId: string): Promise<boolean>;
  /** Rejects when the database does not answer. */
  ping(): Promise<void>;
  close(): Promise<void>;
}
