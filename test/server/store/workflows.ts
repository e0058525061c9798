import assert from "node:assert/strict";
import { test } from "node:test";
import {
  WORKFLOW_STATUSES,
  type Workflow,
  type WorkflowFilter,
  type WorkflowStore,
} from "../../../server/agent/workflows/workflow.ts";
import { type Database, openDatabase } from "../../../server/store/database.ts";
import type { StoreConfig } from "../../../server/store/store-config.ts";
import { workflowStore } from "../../../server/store/workflow-store.ts";
import { momentOf } from "../../support/stored-runs.ts";
import { HOSTILE_IDS, newWorkflow } from "../../support/stored-workflows.ts";

/** What every store of workflows promises. `fresh` gives an empty database each time. */
export function workflowContract(name: string, fresh: () => Promise<StoreConfig>): void {
  const withStore = async (
    work: (store: WorkflowStore, database: Database, config: StoreConfig) => Promise<void>,
  ): Promise<void> => {
    const config = await fresh();
    const database = await openDatabase(config);
    try {
      await work(workflowStore(database), database, config);
    } finally {
      await database.destroy();
    }
  };

  test(`${name}: a workflow comes back as it was stored, what it has not got among it`, () =>
    withStore(async (store) => {
      const rows: readonly Workflow[] = [
        newWorkflow(1),
        newWorkflow(2, { rejection: { at: momentOf(3), by: "me", reason: undefined }, status: "REJECTED" }),
        newWorkflow(3, {
          status: "ROLLED_BACK",
          approval: { at: momentOf(3), by: "auto_approve" },
          change: {
            state: "rolled_back",
            configChanges: { "": [null, { a: 0.1 }], last: 1, first: "2" },
            engineArgs: [],
            previousConfig: { slots: 1, nested: {} },
            restored: false,
          },
          beforeRunId: "before",
          afterRunId: "after",
          judgement: { outcome: "regressed", reasons: ["p95 rose by 40 %."] },
          error: { code: "WORKFLOW_ERROR", message: "It became worse." },
        }),
      ];
      for (const workflow of rows) {
        await store.create(workflow);
        assert.deepEqual(await store.find(workflow.workflowId), workflow);
      }
      assert.deepEqual(await store.list({}, 10), rows.toReversed());
    }));

  test(`${name}: a workflow changes only while it is in the status that was seen`, () =>
    withStore(async (store) => {
      const workflow = newWorkflow(1);
      await store.create(workflow);
      await store.create(newWorkflow(2));
      const approved = { ...workflow, status: "APPROVED", updatedAt: momentOf(9) } as const;
      for (const status of WORKFLOW_STATUSES) {
        if (status !== "PENDING_APPROVAL") assert.equal(await store.update(approved, status), false, status);
      }
      assert.deepEqual(await store.find(workflow.workflowId), workflow);
      assert.equal(await store.update(approved, "PENDING_APPROVAL"), true);
      assert.equal(await store.update(approved, "PENDING_APPROVAL"), false);
      assert.deepEqual(await store.find(workflow.workflowId), approved);
      // What changes within a status, as its stages do.
      const further = { ...approved, stages: [] };
      assert.equal(await store.update(further, "APPROVED"), true);
      assert.deepEqual(await store.find(workflow.workflowId), further);
      assert.deepEqual(await store.find(newWorkflow(2).workflowId), newWorkflow(2));
      assert.equal(await store.update(newWorkflow(3), "PENDING_APPROVAL"), false, "there is none");
      assert.equal(await store.find(newWorkflow(3).workflowId), undefined);
    }));

  test(`${name}: of those who decide on a workflow at the same time one does`, () =>
    withStore(async (store) => {
      for (let round = 0; round < 10; round++) {
        const workflow = newWorkflow(round);
        await store.create(workflow);
        const deciders = ["a", "b", "c", "d"].map(
          (by, index): Workflow => ({
            ...workflow,
            ...(index % 2 === 0
              ? { status: "APPROVED", approval: { at: momentOf(1), by } }
              : { status: "REJECTED", rejection: { at: momentOf(1), by, reason: by } }),
          }),
        );
        // The same decision twice is two decisions too.
        deciders.push(deciders[0]!);
        const won = await Promise.all(deciders.map((decided) => store.update(decided, "PENDING_APPROVAL")));
        assert.equal(won.filter(Boolean).length, 1);
        assert.deepEqual(await store.find(workflow.workflowId), deciders[won.indexOf(true)]);
      }
    }));

  test(`${name}: who made a change, and lost the connection before being told, is told that it was made`, () =>
    withStore(async (store, database) => {
      let losses = 0;
      const losing = workflowStore(
        database.withPlugin({
          transformQuery: ({ node }) => node,
          async transformResult({ result }) {
            if (losses === 0) return result;
            losses -= 1;
            throw Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" });
          },
        }),
      );
      const pending = newWorkflow(1);
      await store.create(pending);
      const approved = { ...pending, status: "APPROVED", approval: { at: momentOf(1), by: "a" } } as const;
      losses = 1;
      assert.equal(await losing.update(approved, "PENDING_APPROVAL"), true);
      assert.equal(losses, 0);
      assert.deepEqual(await store.find(pending.workflowId), approved);
      // What somebody else made of it meanwhile is not one's own.
      losses = 1;
      const other = { ...approved, approval: { at: momentOf(1), by: "b" } };
      assert.equal(await losing.update(other, "PENDING_APPROVAL"), false);
      assert.deepEqual(await store.find(pending.workflowId), approved);
    }));

  test(`${name}: workflows are listed newest first, and a filter lets through what is equal in all it names`, () =>
    withStore(async (store) => {
      // Stored in another order than they were made, and two of them at the same moment.
      await store.create(newWorkflow(3, { instanceId: "a" }));
      await store.create(newWorkflow(1, { instanceId: "a", status: "APPROVED" }));
      await store.create(newWorkflow(2, { instanceId: "A", status: "IN_PROGRESS" }));
      await store.create(newWorkflow(4, { instanceId: "b", status: "IN_PROGRESS", createdAt: momentOf(1) }));
      await store.create(newWorkflow(5, { instanceId: "b", status: "COMPLETED" }));
      const rows: (readonly [WorkflowFilter, limit: number, numbers: number[]])[] = [
        [{}, 10, [5, 3, 2, 4, 1]],
        [{}, 2, [5, 3]],
        [{}, 0, []],
        [{ instanceId: "a" }, 10, [3, 1]],
        [{ instanceId: "a" }, 1, [3]],
        [{ instanceId: "" }, 10, []],
        [{ instanceId: "%" }, 10, []],
        [{ status: "IN_PROGRESS" }, 10, [2, 4]],
        [{ status: "IN_PROGRESS", instanceId: "b" }, 10, [4]],
        [{ status: "FAILED", instanceId: "b" }, 10, []],
      ];
      for (const [filter, limit, numbers] of rows) {
        assert.deepEqual(workflowIds(await store.list(filter, limit)), numbers.map(idOf));
      }
      assert.deepEqual(workflowIds(await store.unfinished()), [1, 4, 2].map(idOf), "the oldest first");
      await store.update(newWorkflow(2, { instanceId: "A", status: "FAILED" }), "IN_PROGRESS");
      assert.deepEqual(workflowIds(await store.unfinished()), [1, 4].map(idOf));
      assert.deepEqual(workflowIds(await store.list({ status: "FAILED" }, 10)), [2].map(idOf));
    }));

  test(`${name}: what no workflow can be called is found nowhere and changes nothing`, () =>
    withStore(async (store) => {
      await store.create(newWorkflow(1));
      for (const id of [...HOSTILE_IDS, "\0", "\ud800", "x".repeat(100_000), newWorkflow(2).workflowId]) {
        assert.equal(await store.find(id), undefined, id);
        assert.equal(await store.update(newWorkflow(1, { workflowId: id }), "PENDING_APPROVAL"), false, id);
        assert.deepEqual(await store.list({ instanceId: id }, 10), [], id);
      }
      assert.deepEqual(await store.list({}, 10), [newWorkflow(1)]);
    }));

  test(`${name}: workflows of instances of any id, with text of any kind, come back as they were`, () =>
    withStore(async (store) => {
      for (const [index, instanceId] of [...HOSTILE_IDS, "a\0", "a\u{FFFD}", "a\ud800"].entries()) {
        const workflow = newWorkflow(index, {
          instanceId,
          rejection: { at: momentOf(1), by: instanceId, reason: instanceId },
          change: {
            ...newWorkflow(1).change,
            configChanges: { [`${instanceId}.`]: instanceId },
            engineArgs: [instanceId],
          },
        });
        await store.create(workflow);
        assert.deepEqual(await store.list({ instanceId }, 10), [workflow]);
      }
      const odd = newWorkflow(99, { workflowId: "odd\0id" });
      await store.create(odd);
      assert.deepEqual(await store.find("odd\0id"), odd);
    }));

  test(`${name}: a second workflow of the same id, and one made at no time, are refused in words`, () =>
    withStore(async (store) => {
      await store.create(newWorkflow(1));
      await assert.rejects(store.create(newWorkflow(1, { instanceId: "b" })), {
        code: "DATABASE_ERROR",
        message: "The workflow cannot be stored: there is one of the same id already.",
      });
      await assert.rejects(store.create(newWorkflow(2, { createdAt: "yesterday" })), {
        code: "DATABASE_ERROR",
        message: "The workflow cannot be stored: it has a time that is none.",
      });
      assert.deepEqual(await store.list({}, 10), [newWorkflow(1)]);
    }));

  test(`${name}: workflows are there when the database is opened again`, () =>
    withStore(async (store, database, config) => {
      await store.create(newWorkflow(1));
      await store.create(newWorkflow(2, { status: "IN_PROGRESS" }));
      await database.destroy();
      const again = await openDatabase(config);
      try {
        const restarted = workflowStore(again);
        assert.deepEqual(
          await restarted.list({}, 10),
          await Promise.all([2, 1].map((n) => restarted.find(idOf(n)))),
        );
        assert.deepEqual(await restarted.unfinished(), [newWorkflow(2, { status: "IN_PROGRESS" })]);
        assert.deepEqual(await restarted.find(idOf(1)), newWorkflow(1));
      } finally {
        await again.destroy();
      }
    }));

  test(`${name}: a store of workflows that is closed says so`, async () => {
    const database = await openDatabase(await fresh());
    const store = workflowStore(database);
    await database.destroy();
    const calls: (readonly [Promise<unknown>, string])[] = [
      [store.create(newWorkflow(1)), "The workflow cannot be stored"],
      [store.update(newWorkflow(1), "APPROVED"), "The workflow cannot be changed"],
      [store.find("x"), "The workflow cannot be read"],
      [store.list({}, 1), "The workflows cannot be listed"],
      [store.unfinished(), "The workflows cannot be listed"],
    ];
    for (const [call, message] of calls) {
      await assert.rejects(call, { code: "DATABASE_ERROR", message: `${message}: the store is closed.` });
    }
  });
}

function idOf(number: number): string {
  return newWorkflow(number).workflowId;
}

function workflowIds(workflows: readonly Workflow[]): string[] {
  return workflows.map(({ workflowId }) => workflowId);
}
