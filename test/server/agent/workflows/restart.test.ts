import assert from "node:assert/strict";
import { test } from "node:test";
import type { HookEvent } from "../../../../server/agent/workflows/instance-plan.ts";
import type {
  ChangeState,
  Judgement,
  Stage,
  StageName,
  Workflow,
} from "../../../../server/agent/workflows/workflow.ts";
import { ApiError } from "../../../../server/http/errors.ts";
import { INTERRUPTED } from "../../../../server/load-tests/runs/run-failure.ts";
import type { MeasuredRun } from "../../../../server/store/run-store.ts";
import {
  ASKED,
  endedRuns,
  INSTANCE_ID,
  measuredAt,
  stageOf,
  withWorkflowBench,
  workflowIn,
} from "../../../support/workflow-bench.ts";

const steady = () => ({});
const AT = "2026-03-14T09:26:53.000Z";
const GOOD: Judgement = { outcome: "better", reasons: ["It is better."] };
const BAD: Judgement = { outcome: "regressed", reasons: ["It is worse."] };
const REGRESSED = { code: "REGRESSED", message: "It is worse." };

function left(
  status: Workflow["status"],
  state: ChangeState,
  doing: StageName,
  more: Partial<Workflow> = {},
): Workflow {
  const order: readonly StageName[] = [
    "ANALYSIS",
    "RECOMMENDATION",
    "APPROVAL",
    "CANARY",
    "VALIDATION",
    "ROLLOUT",
    "COMPLETION",
  ];
  const stages = order
    .slice(0, order.indexOf(doing) + 1)
    .map(
      (name): Stage =>
        name === doing
          ? { name, status: "IN_PROGRESS", startedAt: AT, progress: 0.4 }
          : { name, status: "COMPLETED", startedAt: AT, completedAt: AT },
    );
  const previousConfig = state === "not_applied" ? undefined : { max_batch_size: 32 };
  const empty = workflowIn(status);
  return {
    ...empty,
    change: { ...empty.change, state, previousConfig },
    stages,
    approval: { at: AT, by: "operator" },
    ...(state !== "not_applied" && { beforeRunId: "run-1" }),
    ...more,
  };
}

interface Restart {
  readonly because: string;
  readonly stored: Workflow;
  readonly status: Workflow["status"];
  readonly state: ChangeState;
  readonly hooks: readonly HookEvent[];
  /** Load tests that were begun after the start. */
  readonly measured: number;
  readonly error?: string;
  readonly events: readonly string[];
  readonly noPlan?: true;
}

const UNDONE: readonly HookEvent[] = ["rollback", "read"];
const RESTARTS: readonly Restart[] = [
  {
    because: "it was approved and not begun",
    stored: left("APPROVED", "not_applied", "APPROVAL"),
    status: "COMPLETED",
    state: "applied",
    hooks: ["read", "apply"],
    measured: 2,
    events: ["workflow_in_progress", "workflow_completed"],
  },
  {
    because: "its first load test was under way",
    stored: left("IN_PROGRESS", "not_applied", "CANARY", { beforeRunId: "run-0" }),
    status: "COMPLETED",
    state: "applied",
    hooks: ["read", "apply"],
    measured: 2,
    events: ["workflow_completed"],
  },
  {
    because: "its change was being applied",
    stored: left("IN_PROGRESS", "applying", "CANARY"),
    status: "ROLLED_BACK",
    state: "rolled_back",
    hooks: UNDONE,
    measured: 0,
    error: "INTERRUPTED The server was stopped while the change was applied.",
    events: ["workflow_failed", "workflow_rolled_back"],
  },
  {
    because: "its change was applied, and the instance was waited for",
    stored: left("IN_PROGRESS", "applied", "CANARY"),
    status: "COMPLETED",
    state: "applied",
    hooks: [],
    measured: 1,
    events: ["workflow_completed"],
  },
  {
    because: "its second load test was under way",
    stored: left("IN_PROGRESS", "applied", "VALIDATION", { afterRunId: "run-0" }),
    status: "COMPLETED",
    state: "applied",
    hooks: [],
    measured: 1,
    events: ["workflow_completed"],
  },
  {
    because: "its second load test was under way, and the first is deleted",
    stored: left("IN_PROGRESS", "applied", "VALIDATION", { beforeRunId: "run-gone" }),
    status: "ROLLED_BACK",
    state: "rolled_back",
    hooks: UNDONE,
    measured: 1,
    error: "NOT_MEASURED The load test before the change was deleted.",
    events: ["workflow_rolled_back"],
  },
  {
    because: "it was judged good",
    stored: left("IN_PROGRESS", "applied", "ROLLOUT", { judgement: GOOD }),
    status: "COMPLETED",
    state: "applied",
    hooks: [],
    measured: 0,
    events: ["workflow_completed"],
  },
  {
    because: "it was judged bad",
    stored: left("IN_PROGRESS", "applied", "VALIDATION", { judgement: BAD }),
    status: "ROLLED_BACK",
    state: "rolled_back",
    hooks: UNDONE,
    measured: 0,
    error: "REGRESSED It is worse.",
    events: ["workflow_rolled_back"],
  },
  {
    because: "its change was being undone, of which the reason stays",
    stored: left("IN_PROGRESS", "rolling_back", "COMPLETION", { judgement: BAD, error: REGRESSED }),
    status: "ROLLED_BACK",
    state: "rolled_back",
    hooks: UNDONE,
    measured: 0,
    error: "REGRESSED It is worse.",
    events: ["workflow_failed", "workflow_rolled_back"],
  },
  {
    because: "a start before had begun to undo it",
    stored: left("FAILED", "rolling_back", "COMPLETION", { error: REGRESSED }),
    status: "ROLLED_BACK",
    state: "rolled_back",
    hooks: UNDONE,
    measured: 0,
    error: "REGRESSED It is worse.",
    events: ["workflow_rolled_back"],
  },
  {
    because: "a start before had only noted that it failed",
    stored: left("FAILED", "applying", "CANARY"),
    status: "ROLLED_BACK",
    state: "rolled_back",
    hooks: UNDONE,
    measured: 0,
    error: "INTERRUPTED The server was stopped while the change was applied.",
    events: ["workflow_rolled_back"],
  },
  {
    because: "its change was being applied, and nobody tells how to undo it any more",
    stored: left("IN_PROGRESS", "applying", "CANARY"),
    noPlan: true,
    status: "FAILED",
    state: "rollback_failed",
    hooks: [],
    measured: 0,
    error:
      "WORKFLOW_ERROR The change was begun, and no hook tells any more how to undo it: the instance may have any part of it.",
    events: ["workflow_failed"],
  },
  {
    because: "it was approved, and nobody tells how to change the instance any more",
    stored: left("APPROVED", "not_applied", "APPROVAL"),
    noPlan: true,
    status: "COMPLETED",
    state: "not_applied",
    hooks: [],
    measured: 0,
    events: ["workflow_in_progress", "workflow_completed"],
  },
];

for (const { because, stored, status, state, hooks, measured, error, events, noPlan } of RESTARTS) {
  test(`a workflow that a server left is ${status} after the next start when ${because}`, () =>
    withWorkflowBench(steady, async ({ open, store, calls, lines, engine }) => {
      await store.create(stored);
      const runs = endedRuns(measuredAt(100), measuredAt(100));
      // What was measured before the change is in the history of runs.
      if (stored.beforeRunId === "run-1") await runs.runs.start({ run: {} as MeasuredRun, plan: {} });
      const workflows = await open({ ...runs, ...(noPlan && { plans: new Map() }) });
      const ended = await workflows.ended(stored.workflowId);
      assert.deepEqual([ended?.status, ended?.change.state], [status, state], JSON.stringify(ended));
      assert.equal(ended?.error && `${ended.error.code} ${ended.error.message}`, error);
      assert.deepEqual(
        calls.map(({ event }) => event),
        // The end of a change tells what of it is there.
        status === "COMPLETED" && !noPlan ? [...hooks, "read"] : hooks,
      );
      const known = stored.beforeRunId === "run-1" ? 1 : 0;
      assert.equal(runs.started.length - known, measured);
      assert.ok(ended?.stages.every((stage) => stage.status !== "IN_PROGRESS"));
      if (status === "ROLLED_BACK") {
        assert.equal(ended?.change.restored, true);
        assert.deepEqual(engine.config, { max_batch_size: 32 });
      }
      assert.deepEqual(
        lines.map(({ event }) => event).filter((event) => event !== "workflow_stage"),
        events,
      );
    }));
}

for (const [status, state] of [
  ["PENDING_APPROVAL", "not_applied"],
  ["REJECTED", "not_applied"],
  ["COMPLETED", "applied"],
  ["FAILED", "not_applied"],
  ["FAILED", "rollback_failed"],
  ["ROLLED_BACK", "rolled_back"],
] as const) {
  test(`a workflow that is ${status} with its change ${state} is the same after the next start`, () =>
    withWorkflowBench(steady, async ({ open, store, calls }) => {
      const stored = left(status, state, "CANARY");
      await store.create(stored);
      const workflows = await open(endedRuns());
      await workflows.close();
      assert.deepEqual(await store.find(stored.workflowId), stored);
      assert.deepEqual(calls, []);
    }));
}

test("what was begun is gone on with before what was approved earlier and only waits", () =>
  withWorkflowBench(steady, async ({ open, store, calls }) => {
    const at = (minute: number) => `2026-03-14T10:0${minute}:00.000Z`;
    const wait = (workflowId: string, created: number, approved: number) =>
      left("APPROVED", "not_applied", "APPROVAL", {
        workflowId,
        createdAt: at(created),
        approval: { at: at(approved), by: "operator" },
      });
    await store.create(wait("wf-late", 1, 9));
    await store.create(wait("wf-early", 2, 8));
    await store.create(
      left("IN_PROGRESS", "applying", "CANARY", { workflowId: "wf-begun", createdAt: at(3) }),
    );
    const workflows = await open(endedRuns(...[1, 2, 3, 4].map(() => measuredAt(100))));
    await Promise.all(["wf-late", "wf-early", "wf-begun"].map((id) => workflows.ended(id)));
    assert.deepEqual(
      calls.filter(({ event }) => event !== "read").map(({ event, workflow_id: id }) => `${event} ${id}`),
      ["rollback wf-begun", "apply wf-early", "apply wf-late"],
    );
  }));

test("a server that stops ends the load test, and the next one measures anew and carries it out", () =>
  withWorkflowBench(
    () => ({ ttftMs: 20 }),
    async ({ open, plan, deps, runStore, store, calls }) => {
      const long = new Map([[INSTANCE_ID, plan({ load: { ...plan().load, requests: 100_000 } })]]);
      const first = await open({ plans: long });
      const { workflowId } = await first.start({ ...ASKED, autoApprove: true });
      const runId = await untilMeasuring(first, deps, workflowId);
      const waiting = first.ended(workflowId);
      await first.close();
      const asLeft = await store.find(workflowId);
      assert.deepEqual([asLeft?.status, asLeft?.change.state], ["IN_PROGRESS", "not_applied"]);
      assert.deepEqual(await waiting, asLeft, "who waited is told how far it came");
      assert.equal((await runStore.find(runId))?.status, "cancelled");
      await assert.rejects(first.start(ASKED), { code: "SERVICE_UNAVAILABLE" });

      // The engine is as fast as before, and what a busy machine adds is not what this is about.
      const own = { ...plan().load, requests: 20, warmup: 0 };
      const second = await open({ plans: new Map([[INSTANCE_ID, plan({ load: own, maxRegression: 9 })]]) });
      const ended = await second.ended(workflowId);
      assert.equal(ended?.status, "COMPLETED", JSON.stringify(ended));
      assert.notEqual(ended.beforeRunId, runId);
      assert.equal(calls.filter(({ event }) => event === "apply").length, 1);
    },
  ));

const { runs: interrupted, ...interruptedStore } = endedRuns(
  ...[1, 2].map(() => ({ status: "failed", error: INTERRUPTED }) as const),
);
const refuse = async () => {
  throw new ApiError("SERVICE_UNAVAILABLE", "The server is being shut down and takes no more runs.");
};

for (const [because, start] of [
  ["ends", interrupted.start],
  ["cannot begin", refuse],
] as const) {
  test(`a load test that ${because} because runs are closed first is no failure of the workflow`, () =>
    withWorkflowBench(steady, async ({ open, store }) => {
      let begun = 0;
      const second = Promise.withResolvers<void>();
      const workflows = await open({
        ...interruptedStore,
        runs: {
          ...interrupted,
          start(request) {
            if (++begun === 2) second.resolve();
            return start(request);
          },
        },
      });
      const { workflowId } = await workflows.start({ ...ASKED, autoApprove: true });
      // The next one of the instance begins when nothing more is done about this one.
      await workflows.start({ ...ASKED, autoApprove: true });
      await second.promise;
      const asLeft = await store.find(workflowId);
      assert.deepEqual([asLeft?.status, asLeft?.error], ["IN_PROGRESS", undefined]);
    }));
}

for (const event of ["apply", "rollback"] as const) {
  test(`a server that stops within the ${event} hook ends it, and the next one undoes what is there of the change`, () =>
    withWorkflowBench(steady, async ({ open, deps, store }) => {
      const called = Promise.withResolvers<void>();
      const first = await open({
        ...endedRuns(measuredAt(100), measuredAt(200)),
        runHook: (hook, input, signal) => {
          if (input.event !== event) return deps.runHook(hook, input, signal);
          called.resolve();
          return new Promise((_, reject) => {
            signal.addEventListener("abort", () => reject(new Error("The hook was ended.")));
          });
        },
      });
      const { workflowId } = await first.start({ ...ASKED, autoApprove: true });
      await called.promise;
      await first.close();
      const asLeft = await store.find(workflowId);
      const state = event === "apply" ? "applying" : "rolling_back";
      assert.deepEqual([asLeft?.status, asLeft?.change.state], ["IN_PROGRESS", state]);

      const second = await open(endedRuns());
      const ended = await second.ended(workflowId);
      assert.deepEqual([ended?.status, ended?.change.restored], ["ROLLED_BACK", true]);
      assert.equal(ended?.error?.code, event === "apply" ? "INTERRUPTED" : "REGRESSED");
      assert.equal(stageOf(ended!, "COMPLETION")?.status, "COMPLETED");
    }));
}

/** The id of its load test, once that is under way. */
async function untilMeasuring(
  workflows: { find(id: string): Promise<Workflow | undefined> },
  { runs }: { readonly runs: { progress(id: string): { readonly current: number } | undefined } },
  workflowId: string,
): Promise<string> {
  for (;;) {
    const runId = (await workflows.find(workflowId))?.beforeRunId;
    if (runId !== undefined && (runs.progress(runId)?.current ?? 0) > 0) return runId;
    await new Promise((resolve) => setImmediate(resolve));
  }
}
