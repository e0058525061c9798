import assert from "node:assert/strict";
import { test } from "node:test";
import type { HookInput, InstancePlan } from "../../../../server/agent/workflows/instance-plan.ts";
import type { Workflow } from "../../../../server/agent/workflows/workflow.ts";
import { ApiError } from "../../../../server/http/errors.ts";
import type { MeasuredRun } from "../../../../server/store/run-store.ts";
import {
  ASKED,
  endedRuns,
  INSTANCE_ID,
  measuredAt,
  stageLines,
  stageOf,
  withWorkflowBench,
} from "../../../support/workflow-bench.ts";

/** Fast or slow by what is configured. */
const by = (msAt32: number, msAt64: number) => (config: Readonly<Record<string, unknown>>) => ({
  ttftMs: config.max_batch_size === 64 ? msAt64 : msAt32,
  gapMs: 1,
});

test("[A-228] a change that makes the engine faster is measured, found good and stays", () =>
  withWorkflowBench(by(240, 40), async ({ open, engine, calls, runStore, lines }) => {
    const workflows = await open();
    const started = await workflows.start(ASKED);
    assert.equal(started.status, "PENDING_APPROVAL");
    assert.equal(started.mode, "applied");
    assert.deepEqual(started.change.configChanges, { max_batch_size: 64 });
    assert.deepEqual(stageLines(started), [
      "ANALYSIS COMPLETED",
      "RECOMMENDATION COMPLETED",
      "APPROVAL IN_PROGRESS",
    ]);
    assert.equal((await workflows.approve(started.workflowId, "ada")).status, "APPROVED");

    const ended = await workflows.ended(started.workflowId);
    assert.equal(ended?.status, "COMPLETED", JSON.stringify(ended));
    assert.equal(ended.judgement?.outcome, "better");
    assert.match(
      ended.judgement.reasons[1]!,
      /^\w+ at concurrency 4 is better by [\d.]+ %, at least [\d.]+ %\.$/,
    );
    assert.deepEqual(engine.config, { max_batch_size: 64 });
    assert.equal(ended.change.state, "applied");
    assert.deepEqual(ended.change.previousConfig, { max_batch_size: 32 });
    assert.deepEqual(
      calls.map(({ event }) => event),
      ["read", "read", "apply", "read"],
    );
    assert.equal(calls[2]!.workflow_id, started.workflowId);
    assert.deepEqual(calls[2]!.engine_args, ["--max-num-seqs", "64"]);
    assert.deepEqual(calls[2]!.previous_config, { max_batch_size: 32 });
    assert.deepEqual(stageLines(ended), [
      "ANALYSIS COMPLETED",
      "RECOMMENDATION COMPLETED",
      "APPROVAL COMPLETED",
      "CANARY COMPLETED",
      "VALIDATION COMPLETED",
      "ROLLOUT SKIPPED",
      "COMPLETION COMPLETED",
    ]);
    assert.match(
      stageOf(ended, "COMPLETION")!.message!,
      /^The change is on the instance\. .*is better by .* Still found: QUEUE_BUILDUP/,
    );
    for (const [runId, when] of [
      [ended.beforeRunId, "before"],
      [ended.afterRunId, "after"],
    ] as const) {
      const run = await runStore.find(runId!);
      assert.equal(run?.notes, `Workflow ${started.workflowId}, ${when} the change`);
      assert.equal(run?.status, "completed");
      assert.equal(run?.framework, "vllm");
    }
    const events = lines.filter(({ workflow_id }) => workflow_id === started.workflowId);
    assert.ok(events.every(({ instance_id }) => instance_id === "vllm-a"));
    assert.deepEqual(
      events.map(({ event, stage, stage_status: status }) =>
        [event, stage, status].filter(Boolean).join(" "),
      ),
      [
        "workflow_started",
        "workflow_stage APPROVAL COMPLETED",
        "workflow_approved",
        "workflow_in_progress",
        "workflow_stage CANARY IN_PROGRESS",
        "workflow_stage CANARY COMPLETED",
        "workflow_stage VALIDATION IN_PROGRESS",
        "workflow_stage VALIDATION COMPLETED",
        "workflow_stage ROLLOUT SKIPPED",
        "workflow_stage COMPLETION IN_PROGRESS",
        "workflow_stage COMPLETION COMPLETED",
        "workflow_completed",
      ],
    );
  }));

test("[A-234] a change that makes the engine slower is found out, rolled back and restored", () =>
  withWorkflowBench(by(30, 300), async ({ open, engine, calls, lines }) => {
    const workflows = await open();
    const { workflowId } = await workflows.start({ ...ASKED, autoApprove: true });
    const ended = await workflows.ended(workflowId);
    assert.equal(ended?.status, "ROLLED_BACK", JSON.stringify(ended));
    assert.deepEqual(ended.approval?.by, "auto_approve");
    assert.equal(ended.judgement?.outcome, "regressed");
    assert.match(
      ended.judgement.reasons[0]!,
      /is worse by [\d.e+]+ %, at least [\d.e+]+ %, where 10 % is allowed\.$/,
    );
    assert.equal(ended.error?.code, "REGRESSED");
    assert.match(ended.error.message, /is worse by/);
    assert.equal(ended.change.state, "rolled_back");
    assert.equal(ended.change.restored, true);
    assert.deepEqual(engine.config, { max_batch_size: 32 });
    assert.deepEqual(
      calls.map(({ event }) => event),
      ["read", "read", "apply", "rollback", "read"],
    );
    assert.deepEqual(calls[3]!.previous_config, { max_batch_size: 32 });
    assert.deepEqual(stageLines(ended).slice(3), [
      "CANARY COMPLETED",
      "VALIDATION FAILED",
      "ROLLOUT SKIPPED",
      "COMPLETION COMPLETED",
    ]);
    const last = lines.findLast(({ workflow_id }) => workflow_id === workflowId);
    assert.equal(last?.event, "workflow_rolled_back");
    assert.equal(last?.log_level ?? last?.level, 40);
  }));

const failure = (message: string): Partial<MeasuredRun> => ({
  status: "failed",
  error: { code: "BENCHMARK_FAILED", message },
});
/** Fails a hook, each time or only the n-th time it is called. */
const failing =
  (event: HookInput["event"], nth?: number) =>
  (input: HookInput, calls: readonly HookInput[]): number | undefined =>
    input.event === event && (nth === undefined || calls.filter((one) => one.event === event).length === nth)
      ? 500
      : undefined;
const never = () => undefined;
const same = [measuredAt(100), measuredAt(100)];

interface Fault {
  readonly because: string;
  readonly answer?: ReturnType<typeof failing>;
  readonly runs: readonly (Partial<MeasuredRun> | undefined)[];
  readonly plan?: (plan: InstancePlan) => InstancePlan;
  readonly ready?: () => Promise<void>;
  readonly status: Workflow["status"];
  readonly state: Workflow["change"]["state"];
  readonly restored?: boolean;
  readonly code: string;
  readonly message: RegExp;
  readonly hooks: readonly HookInput["event"][];
  readonly failed: string;
  readonly outcome?: string;
}

const unready = (failures: readonly number[]) => {
  let asked = 0;
  return async () => {
    asked++;
    if (failures.includes(asked)) {
      throw new ApiError(
        "WORKFLOW_ERROR",
        "The instance was not ready within 5 s: the last answer was HTTP 503.",
      );
    }
  };
};

const FAULTS: readonly Fault[] = [
  {
    because: "[A-233] the load test before fails",
    runs: [failure("None of 60 requests was answered.")],
    status: "FAILED",
    state: "not_applied",
    code: "WORKFLOW_ERROR",
    message: /^The load test before the change failed: None of 60 requests was answered\.$/,
    hooks: ["read"],
    failed: "CANARY",
  },
  {
    because: "the load test before is deleted while it runs",
    runs: [undefined],
    status: "FAILED",
    state: "not_applied",
    code: "WORKFLOW_ERROR",
    message: /^The load test before the change was deleted\.$/,
    hooks: ["read"],
    failed: "CANARY",
  },
  {
    because: "the configuration cannot be read before anything is applied",
    answer: failing("read", 2),
    runs: same,
    status: "FAILED",
    state: "not_applied",
    code: "WORKFLOW_ERROR",
    message: /^The read hook at .* answered with HTTP 500/,
    hooks: ["read", "read"],
    failed: "CANARY",
  },
  {
    because: "[A-233] the apply hook fails, and what it may have done is undone",
    answer: failing("apply"),
    runs: same,
    status: "FAILED",
    state: "rolled_back",
    restored: true,
    code: "WORKFLOW_ERROR",
    message: /^The apply hook at .* answered with HTTP 500/,
    hooks: ["read", "read", "apply", "rollback", "read"],
    failed: "CANARY",
  },
  {
    because: "the apply hook fails, and the rollback hook too",
    answer: (input) => (input.event === "apply" || input.event === "rollback" ? 500 : undefined),
    runs: same,
    status: "FAILED",
    state: "rollback_failed",
    code: "WORKFLOW_ERROR",
    message: /^The apply hook at .* The change could not be undone\. The rollback hook at /,
    hooks: ["read", "read", "apply", "rollback"],
    failed: "CANARY",
  },
  {
    because: "the instance is not ready after the change",
    ready: unready([1]),
    runs: same,
    status: "ROLLED_BACK",
    state: "rolled_back",
    restored: true,
    code: "NOT_MEASURED",
    message: /^The instance was not ready within 5 s/,
    hooks: ["read", "read", "apply", "rollback", "read"],
    failed: "CANARY",
    outcome: "not_measured",
  },
  {
    because: "the instance is never ready again",
    ready: unready([1, 2]),
    runs: same,
    status: "FAILED",
    state: "rollback_failed",
    code: "NOT_MEASURED",
    message: /The change could not be undone\. The instance was not ready within 5 s/,
    hooks: ["read", "read", "apply", "rollback"],
    failed: "CANARY",
    outcome: "not_measured",
  },
  {
    because: "the load test after fails",
    runs: [measuredAt(100), failure("None of 60 requests was answered.")],
    status: "ROLLED_BACK",
    state: "rolled_back",
    restored: true,
    code: "NOT_MEASURED",
    message: /^The load test after the change failed: /,
    hooks: ["read", "read", "apply", "rollback", "read"],
    failed: "VALIDATION",
    outcome: "not_measured",
  },
  {
    because: "the load test after is stopped by somebody",
    runs: [measuredAt(100), { status: "cancelled" }],
    status: "ROLLED_BACK",
    state: "rolled_back",
    restored: true,
    code: "NOT_MEASURED",
    message: /^The load test after the change was stopped\.$/,
    hooks: ["read", "read", "apply", "rollback", "read"],
    failed: "VALIDATION",
    outcome: "not_measured",
  },
  {
    because: "it regressed, and the rollback hook fails",
    answer: failing("rollback"),
    runs: [measuredAt(100), measuredAt(200)],
    status: "FAILED",
    state: "rollback_failed",
    code: "REGRESSED",
    message: /is worse by .* The change could not be undone\. The rollback hook at .*500/,
    hooks: ["read", "read", "apply", "rollback"],
    failed: "VALIDATION",
    outcome: "regressed",
  },
  {
    because: "it regressed, and nobody can tell whether it was restored",
    answer: failing("read", 3),
    runs: [measuredAt(100), measuredAt(200)],
    status: "ROLLED_BACK",
    state: "rolled_back",
    code: "REGRESSED",
    message: /is worse by /,
    hooks: ["read", "read", "apply", "rollback", "read"],
    failed: "VALIDATION",
    outcome: "regressed",
  },
  {
    because: "it regressed, and there is no read hook",
    plan: (plan) => ({ ...plan, hooks: { ...plan.hooks, read: undefined } }),
    runs: [measuredAt(100), measuredAt(200)],
    status: "ROLLED_BACK",
    state: "rolled_back",
    code: "REGRESSED",
    message: /is worse by /,
    hooks: ["apply", "rollback"],
    failed: "VALIDATION",
    outcome: "regressed",
  },
  {
    because: "it regressed, and the rollback hook does not what it says",
    answer: (input, calls) => {
      // It is told to put back what was never there.
      if (input.event === "rollback")
        Object.assign(calls.at(-1)!, { previous_config: { max_batch_size: 1 } });
      return undefined;
    },
    runs: [measuredAt(100), measuredAt(200)],
    status: "ROLLED_BACK",
    state: "rolled_back",
    restored: false,
    code: "REGRESSED",
    message: /The change was undone, but the configuration is not as it was before\.$/,
    hooks: ["read", "read", "apply", "rollback", "read"],
    failed: "VALIDATION",
    outcome: "regressed",
  },
  {
    because: "it is good, and the rollout hook fails",
    answer: failing("rollout"),
    plan: (plan) => ({ ...plan, hooks: { ...plan.hooks, rollout: plan.hooks.apply } }),
    runs: same,
    status: "ROLLED_BACK",
    state: "rolled_back",
    restored: true,
    code: "WORKFLOW_ERROR",
    message: /^The rollout hook at .* answered with HTTP 500/,
    hooks: ["read", "read", "apply", "rollout", "rollback", "read"],
    failed: "ROLLOUT",
    outcome: "no_regression",
  },
];

for (const fault of FAULTS) {
  test(`a workflow ends ${fault.status}, its change ${fault.state}, when ${fault.because}`, () =>
    withWorkflowBench(
      () => ({}),
      async ({ open, plan, calls, deps, lines }) => {
        const plans = new Map([[INSTANCE_ID, (fault.plan ?? ((one) => one))(plan())]]);
        const waitUntilReady = fault.ready ?? deps.waitUntilReady;
        const workflows = await open({ plans, waitUntilReady, ...endedRuns(...fault.runs) });
        const { workflowId } = await workflows.start({ ...ASKED, autoApprove: true });
        const ended = await workflows.ended(workflowId);
        assert.ok(ended !== undefined);
        assert.deepEqual(
          [
            ended.status,
            ended.change.state,
            ended.error?.code,
            ended.change.restored,
            ended.judgement?.outcome,
          ],
          [fault.status, fault.state, fault.code, fault.restored, fault.outcome],
          JSON.stringify(ended),
        );
        assert.match(ended.error!.message, fault.message);
        assert.deepEqual(
          calls.map(({ event }) => event),
          fault.hooks,
        );
        assert.equal(ended.stages.find(({ status }) => status === "FAILED")?.name, fault.failed);
        assert.ok(
          ended.stages.every(({ status }) => status !== "IN_PROGRESS"),
          "nothing is left in progress",
        );
        assert.equal(ended.stages.length, 7, "each stage is told of");
        const event = `workflow_${fault.status.toLowerCase()}`;
        assert.deepEqual(lines.find((line) => line.event === event)?.error, ended.error);
        assert.deepEqual(await workflows.find(workflowId), ended, "it is stored as it was told");
      },
      fault.answer ?? never,
    ));
}

test("with a rollout hook a good change is put on all the rest", () =>
  withWorkflowBench(
    () => ({}),
    async ({ open, plan, calls }) => {
      const own = plan();
      const plans = new Map([[INSTANCE_ID, { ...own, hooks: { ...own.hooks, rollout: own.hooks.apply } }]]);
      const workflows = await open({ plans, ...endedRuns(...same) });
      const { workflowId } = await workflows.start({ ...ASKED, autoApprove: true });
      const ended = await workflows.ended(workflowId);
      assert.equal(ended?.status, "COMPLETED");
      assert.equal(ended.judgement?.outcome, "no_regression");
      assert.equal(stageOf(ended, "ROLLOUT")?.status, "COMPLETED");
      assert.deepEqual(
        calls.slice(-2).map(({ event }) => event),
        ["rollout", "read"],
      );
    },
  ));

test("a configuration that cannot be read at first is told of, and stops nothing before the approval", () =>
  withWorkflowBench(
    () => ({}),
    async ({ open }) => {
      const started = await (await open()).start(ASKED);
      assert.equal(started.status, "PENDING_APPROVAL");
      assert.deepEqual(started.change.configChanges, { max_batch_size: 64 });
      assert.match(stageOf(started, "RECOMMENDATION")!.message!, /could not be read: .*500/);
    },
    failing("read"),
  ));

const ADVISORY: readonly (readonly [
  because: string,
  deps: (plan: InstancePlan) => {
    readonly plans: ReadonlyMap<string, InstancePlan>;
    readonly metrics: boolean;
  },
  told: RegExp,
])[] = [
  [
    "the operator's file does not have the instance",
    () => ({ plans: new Map(), metrics: true }),
    /^No hook tells how to change this instance\. Nothing was changed or measured; to be set by hand: max_batch_size: 64; arguments of the engine: --max-num-seqs 64\.$/,
  ],
  [
    "nothing is known of the instance",
    (plan) => ({ plans: new Map([[INSTANCE_ID, { ...plan, metricsUrl: undefined }]]), metrics: false }),
    /^There is nothing to change\.$/,
  ],
  [
    "its metrics are not where the operator says",
    (plan) => ({
      plans: new Map([[INSTANCE_ID, { ...plan, metricsUrl: "http://127.0.0.1:9/metrics" }]]),
      metrics: false,
    }),
    /^There is nothing to change\.$/,
  ],
];

for (const [because, depsOf, told] of ADVISORY) {
  test(`[A-228] a workflow is advisory and says so when ${because}`, () =>
    withWorkflowBench(
      () => ({}),
      async ({ open, plan, calls, deps }) => {
        const { plans, metrics } = depsOf(plan());
        if (metrics) {
          const metricsUrl = plan().metricsUrl!;
          await deps.agent.collect({ instanceId: INSTANCE_ID, instanceType: "vllm", metricsUrl });
        }
        const runs = endedRuns();
        const workflows = await open({ plans, ...runs });
        const started = await workflows.start(ASKED);
        assert.equal(started.mode, "advisory");
        assert.equal(started.analysis.source, metrics ? "metrics" : "none");
        assert.equal(started.analysis.reason === undefined, metrics);
        assert.equal(started.optimizations.length, metrics ? 1 : 0);
        await workflows.approve(started.workflowId, "operator");
        const ended = await workflows.ended(started.workflowId);
        assert.equal(ended?.status, "COMPLETED");
        assert.equal(ended.mode, "advisory");
        assert.equal(ended.judgement, undefined);
        assert.equal(ended.change.state, "not_applied");
        assert.match(stageOf(ended, "COMPLETION")!.message!, told);
        assert.deepEqual(stageLines(ended).slice(3), [
          "CANARY SKIPPED",
          "VALIDATION SKIPPED",
          "ROLLOUT SKIPPED",
          "COMPLETION COMPLETED",
        ]);
        assert.deepEqual(runs.started, [], "nothing was measured");
        assert.ok(
          calls.every(({ event }) => event === "read"),
          "nothing was changed",
        );
      },
    ));
}

test("[A-217] an analysis is over as it is answered, and changes nothing", () =>
  withWorkflowBench(
    () => ({}),
    async ({ open }) => {
      const workflows = await open();
      const done = await workflows.start({ ...ASKED, type: "analysis" });
      assert.equal(done.status, "COMPLETED");
      assert.equal(done.mode, "advisory");
      assert.equal(done.analysis.bottlenecks[0]?.type, "QUEUE_BUILDUP");
      assert.deepEqual(stageLines(done).slice(2), [
        "APPROVAL SKIPPED",
        "CANARY SKIPPED",
        "VALIDATION SKIPPED",
        "ROLLOUT SKIPPED",
        "COMPLETION COMPLETED",
      ]);
      assert.deepEqual(await workflows.ended(done.workflowId), done);
      await assert.rejects(workflows.approve(done.workflowId, "operator"), { code: "INVALID_STATE" });
    },
  ));

test("an id that says where the instance listens says where its metrics are, and one that is watched is asked where it is watched", () =>
  withWorkflowBench(
    () => ({}),
    async ({ open, plan, deps }) => {
      const asked: string[] = [];
      const agent = {
        history: deps.agent.history,
        async collect(instance: { metricsUrl: string }): Promise<never> {
          asked.push(instance.metricsUrl);
          throw new ApiError("SERVICE_UNAVAILABLE", "Nobody answers.");
        },
      };
      const workflows = await open({ agent, plans: new Map() });
      const ids = [
        "10.0.0.7:8000",
        "gpu-1.internal:8000",
        "[::1]:8000",
        "vllm-a",
        "a b:80",
        "user@host:80",
        "x:99999",
        "h:80/x",
      ];
      const reasons = [];
      for (const instanceId of ids)
        reasons.push((await workflows.start({ ...ASKED, instanceId })).analysis.reason);
      assert.deepEqual(asked, [
        "http://10.0.0.7:8000/metrics",
        "http://gpu-1.internal:8000/metrics",
        "http://[::1]:8000/metrics",
      ]);
      assert.deepEqual(reasons.slice(0, 3), ["Nobody answers.", "Nobody answers.", "Nobody answers."]);
      assert.match(reasons[3]!, /^Nobody has said where/);
      const metricsUrl = plan().metricsUrl!;
      await deps.agent.collect({ instanceId: "h:80", instanceType: "vllm", metricsUrl });
      await workflows.start({ ...ASKED, instanceId: "h:80", instanceType: "tgi" });
      assert.equal(asked.at(-1), metricsUrl);
    },
  ));

test("workflows of one instance are carried out one after another, in the order of their approval", () =>
  withWorkflowBench(
    () => ({}),
    async ({ open, calls }) => {
      const workflows = await open(endedRuns(...same, ...same));
      const first = await workflows.start(ASKED);
      const second = await workflows.start(ASKED);
      await workflows.approve(second.workflowId, "operator");
      await workflows.approve(first.workflowId, "operator");
      const [a, b] = await Promise.all([
        workflows.ended(first.workflowId),
        workflows.ended(second.workflowId),
      ]);
      assert.deepEqual([a?.status, b?.status], ["COMPLETED", "COMPLETED"]);
      assert.deepEqual(
        calls.filter(({ event }) => event === "apply").map(({ workflow_id: id }) => id),
        [second.workflowId, first.workflowId],
      );
      assert.deepEqual([a?.beforeRunId, b?.beforeRunId], ["run-3", "run-1"], "nothing ran beside another");
    },
  ));

test("how far a load test is shows in its stage", () =>
  withWorkflowBench(
    () => ({}),
    async ({ open, deps }) => {
      const first = Promise.withResolvers<MeasuredRun | undefined>();
      const began = Promise.withResolvers<void>();
      const runs = endedRuns(...same);
      const workflows = await open({
        ...runs,
        runs: {
          ...runs.runs,
          ended(runId) {
            began.resolve();
            return runId === "run-1" ? first.promise : runs.runs.ended(runId);
          },
          progress: (runId) =>
            runId === "run-1" ? ({ overallPercent: 50 } as ReturnType<typeof deps.runs.progress>) : undefined,
        },
      });
      const { workflowId } = await workflows.start({ ...ASKED, autoApprove: true });
      await began.promise;
      const going = await workflows.find(workflowId);
      assert.deepEqual([going?.status, stageOf(going!, "CANARY")?.progress], ["IN_PROGRESS", 0.4]);
      first.resolve(await runs.runs.ended("run-1"));
      assert.equal((await workflows.ended(workflowId))?.status, "COMPLETED");
    },
  ));
