import type { Logger } from "pino";
import { ApiError } from "../../http/errors.ts";
import { patiently } from "../../store/patiently.ts";
import {
  type Stage,
  TRANSITIONS,
  type Workflow,
  type WorkflowStatus,
  type WorkflowStore,
} from "./workflow.ts";

export interface WorkflowKeeping {
  readonly store: WorkflowStore;
  readonly log: Pick<Logger, "info" | "warn" | "error">;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Told of each workflow once it has reached a status it does not leave. */
  readonly onOver: (workflow: Workflow) => void;
}

export type WorkflowChanges = Partial<Omit<Workflow, "workflowId" | "createdAt" | "updatedAt">>;

/** A workflow and its place in the store: the only way to change it, which lets nothing happen that may not. */
export class StoredWorkflow {
  readonly #keeping: WorkflowKeeping;
  #workflow: Workflow;

  constructor(workflow: Workflow, keeping: WorkflowKeeping) {
    this.#workflow = workflow;
    this.#keeping = keeping;
  }

  /** As it was stored last. */
  get is(): Workflow {
    return this.#workflow;
  }

  /** ISO 8601, UTC. */
  timestamp(): string {
    return new Date(this.#keeping.now()).toISOString();
  }

  get marks() {
    return marksOf(this.#workflow);
  }

  get log(): WorkflowKeeping["log"] {
    return this.#keeping.log;
  }

  /** @throws ApiError INVALID_STATE when it may not go there, or somebody else has changed its status meanwhile. */
  async save(changes: WorkflowChanges): Promise<Workflow> {
    return this.#write(this.#changed(changes));
  }

  /** The same with patience: a database that is started anew is away for seconds, and a change is on its way. */
  async saveAnyhow(changes: WorkflowChanges): Promise<Workflow> {
    const after = this.#changed(changes);
    return patiently(() => this.#write(after));
  }

  #changed(changes: WorkflowChanges): Workflow {
    const after = { ...this.#workflow, ...changes, updatedAt: this.timestamp() };
    refuseForbidden(this.#workflow.status, after.status);
    return after;
  }

  async #write(after: Workflow): Promise<Workflow> {
    const before = this.#workflow;
    const { store, log, onOver } = this.#keeping;
    if (!(await store.update(after, before.status))) await this.#refuseLost(after);
    this.#workflow = after;
    logChange(log, before, after);
    if (isOver(after)) onOver(after);
    return after;
  }

  async #refuseLost(wanted: Workflow): Promise<void> {
    const found = await this.#keeping.store.find(wanted.workflowId);
    if (found === undefined) throw noSuchWorkflow(wanted.workflowId);
    // A write whose answer was lost was one all the same.
    const done = found.status === wanted.status && found.updatedAt === wanted.updatedAt;
    if (!done) throw forbidden(found.status, wanted.status);
  }
}

/** Whether it will stay as it is: a failed one is still left for ROLLED_BACK while its change is being undone. */
export function isOver({ status, change }: Pick<Workflow, "status" | "change">): boolean {
  if (status === "FAILED") return !isHalfDone(change);
  return TRANSITIONS[status].length === 0;
}

/** Whether nobody knows what of the change is on the instance. */
export function isHalfDone({ state }: Workflow["change"]): boolean {
  return state === "applying" || state === "rolling_back";
}

export function noSuchWorkflow(workflowId: string): ApiError {
  return new ApiError("NOT_FOUND", `There is no workflow ${JSON.stringify(workflowId.slice(0, 100))}.`);
}

/** What every line of the log about it has. */
export function marksOf({ workflowId, instanceId }: Workflow) {
  return { workflow_id: workflowId, instance_id: instanceId };
}

function refuseForbidden(from: WorkflowStatus, to: WorkflowStatus): void {
  const allowed = TRANSITIONS[from];
  // In a status that is never left nothing changes any more, and in the others a step may be stored.
  if (from === to ? allowed.length === 0 : !allowed.includes(to)) throw forbidden(from, to);
}

function forbidden(from: WorkflowStatus, to: WorkflowStatus): ApiError {
  const ways = TRANSITIONS[from].join(" or ");
  const message = `A workflow that is ${from} cannot become ${to}${ways === "" ? "" : `, only ${ways}`}.`;
  return new ApiError("INVALID_STATE", message, { details: [{ field: "status", message: `is ${from}` }] });
}

function logChange(log: WorkflowKeeping["log"], before: Workflow, after: Workflow): void {
  const marks = marksOf(after);
  for (const stage of after.stages) {
    const known = before.stages.find(({ name }) => name === stage.name);
    if (known !== undefined && isSameStep(known, stage)) continue;
    const { name, status, message } = stage;
    const told = { stage: name, stage_status: status, ...(message !== undefined && { reason: message }) };
    log.info({ event: "workflow_stage", ...marks, ...told }, "workflow stage");
  }
  if (after.status === before.status) return;
  const event = `workflow_${after.status.toLowerCase()}`;
  const words = event.replaceAll("_", " ");
  if (after.status === "FAILED") log.error({ event, ...marks, error: after.error }, words);
  else if (after.status === "ROLLED_BACK") log.warn({ event, ...marks, error: after.error }, words);
  else log.info({ event, ...marks }, words);
}

function isSameStep(a: Stage, b: Stage): boolean {
  return a.status === b.status && a.startedAt === b.startedAt;
}
