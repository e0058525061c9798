import type { Workflow, WorkflowFilter, WorkflowStatus, WorkflowStore } from "../agent/workflows/workflow.ts";
import { again, attempt } from "./attempt.ts";
import { json, storableText, time } from "./column-values.ts";
import type { Database } from "./database.ts";
import { instanceKey } from "./instance-key.ts";

/** The same on every database that Kysely speaks to. */
export function workflowStore(database: Database): WorkflowStore {
  return {
    create: (workflow) =>
      attempt("The workflow cannot be stored", async () => {
        await database
          .insertInto("agent_workflows")
          .values({
            workflow_id: storableText(workflow.workflowId),
            instance_key: instanceKey(workflow.instanceId),
            status: workflow.status,
            created_at: time(workflow.createdAt),
            workflow: json(workflow),
          })
          .execute();
      }),
    update: (workflow, whileStatus) =>
      again("The workflow cannot be changed", async (retried) => {
        const changed = { status: workflow.status, workflow: json(workflow) };
        const { numUpdatedRows } = await database
          .updateTable("agent_workflows")
          .set(changed)
          .where("workflow_id", "=", storableText(workflow.workflowId))
          .where("status", "=", whileStatus)
          .executeTakeFirstOrThrow();
        if (numUpdatedRows > 0n) return true;
        // The connection may have broken with the change made and nobody told of it.
        return retried && (await textOf(database, workflow.workflowId)) === changed.workflow;
      }),
    find: (workflowId) =>
      again("The workflow cannot be read", async () => {
        const text = await textOf(database, workflowId);
        return text === undefined ? undefined : workflowOf(text);
      }),
    list: (filter, limit) =>
      again("The workflows cannot be listed", async () => {
        const rows = await newestWorkflows(database, filter, limit).execute();
        return rows.map(({ workflow }) => workflowOf(workflow));
      }),
    unfinished: () =>
      again("The workflows cannot be listed", async () => {
        const rows = await unfinishedWorkflows(database).execute();
        return rows.map(({ workflow }) => workflowOf(workflow));
      }),
  };
}

export function newestWorkflows(database: Database, { status, instanceId }: WorkflowFilter, limit: number) {
  return database
    .selectFrom("agent_workflows")
    .select("workflow")
    .$if(status !== undefined, (query) => query.where("status", "=", status!))
    .$if(instanceId !== undefined, (query) => query.where("instance_key", "=", instanceKey(instanceId!)))
    .orderBy("created_at", "desc")
    .orderBy("id", "desc")
    .limit(limit);
}

export function unfinishedWorkflows(database: Database) {
  return database
    .selectFrom("agent_workflows")
    .select("workflow")
    .where("status", "in", ["APPROVED", "IN_PROGRESS"] satisfies WorkflowStatus[])
    .orderBy("created_at")
    .orderBy("id");
}

async function textOf(database: Database, workflowId: string): Promise<string | undefined> {
  const row = await database
    .selectFrom("agent_workflows")
    .select("workflow")
    .where("workflow_id", "=", storableText(workflowId))
    .executeTakeFirst();
  return row?.workflow;
}

/** JSON leaves out what is undefined; a workflow has it by name. */
function workflowOf(text: string): Workflow {
  const { change, rejection, ...workflow } = JSON.parse(text) as Workflow;
  return {
    ...ABSENT,
    ...workflow,
    change: { ...ABSENT_OF_CHANGE, ...change },
    rejection: rejection && { ...ABSENT_OF_REJECTION, ...rejection },
  };
}

const ABSENT = {
  beforeRunId: undefined,
  afterRunId: undefined,
  judgement: undefined,
  approval: undefined,
  error: undefined,
} as const;
const ABSENT_OF_CHANGE = { previousConfig: undefined, restored: undefined } as const;
const ABSENT_OF_REJECTION = { reason: undefined } as const;
