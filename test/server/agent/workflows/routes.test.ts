import assert from "node:assert/strict";
import { test } from "node:test";
import { workflowAnswer } from "../../../../server/agent/workflows/schemas.ts";
import {
  STAGES,
  WORKFLOW_STATUSES,
  type Workflow,
  type Workflows,
} from "../../../../server/agent/workflows/workflow.ts";
import { ApiError } from "../../../../server/http/errors.ts";
import { DatabaseError } from "../../../../server/store/database-error.ts";
import { startPlatform } from "../../../support/platform.ts";
import { type Answer, send } from "../../../support/server.ts";

/** What the routes make of requests and of workflows, whoever carries these out. */

const ROLLED_BACK: Workflow = {
  workflowId: "wf-123e4567-e89b-12d3-a456-426614174000",
  type: "optimization",
  instanceId: "vllm-1",
  instanceType: "vllm",
  status: "ROLLED_BACK",
  mode: "applied",
  analysis: {
    source: "metrics",
    bottlenecks: [
      {
        type: "QUEUE_BUILDUP",
        severity: "HIGH",
        description: "18 requests wait",
        metric_name: "num_requests_waiting",
        current_value: 18,
        threshold_value: 10,
        recommendation: "Increase the batch size",
        detected_at: "2024-01-01T00:00:00.000Z",
      },
    ],
  },
  optimizations: [
    {
      type: "BATCHING",
      priority: "HIGH",
      description: "Larger batches",
      estimated_improvement: {},
      config_changes: { max_batch_size: 64 },
      engine_args: ["--max-num-seqs", "64"],
      addresses: ["QUEUE_BUILDUP"],
      source: "measured",
    },
  ],
  change: {
    state: "rolled_back",
    configChanges: { max_batch_size: 64 },
    engineArgs: ["--max-num-seqs", "64"],
    previousConfig: { max_batch_size: 32 },
    restored: true,
  },
  beforeRunId: "before",
  afterRunId: "after",
  judgement: { outcome: "regressed", reasons: ["ttft p95 is 40 % worse"] },
  stages: [
    {
      name: "ANALYSIS",
      status: "COMPLETED",
      startedAt: "2024-01-01T00:00:00.000Z",
      completedAt: "2024-01-01T00:01:00.000Z",
      message: "One bottleneck.",
    },
    { name: "VALIDATION", status: "IN_PROGRESS", startedAt: "2024-01-01T00:02:00.000Z", progress: 0.5 },
  ],
  approval: { at: "2024-01-01T00:01:30.000Z", by: "anna" },
  rejection: undefined,
  error: { code: "WORKFLOW_ERROR", message: "It became worse." },
  createdAt: "2024-01-01T00:00:00.000Z",
  updatedAt: "2024-01-01T00:02:30.000Z",
};

type Asked = readonly [method: string, ...given: readonly unknown[]];

async function withRoutes(
  workflows: Partial<Workflows>,
  work: (ask: (path: string, options?: Parameters<typeof send>[1]) => Promise<Answer>) => Promise<void>,
): Promise<void> {
  const loadTests = { workflows, agentConfig: {} } as never;
  const platform = await startPlatform({ loadTests, bodyLimitBytes: 64 * 1024 });
  try {
    await work((path, options) => send(`${platform.url}/api/v1/workflows${path}`, options));
  } finally {
    await platform.close();
  }
}

/** Workflows that note what they are asked for. */
function noting(): Workflows & { readonly asked: Asked[] } {
  const asked: Asked[] = [];
  const note =
    <Result>(method: string, result: Result) =>
    async (...given: readonly unknown[]) => {
      asked.push([method, ...given]);
      return result;
    };
  const rejection = { at: "2024-01-01T00:01:30.000Z", by: "operator", reason: undefined };
  return {
    asked,
    start: note("start", ROLLED_BACK),
    find: note("find", undefined),
    list: note("list", []),
    approve: note("approve", ROLLED_BACK),
    reject: note("reject", { ...ROLLED_BACK, rejection }),
    ended: note("ended", undefined),
    close: note("close", undefined),
  };
}

test("[A-218] [A-220] a workflow is told with all that is known of it", async () => {
  await withRoutes({ find: async () => ROLLED_BACK }, async (ask) => {
    const { status, json } = await ask(`/${ROLLED_BACK.workflowId}`);
    assert.equal(status, 200);
    assert.deepEqual(workflowAnswer.strict().parse(json), json);
    assert.deepEqual(json, {
      workflow_id: "wf-123e4567-e89b-12d3-a456-426614174000",
      status: "ROLLED_BACK",
      instance_id: "vllm-1",
      instance_type: "vllm",
      workflow_type: "optimization",
      mode: "applied",
      created_at: "2024-01-01T00:00:00.000Z",
      updated_at: "2024-01-01T00:02:30.000Z",
      current_stage: "VALIDATION",
      progress: 0.2143,
      stages: [
        {
          name: "ANALYSIS",
          status: "COMPLETED",
          started_at: "2024-01-01T00:00:00.000Z",
          completed_at: "2024-01-01T00:01:00.000Z",
          message: "One bottleneck.",
        },
        { name: "VALIDATION", status: "IN_PROGRESS", started_at: "2024-01-01T00:02:00.000Z", progress: 0.5 },
      ],
      analysis: ROLLED_BACK.analysis,
      optimizations: ROLLED_BACK.optimizations,
      change: {
        state: "rolled_back",
        config_changes: { max_batch_size: 64 },
        engine_args: ["--max-num-seqs", "64"],
        previous_config: { max_batch_size: 32 },
        restored: true,
      },
      before_run_id: "before",
      after_run_id: "after",
      judgement: { outcome: "regressed", reasons: ["ttft p95 is 40 % worse"] },
      approval: { approved_at: "2024-01-01T00:01:30.000Z", approved_by: "anna" },
      rejection: null,
      error: { code: "WORKFLOW_ERROR", message: "It became worse." },
    });
  });
});

test("what nobody knows of a workflow is null", async () => {
  const bare: Workflow = {
    ...ROLLED_BACK,
    change: { ...ROLLED_BACK.change, previousConfig: undefined, restored: undefined },
    beforeRunId: undefined,
    afterRunId: undefined,
    judgement: undefined,
    approval: undefined,
    rejection: { at: "2024-01-01T00:01:30.000Z", by: "anna", reason: undefined },
    error: undefined,
  };
  await withRoutes({ find: async () => bare }, async (ask) => {
    const { json } = await ask(`/${bare.workflowId}`);
    assert.deepEqual([json.change.previous_config, json.change.restored], [null, null]);
    assert.deepEqual([json.before_run_id, json.after_run_id, json.judgement], [null, null, null]);
    assert.deepEqual([json.approval, json.error, json.rejection.reason], [null, null, null]);
    assert.deepEqual(workflowAnswer.strict().parse(json), json);
  });
});

const START = { instance_id: "vllm-1", instance_type: "vllm" };
const request = { instanceId: "vllm-1", instanceType: "vllm", type: "optimization", autoApprove: false };
const form = { "content-type": "application/x-www-form-urlencoded" };

const TAKEN: readonly (readonly [
  path: string,
  options: Parameters<typeof send>[1],
  asked: Asked,
  why: string,
])[] = [
  ["", { body: START }, ["start", request], "[217] optimization and no approval beforehand unless said"],
  [
    "",
    { body: { ...START, workflow_type: "Analysis", instance_type: "VLLM", auto_approve: true } },
    ["start", { ...request, type: "analysis", autoApprove: true }],
    "[217] words in any case",
  ],
  [
    "",
    { body: "instance_id=vllm-1&instance_type=vllm&auto_approve=True", headers: form },
    ["start", { ...request, autoApprove: true }],
    "[216] a form",
  ],
  [
    "",
    { body: "instance_id=vllm-1&instance_type=vllm&auto_approve=false", headers: form },
    ["start", request],
    "[216] a form's false is no leave",
  ],
  [
    "?instance_id=vllm-1&instance_type=tgi&auto_approve=0",
    { body: { instance_type: "vllm" } },
    ["start", request],
    "the query, and the body before it",
  ],
  ["", {}, ["list", {}, 50], "[226] fifty unless told otherwise"],
  ["?limit=500", {}, ["list", {}, 500], "[226] no more than 500"],
  ["?status=in_progress", {}, ["list", { status: "IN_PROGRESS" }, 50], "[224] a status in any case"],
  [
    "?instance_id=vllm-1&limit=1",
    {},
    ["list", { instanceId: "vllm-1" }, 1],
    "[225] [226] one of an instance's",
  ],
  ["/wf-1/approve", { method: "POST" }, ["approve", "wf-1", "operator"], "[227] approved without a body"],
  ["/wf-1/approve", { body: { approved_by: " anna " } }, ["approve", "wf-1", "anna"], "by a name"],
  ["/wf-1/approve?approved_by=anna", { method: "POST" }, ["approve", "wf-1", "anna"], "in the query"],
  [
    "/wf-1/reject",
    { method: "POST" },
    ["reject", "wf-1", "operator", undefined],
    "[230] rejected without a body",
  ],
  [
    "/wf-1/reject",
    { body: { reason: "Risk too high" } },
    ["reject", "wf-1", "operator", "Risk too high"],
    "[229] for a reason",
  ],
  ["/wf-1/reject", { body: { reason: null } }, ["reject", "wf-1", "operator", undefined], "or for none"],
  [
    "/wf-1/reject",
    { body: { reason: "x".repeat(2000), rejected_by: "anna" } },
    ["reject", "wf-1", "anna", "x".repeat(2000)],
    "a long one",
  ],
];

for (const [path, options, expected, why] of TAKEN) {
  test(`${why}: ${expected[0]}`, async () => {
    const workflows = noting();
    await withRoutes(workflows, async (ask) => {
      const { status, text } = await ask(path, options);
      assert.ok(status < 300, text);
      assert.deepEqual(workflows.asked, [expected]);
    });
  });
}

const REFUSED: readonly (readonly [
  path: string,
  options: Parameters<typeof send>[1],
  fields: readonly string[],
  why: string,
])[] = [
  ["", { method: "POST" }, ["instance_id", "instance_type"], "an instance is needed"],
  ["", { body: { ...START, instance_id: "" } }, ["instance_id"], "with an id"],
  ["", { body: { ...START, instance_id: "x".repeat(201) } }, ["instance_id"], "that is no book"],
  ["", { body: { ...START, instance_id: {} } }, ["instance_id"], "but a text"],
  ["", { body: { ...START, auto_approve: "perhaps" } }, ["auto_approve"], "leave is given or not"],
  ["", { body: { ...START, auto_approve: null } }, ["auto_approve"], "and nothing is not leave"],
  ["", { body: "[1]", headers: { "content-type": "application/json" } }, ["body"], "a list is no request"],
  [
    "",
    { body: "{...}", headers: { "content-type": "application/json" } },
    ["body"],
    "nor is what is no JSON",
  ],
  ["?limit=0", {}, ["limit"], "[226] a list has one entry or more"],
  ["?limit=501", {}, ["limit"], "[226] and 500 or fewer"],
  ["?limit=10x", {}, ["limit"], "[226] and what is no number is none"],
  ["?instance_id=a&instance_id=b", {}, ["instance_id"], "two instances are not one"],
  ["/wf-1/approve", { body: { approved_by: " " } }, ["approved_by"], "somebody approves"],
  ["/wf-1/approve", { body: { approved_by: "x".repeat(201) } }, ["approved_by"], "somebody with a name"],
  ["/wf-1/approve?approved_by=a&approved_by=b", { method: "POST" }, ["approved_by"], "and only one"],
  [
    "/wf-1/reject",
    { body: { reason: "x".repeat(2001), rejected_by: 7 } },
    ["reason", "rejected_by"],
    "a reason is no book, and all mistakes are told at once",
  ],
];

for (const [path, options, fields, why] of REFUSED) {
  test(`[A-237] ${why}: ${options?.method ?? ""} ${path || "/"} is refused`, async () => {
    const workflows = noting();
    await withRoutes(workflows, async (ask) => {
      const { status, json } = await ask(path, options);
      assert.deepEqual([status, json.error.code], [400, "VALIDATION_ERROR"]);
      // Where one of them is of a closed set the list is a level deeper.
      const mistakes: { field: string }[] = json.error.details.mistakes ?? json.error.details;
      assert.deepEqual(
        mistakes.map(({ field }) => field),
        fields,
      );
      assert.deepEqual(workflows.asked, []);
    });
  });
}

test("[A-217] [A-224] [A-236] words that are none of a closed set are told with those that are", async () => {
  await withRoutes(noting(), async (ask) => {
    for (const [path, body, field, allowed] of [
      ["", { ...START, instance_type: "ollama" }, "instance_type", ["vllm", "tgi", "sglang"]],
      ["", { ...START, workflow_type: "magic" }, "workflow_type", ["optimization", "analysis"]],
      ["?status=RUNNING", undefined, "status", WORKFLOW_STATUSES],
    ] as const) {
      const { status, json } = await ask(path, body && { body });
      assert.deepEqual([status, json.error.code], [400, "VALIDATION_ERROR"]);
      assert.equal(json.error.message, `Invalid ${field}`);
      assert.deepEqual([json.error.details.field, json.error.details.allowed_values], [field, allowed]);
    }
  });
});

test("[A-221] [A-232] statuses and stages are those of the reference, and no others", () => {
  assert.deepEqual(WORKFLOW_STATUSES, [
    "PENDING_APPROVAL",
    "APPROVED",
    "REJECTED",
    "IN_PROGRESS",
    "COMPLETED",
    "FAILED",
    "ROLLED_BACK",
  ]);
  assert.ok(STAGES.includes("ANALYSIS") && STAGES.includes("CANARY"));
});

test("[A-241] what cannot be stored is 500, and says nothing of the inside", async () => {
  const cause = new DatabaseError("The workflow could not be stored: the disk is full.", {
    cause: new Error("inside"),
  });
  const start = () => Promise.reject(new ApiError("WORKFLOW_ERROR", cause.message, { cause }));
  const failing = () => Promise.reject(cause);
  await withRoutes({ start, find: failing, list: failing }, async (ask) => {
    const answers = [await ask("", { body: START }), await ask("/wf-1"), await ask("")];
    assert.deepEqual(
      answers.map(({ status, json }) => [status, json.error.code]),
      [
        [500, "WORKFLOW_ERROR"],
        [500, "DATABASE_ERROR"],
        [500, "DATABASE_ERROR"],
      ],
    );
    for (const { text } of answers) assert.doesNotMatch(text, /inside/);
  });
});

test("[A-167] with API_KEY set deciding needs the key, and looking does not", async () => {
  const loadTests = { workflows: noting(), agentConfig: {} } as never;
  const platform = await startPlatform({ loadTests, apiKey: "your-secret-key" });
  const url = `${platform.url}/api/v1/workflows`;
  try {
    for (const path of ["", "/wf-1/approve", "/wf-1/reject"]) {
      const without = await send(url + path, { body: START });
      assert.deepEqual([without.status, without.json.error.code], [401, "UNAUTHORIZED"], path);
      const withKey = await send(url + path, { body: START, headers: { "x-api-key": "your-secret-key" } });
      assert.ok(withKey.status < 300, withKey.text);
    }
    assert.equal((await send(url)).status, 200);
    assert.equal((await send(`${url}/wf-1`)).status, 404);
  } finally {
    await platform.close();
  }
});
