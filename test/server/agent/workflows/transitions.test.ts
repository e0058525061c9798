import assert from "node:assert/strict";
import { test } from "node:test";
import { StoredWorkflow } from "../../../../server/agent/workflows/stored-workflow.ts";
import {
  TRANSITIONS,
  WORKFLOW_STATUSES,
  type WorkflowStatus,
} from "../../../../server/agent/workflows/workflow.ts";
import { openDatabase } from "../../../../server/store/database.ts";
import { DatabaseError } from "../../../../server/store/database-error.ts";
import { workflowStore } from "../../../../server/store/workflow-store.ts";
import {
  ASKED,
  endedRuns,
  measuredAt,
  stageLines,
  withWorkflowBench,
  workflowIn,
} from "../../../support/workflow-bench.ts";

const quiet = { info() {}, warn() {}, error() {} };
const steady = () => ({});

async function kept(status: WorkflowStatus) {
  const store = workflowStore(await openDatabase({ kind: "sqlite", path: ":memory:" }));
  const workflow = workflowIn(status);
  await store.create(workflow);
  const over: WorkflowStatus[] = [];
  const keeping = {
    store,
    log: quiet,
    now: () => 0,
    onOver: (one: { status: WorkflowStatus }) => over.push(one.status),
  };
  return { store, workflow, over, one: new StoredWorkflow(workflow, keeping), keeping };
}

for (const from of WORKFLOW_STATUSES) {
  for (const to of WORKFLOW_STATUSES) {
    const allowed = TRANSITIONS[from].includes(to) || (from === to && TRANSITIONS[from].length > 0);
    test(`[A-232] from ${from} to ${to} a workflow ${allowed ? "goes" : "does not go"}`, async () => {
      const { one, store, workflow, over } = await kept(from);
      if (allowed) {
        await one.save({ status: to });
        assert.equal((await store.find(workflow.workflowId))?.status, to);
        const ended = ["REJECTED", "COMPLETED", "FAILED", "ROLLED_BACK"].includes(to);
        assert.deepEqual(over, ended ? [to] : []);
      } else {
        await assert.rejects(one.save({ status: to }), { code: "INVALID_STATE", status: 409 });
        assert.deepEqual(await store.find(workflow.workflowId), workflow, "it is as it was");
      }
    });
  }
}

test("of two that decide on one workflow at once one wins, and the other is told what it is now", async () => {
  const { store, workflow, keeping } = await kept("PENDING_APPROVAL");
  const decisions = await Promise.allSettled([
    new StoredWorkflow(workflow, keeping).save({ status: "APPROVED" }),
    new StoredWorkflow(workflow, keeping).save({ status: "REJECTED" }),
  ]);
  assert.deepEqual(decisions.map(({ status }) => status).toSorted(), ["fulfilled", "rejected"]);
  const lost = decisions.find((one) => one.status === "rejected");
  assert.match(String(lost?.reason), /A workflow that is (APPROVED|REJECTED) cannot become/);
  assert.notEqual((await store.find(workflow.workflowId))?.status, "PENDING_APPROVAL");
});

test("a workflow that is gone meanwhile is not found", async () => {
  const { workflow, keeping } = await kept("PENDING_APPROVAL");
  const one = new StoredWorkflow({ ...workflow, workflowId: "wf-gone" }, keeping);
  await assert.rejects(one.save({ status: "APPROVED" }), { code: "NOT_FOUND" });
});

test("a step is stored although the database was away for a moment, also when only its answer was lost", async () => {
  for (const lostAfter of [false, true]) {
    const { store, workflow, keeping } = await kept("APPROVED");
    let calls = 0;
    const flaky: typeof store = {
      ...store,
      async update(...given) {
        if (lostAfter && calls === 0) await store.update(...given);
        if (calls++ === 0) throw new DatabaseError("The workflow cannot be changed: it is away.");
        return store.update(...given);
      },
    };
    let nowMs = 0;
    const one = new StoredWorkflow(workflow, { ...keeping, store: flaky, now: () => nowMs++ });
    assert.equal((await one.saveAnyhow({ status: "IN_PROGRESS" })).status, "IN_PROGRESS");
    assert.equal((await store.find(workflow.workflowId))?.status, "IN_PROGRESS");
    assert.equal(calls, 2);
  }
});

test("[A-229] [A-231] a rejected workflow says by whom and why, and is neither approved nor rejected again", () =>
  withWorkflowBench(steady, async ({ open, calls }) => {
    const workflows = await open();
    const { workflowId } = await workflows.start(ASKED);
    const waiting = workflows.ended(workflowId);
    const rejected = await workflows.reject(workflowId, "operator", "not now");
    const { at } = rejected.rejection!;
    assert.deepEqual(rejected.rejection, { at, by: "operator", reason: "not now" });
    assert.ok(at >= rejected.createdAt && at <= rejected.updatedAt);
    assert.deepEqual(stageLines(rejected).slice(2), [
      "APPROVAL COMPLETED",
      "CANARY SKIPPED",
      "VALIDATION SKIPPED",
      "ROLLOUT SKIPPED",
      "COMPLETION SKIPPED",
    ]);
    assert.deepEqual(await waiting, rejected, "who waited for its end is told");
    await assert.rejects(workflows.approve(workflowId, "operator"), { code: "INVALID_STATE" });
    await assert.rejects(workflows.reject(workflowId, "operator", undefined), { code: "INVALID_STATE" });
    assert.deepEqual(await workflows.find(workflowId), rejected);
    assert.deepEqual(
      calls.map(({ event }) => event),
      ["read"],
      "nothing was changed",
    );
  }));

test("two approvals at once carry it out once", () =>
  withWorkflowBench(steady, async ({ open, calls }) => {
    const runs = endedRuns(measuredAt(100), measuredAt(50));
    const workflows = await open(runs);
    const { workflowId } = await workflows.start(ASKED);
    const both = await Promise.allSettled([
      workflows.approve(workflowId, "ada"),
      workflows.approve(workflowId, "bob"),
    ]);
    assert.deepEqual(both.map(({ status }) => status).toSorted(), ["fulfilled", "rejected"]);
    assert.equal((await workflows.ended(workflowId))?.status, "COMPLETED");
    assert.deepEqual(runs.started, [1, 2]);
    assert.equal(calls.filter(({ event }) => event === "apply").length, 1);
  }));

for (const id of ["wf-unknown", "", "wf-\u0000", "💥".repeat(5000), "__proto__"]) {
  test(`the unknown id ${JSON.stringify(id.slice(0, 20))} is not found`, () =>
    withWorkflowBench(steady, async ({ open }) => {
      const workflows = await open();
      assert.equal(await workflows.find(id), undefined);
      assert.equal(await workflows.ended(id), undefined);
      await assert.rejects(workflows.approve(id, "operator"), { code: "NOT_FOUND" });
      await assert.rejects(workflows.reject(id, "operator", undefined), { code: "NOT_FOUND" });
    }));
}

test("a workflow that cannot be stored is a WORKFLOW_ERROR", () =>
  withWorkflowBench(steady, async ({ open, store }) => {
    const create = async () => {
      throw new DatabaseError("The workflow cannot be stored: the disk is full.");
    };
    const workflows = await open({ store: { ...store, create } });
    await assert.rejects(workflows.start(ASKED), { code: "WORKFLOW_ERROR", status: 500 });
  }));
