import type { Bottleneck } from "../analysis/detect-bottlenecks.ts";
import type { Optimization } from "../analysis/recommend-optimizations.ts";
import type { InstanceType } from "../collect/instance-history.ts";

export const WORKFLOW_STATUSES = [
  "PENDING_APPROVAL",
  "APPROVED",
  "REJECTED",
  "IN_PROGRESS",
  "COMPLETED",
  "FAILED",
  "ROLLED_BACK",
] as const;
export type WorkflowStatus = (typeof WORKFLOW_STATUSES)[number];

/** Where a workflow may go from each status; from what has an empty list it goes nowhere. */
export const TRANSITIONS: Readonly<Record<WorkflowStatus, readonly WorkflowStatus[]>> = {
  PENDING_APPROVAL: ["APPROVED", "REJECTED"],
  APPROVED: ["IN_PROGRESS"],
  REJECTED: [],
  IN_PROGRESS: ["COMPLETED", "FAILED", "ROLLED_BACK"],
  COMPLETED: [],
  FAILED: ["ROLLED_BACK"],
  ROLLED_BACK: [],
};

export const WORKFLOW_TYPES = ["optimization", "analysis"] as const;
export type WorkflowType = (typeof WORKFLOW_TYPES)[number];

/** In their order; those that a workflow has no use for are skipped, and say why. */
export const STAGES = [
  "ANALYSIS",
  "RECOMMENDATION",
  "APPROVAL",
  "CANARY",
  "VALIDATION",
  "ROLLOUT",
  "COMPLETION",
] as const;
export type StageName = (typeof STAGES)[number];

export interface Stage {
  readonly name: StageName;
  readonly status: "IN_PROGRESS" | "COMPLETED" | "FAILED" | "SKIPPED";
  /** ISO 8601, UTC. */
  readonly startedAt: string;
  readonly completedAt?: string;
  /** 0 to 1, while it is in progress. */
  readonly progress?: number;
  /** What came of it, or why it was skipped or failed: one sentence. */
  readonly message?: string;
}

/** How far the change has come on the instance; what is under way when a server dies is undone at the next start. */
export type ChangeState =
  | "not_applied"
  | "applying"
  | "applied"
  | "rolling_back"
  | "rolled_back"
  | "rollback_failed";

export interface Change {
  readonly state: ChangeState;
  /** What is to be set, of all optimizations together. */
  readonly configChanges: Readonly<Record<string, unknown>>;
  /** For the command line of the instance's engine. */
  readonly engineArgs: readonly string[];
  /** As the `read` hook told it before anything was applied; undefined where there is no such hook. */
  readonly previousConfig: Readonly<Record<string, unknown>> | undefined;
  /** Whether the `read` hook told the same again after the rollback; undefined where nobody could tell. */
  readonly restored: boolean | undefined;
}

export interface Judgement {
  readonly outcome: "better" | "no_regression" | "regressed" | "not_measured";
  /** Sentences, the gravest first: what became worse or better and by how much, or why nothing can be said. */
  readonly reasons: readonly string[];
}

/** What is advised or done about one instance, from its metrics to a decision that is carried out. */
export interface Workflow {
  /** "wf-" and a UUID. */
  readonly workflowId: string;
  readonly type: WorkflowType;
  readonly instanceId: string;
  readonly instanceType: InstanceType;
  readonly status: WorkflowStatus;
  /** advisory: nobody has told this server how to change the instance, so that people do. */
  readonly mode: "applied" | "advisory";
  readonly analysis: {
    /** none: there were no metrics to look at, and why. */
    readonly source: "metrics" | "none";
    readonly reason?: string;
    readonly bottlenecks: readonly Bottleneck[];
  };
  readonly optimizations: readonly Optimization[];
  readonly change: Change;
  /** The load tests before and after the change, by the ids that the history of runs knows them by. */
  readonly beforeRunId: string | undefined;
  readonly afterRunId: string | undefined;
  readonly judgement: Judgement | undefined;
  /** Those that have begun, or were skipped, in their order. */
  readonly stages: readonly Stage[];
  readonly approval: { readonly at: string; readonly by: string } | undefined;
  readonly rejection:
    | { readonly at: string; readonly by: string; readonly reason: string | undefined }
    | undefined;
  /** Why it failed or was rolled back. */
  readonly error: { readonly code: string; readonly message: string } | undefined;
  /** ISO 8601, UTC. */
  readonly createdAt: string;
  readonly updatedAt: string;
}

export interface WorkflowRequest {
  readonly instanceId: string;
  readonly instanceType: InstanceType;
  readonly type: WorkflowType;
  readonly autoApprove: boolean;
}

/** All workflows of this server; of one instance's they are carried out one after another. */
export interface Workflows {
  /** Looks at the instance and advises; resolves once that is stored. Rejects with WORKFLOW_ERROR when it cannot be. */
  start(request: WorkflowRequest): Promise<Workflow>;
  find(workflowId: string): Promise<Workflow | undefined>;
  /** The newest first. */
  list(filter: WorkflowFilter, limit: number): Promise<readonly Workflow[]>;
  /** As it is APPROVED; it is carried out afterwards. Rejects with NOT_FOUND, or INVALID_STATE unless it is pending. */
  approve(workflowId: string, by: string): Promise<Workflow>;
  reject(workflowId: string, by: string, reason: string | undefined): Promise<Workflow>;
  /** Resolves when it has reached a status it does not leave; undefined when there is none. */
  ended(workflowId: string): Promise<Workflow | undefined>;
  /** Stops what runs; the next start takes it up again. */
  close(): Promise<void>;
}

export interface WorkflowFilter {
  readonly status?: WorkflowStatus;
  readonly instanceId?: string;
}

/** Where workflows are kept; SQLite and PostgreSQL alike. */
export interface WorkflowStore {
  create(workflow: Workflow): Promise<void>;
  /** Only while it is still in that status, so that of two who decide one does; false when it is not, or is unknown. */
  update(workflow: Workflow, whileStatus: WorkflowStatus): Promise<boolean>;
  find(workflowId: string): Promise<Workflow | undefined>;
  /** The newest first. */
  list(filter: WorkflowFilter, limit: number): Promise<readonly Workflow[]>;
  /** APPROVED or IN_PROGRESS, the oldest first. */
  unfinished(): Promise<readonly Workflow[]>;
}
