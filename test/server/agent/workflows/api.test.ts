import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { workflowAnswer } from "../../../../server/agent/workflows/schemas.ts";
import { engineWith, type Listening } from "../../../support/agent-api.ts";
import { type Answer, send, startServer, type TestServer, until } from "../../../support/server.ts";

/** Workflows of instances that nobody has told this server how to change: it advises, and people act. */

let server: TestServer;
let engine: Listening;
before(async () => {
  server = await startServer({ model: { kind: "none" } });
  engine = await engineWith(
    ...["vllm-before", "vllm-after"].map((name) =>
      readFileSync(`test/fixtures/metrics/${name}.prom`, "utf8"),
    ),
  );
  const metrics_url = `${engine.url}/metrics`;
  const body = { instance_id: "vllm-1", instance_type: "vllm", metrics_url };
  const collected = await send(`${server.url}/api/v1/metrics/collect`, { body });
  assert.equal(collected.status, 200, collected.text);
});
after(async () => {
  await engine[Symbol.asyncDispose]();
  await server.close();
});

const workflows = (path = "", options?: Parameters<typeof send>[1]) =>
  send(`${server.url}/api/v1/workflows${path}`, options);
const start = async (more: object = {}): Promise<Answer> => {
  const answer = await workflows("", { body: { instance_id: "vllm-1", instance_type: "vllm", ...more } });
  assert.equal(answer.status, 201, answer.text);
  return answer;
};
const decide = (id: string, decision: "approve" | "reject", body?: object) =>
  workflows(`/${id}/${decision}`, { method: "POST", ...(body && { body }) });
const settled = (id: string) =>
  until(
    () => workflows(`/${id}`),
    ({ json }) => ["COMPLETED", "FAILED", "ROLLED_BACK", "REJECTED"].includes(json.status),
  );
const statusesOf = ({ json }: Answer) =>
  json.stages.map(({ name, status }: { name: string; status: string }) => `${name} ${status}`);

const ADVISED = [
  "ANALYSIS COMPLETED",
  "RECOMMENDATION COMPLETED",
  "APPROVAL COMPLETED",
  "CANARY SKIPPED",
  "VALIDATION SKIPPED",
  "ROLLOUT SKIPPED",
  "COMPLETION COMPLETED",
];

test("[A-214] [A-218] [A-219] [A-220] [A-221] a workflow that waits says what for, and what was found", async () => {
  const { json } = await start({ auto_approve: false });
  assert.deepEqual([json.status, json.requires_approval], ["PENDING_APPROVAL", true]);
  const seen = await workflows(`/${json.workflow_id}`);
  assert.equal(seen.status, 200);
  assert.deepEqual(workflowAnswer.strict().parse(seen.json), seen.json);
  assert.equal(seen.json.current_stage, "APPROVAL");
  assert.ok(seen.json.progress >= 0.28 && seen.json.progress < 0.43, String(seen.json.progress));
  assert.deepEqual(statusesOf(seen), [...ADVISED.slice(0, 2), "APPROVAL IN_PROGRESS"]);
  for (const { status, started_at, completed_at } of seen.json.stages) {
    assert.ok(!Number.isNaN(Date.parse(started_at)));
    assert.equal(completed_at !== undefined, status === "COMPLETED");
  }
  assert.equal(seen.json.analysis.source, "metrics");
  assert.ok(seen.json.analysis.bottlenecks.length > 0);
  assert.deepEqual(seen.json.optimizations, json.optimizations);
  assert.deepEqual([seen.json.approval, seen.json.rejection, seen.json.error], [null, null, null]);
});

test("[A-227] [A-228] without hooks an approved workflow completes as advice, and changes nothing", async () => {
  const { workflow_id: id } = (await start()).json;
  const approved = await decide(id, "approve", { approved_by: "anna" });
  assert.equal(approved.status, 200, approved.text);
  assert.deepEqual(Object.keys(approved.json), ["workflow_id", "status", "approved_at", "approved_by"]);
  assert.deepEqual([approved.json.status, approved.json.approved_by], ["APPROVED", "anna"]);
  const ended = await settled(id);
  const { status, mode, progress, current_stage, change, judgement, stages } = ended.json;
  assert.deepEqual([status, mode, progress, current_stage], ["COMPLETED", "advisory", 1, "COMPLETION"]);
  assert.deepEqual(statusesOf(ended), ADVISED);
  assert.deepEqual([change.state, judgement], ["not_applied", null]);
  assert.ok(Object.keys(change.config_changes).length > 0, "what to set is told");
  for (const stage of stages)
    if (stage.status === "SKIPPED") assert.ok(stage.message.length > 10, stage.name);
});

test("[A-216] auto_approve needs nobody's approval", async () => {
  const { json } = await start({ auto_approve: true });
  assert.equal(json.requires_approval, false);
  assert.ok(["APPROVED", "IN_PROGRESS", "COMPLETED"].includes(json.status), json.status);
  const ended = await settled(json.workflow_id);
  assert.deepEqual([ended.json.status, ended.json.approval.approved_by], ["COMPLETED", "auto_approve"]);
  assert.equal((await decide(json.workflow_id, "approve")).status, 409);
});

test("[A-217] an analysis has nothing to approve, and is complete as soon as it is there", async () => {
  const { json } = await start({ workflow_type: "analysis" });
  assert.deepEqual([json.status, json.requires_approval], ["COMPLETED", false]);
  assert.ok(json.analysis.bottlenecks.length > 0);
  const { json: seen } = await workflows(`/${json.workflow_id}`);
  assert.deepEqual([seen.workflow_type, seen.progress], ["analysis", 1]);
});

test("[A-229] [A-230] a rejected workflow ends, with a reason or without", async () => {
  const reason = "Risk too high for production";
  for (const [body, expected] of [
    [{ reason }, reason],
    [undefined, null],
  ] as const) {
    const { workflow_id: id } = (await start()).json;
    const { status, json } = await decide(id, "reject", body);
    const { rejected_at, ...rest } = json;
    assert.equal(status, 200);
    assert.ok(!Number.isNaN(Date.parse(rejected_at)));
    assert.deepEqual(rest, {
      workflow_id: id,
      status: "REJECTED",
      rejected_by: "operator",
      reason: expected,
    });
    const seen = (await workflows(`/${id}`)).json;
    assert.deepEqual([seen.status, seen.rejection.reason, seen.approval], ["REJECTED", expected, null]);
    assert.ok(seen.progress < 1);
  }
});

test("[A-231] what is decided stays decided, and is as it was", async () => {
  const rejected = (await start()).json.workflow_id;
  await decide(rejected, "reject", { reason: "no" });
  const completed = (await start()).json.workflow_id;
  await decide(completed, "approve");
  await settled(completed);
  for (const id of [rejected, completed]) {
    const before = await workflows(`/${id}`);
    for (const decision of ["approve", "reject"] as const) {
      const { status, json } = await decide(id, decision);
      assert.deepEqual([status, json.error.code], [409, "INVALID_STATE"]);
    }
    assert.deepEqual((await workflows(`/${id}`)).json, before.json);
  }
});

test("[A-231] of many who decide at the same time one does", async () => {
  const { workflow_id: id } = (await start()).json;
  const answers = await Promise.all(
    Array.from({ length: 10 }, (_, index) => decide(id, index % 2 === 0 ? "approve" : "reject")),
  );
  const statuses = answers.map(({ status }) => status).toSorted();
  assert.deepEqual(statuses, [200, ...Array<number>(9).fill(409)]);
  const winner = answers.find(({ status }) => status === 200)!;
  const { status } = (await settled(id)).json;
  assert.equal(status === "REJECTED", winner.json.status === "REJECTED");
});

test("[A-223] [A-224] [A-225] [A-226] workflows are listed, the newest first, by status and instance", async () => {
  const ids: string[] = [];
  for (const instance_id of ["list-1", "list-2", "list-1"]) {
    ids.unshift((await start({ instance_id })).json.workflow_id);
  }
  await decide(ids[2]!, "reject");
  const listed = async (query: string) => {
    const { status, json } = await workflows(query);
    assert.equal(status, 200);
    return json.map(({ workflow_id }: { workflow_id: string }) => workflow_id);
  };
  const all = await workflows();
  assert.ok(Array.isArray(all.json));
  for (const key of ["workflow_id", "status", "instance_id", "created_at"])
    assert.ok(key in all.json[0], key);
  assert.deepEqual((await listed("")).slice(0, 3), ids);
  assert.deepEqual(await listed("?limit=2"), ids.slice(0, 2));
  assert.deepEqual(await listed("?instance_id=list-1"), [ids[0], ids[2]]);
  assert.deepEqual(await listed("?instance_id=list-1&status=rejected"), [ids[2]]);
  assert.deepEqual(await listed("?instance_id=list-1&status=PENDING_APPROVAL&limit=1"), [ids[0]]);
  for (const odd of ["nobody", "%00", "%27%20or%201=1%20--", "%25"]) {
    assert.deepEqual(await listed(`?instance_id=${odd}`), [], odd);
  }
});

test("[A-222] [A-238] ids that nobody knows are 404, whatever they look like", async () => {
  for (const id of [
    "wf-123",
    "wf-123e4567-e89b-12d3-a456-426614174000",
    "%00",
    "wf-%00",
    "'",
    "%27%20or%201%3D1%20--",
    "%22",
    "wf-..%2F..",
    "..%2F..%2Fetc",
    "%7Bworkflow_id%7D",
    "%E0%A4%A",
    "__proto__",
    "x".repeat(10_000),
  ]) {
    for (const [method, path] of [
      ["GET", `/${id}`],
      ["POST", `/${id}/approve`],
      ["POST", `/${id}/reject`],
    ] as const) {
      const { status, json } = await workflows(path, { method });
      assert.deepEqual([status, json.error.code], [404, "NOT_FOUND"], `${method} ${path.slice(0, 50)}`);
      assert.ok(json.error.message.length < 300);
    }
  }
});

test("an instance may be called anything, and comes back as it was called", async () => {
  for (const instance_id of ["a/b?c=d", "'; drop table workflows; --", "\u{1f600} ünï", "<script>", "%00"]) {
    const { json } = await start({ instance_id });
    assert.equal(json.instance_id, instance_id);
    assert.equal(json.analysis.source, "none");
    assert.ok(json.analysis.reason.length > 10);
    const listed = await workflows(`?instance_id=${encodeURIComponent(instance_id)}`);
    assert.deepEqual(
      listed.json.map(({ workflow_id }: { workflow_id: string }) => workflow_id),
      [json.workflow_id],
    );
  }
  assert.equal((await start({ instance_id: "nul\0" })).status, 201);
});
