import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { Page } from "playwright-core";
import type { Hook, InstancePlan } from "../../../server/agent/workflows/instance-plan.ts";
import { engineWith } from "../../support/agent-api.ts";
import { skip } from "../../support/browser.ts";
import { HOSTILE, withPage } from "../../support/dashboard-page.ts";
import { readingOf, watched } from "../../support/instance-readings.ts";
import type { RunBench } from "../../support/run-bench.ts";
import { send } from "../../support/server.ts";
import {
  momentOf,
  stage,
  standInForWorkflows,
  type WorkflowAnswer,
  workflowAnswer,
} from "../../support/workflow-answers.ts";

/** Twenty wait: the rules advise to double the batch. */
const CROWDED =
  "vllm:num_requests_running 8\nvllm:num_requests_waiting 20\nvllm:generation_tokens_total 1000000\n";

const stages = (page: Page) => page.locator(".stages > li");
const words = (page: Page) => page.locator(".stages > li .badge:not(.sign)").allTextContents();

test("a workflow is started from an instance's page, waits for a decision, and ends when it is rejected", {
  skip,
}, async () => {
  await using engine = await engineWith(CROWDED);
  await withPage({}, async (page, { url, agent }) => {
    await page.clock.install();
    const metricsUrl = `${engine.url}/metrics`;
    await agent.history.register({ instanceId: HOSTILE, instanceType: "vllm", metricsUrl }, momentOf(0));
    await agent.history.add(HOSTILE, { at: momentOf(0), metrics: readingOf("vllm") });
    await page.goto(`${url}/#/instance/${encodeURIComponent(HOSTILE)}`);
    await page.getByRole("button", { name: "Start a workflow…" }).click();
    await page.getByRole("button", { name: "Start it" }).click();
    await page.getByRole("heading", { level: 1, name: `Optimization of ${HOSTILE}` }).waitFor();
    await page.getByText("! Advisory: this server does not change the instance").waitFor();
    await page.getByText("Approving changes nothing by itself").waitFor();
    assert.deepEqual(await words(page), [
      "completed",
      "completed",
      "waiting",
      "not begun",
      "not begun",
      "not begun",
      "not begun",
    ]);
    await page.getByRole("region", { name: "Bottlenecks" }).getByText("queue buildup").waitFor();
    const cells = page
      .getByRole("region", { name: "Settings" })
      .locator("tbody tr")
      .first()
      .locator("th, td");
    assert.deepEqual(await cells.allTextContents(), ["max_batch_size", "not known", "→", "64"]);

    await page.getByLabel("Who decides").fill("ann");
    await page.getByLabel("Reason, when it is rejected").fill(HOSTILE);
    const asked = page.waitForResponse(/api\/v1\/workflows\/wf-/);
    await page.clock.fastForward(2_000);
    await asked;
    assert.equal(
      await page.getByLabel("Who decides").inputValue(),
      "ann",
      "what is typed outlives a refresh",
    );
    await page.getByRole("button", { name: "Reject" }).click();
    await page.getByText("■ rejected").waitFor();
    await page.getByText("Nothing was changed on the instance").waitFor();
    const told = await page.locator(".facts dd").allTextContents();
    assert.deepEqual([told[0], told[2]], ["ann", HOSTILE]);
    assert.equal(await page.getByRole("button", { name: "Approve" }).count(), 0);
    assert.equal(await page.locator("main img, main script").count(), 0);
    assert.notEqual(await page.title(), "taken");
  });
});

test("an approved workflow changes the instance, is measured before and after, and is followed to its end", {
  skip,
}, async () => {
  await using engine = await engineWith(CROWDED);
  const plans = async (bench: RunBench) => [await planOf(bench, `${engine.url}/metrics`)];
  await withPage(
    { ttftMs: 5, gapMs: 1 },
    async (page, { url, dataDir }) => {
      await page.goto(url);
      const { json } = await send(`${url}/api/v1/workflows`, {
        body: { instance_id: "vllm-1", instance_type: "vllm" },
      });
      await page.goto(`${url}/#/workflows`);
      await page.getByText("◌ pending approval").waitFor();
      await page.getByRole("region", { name: "Workflows, the newest first" }).locator("tbody th a").click();
      await page.getByText("Once approved, the instance is measured").waitFor();
      await page.getByLabel("Who decides").fill("ann");
      await page.getByRole("button", { name: "Approve" }).click();
      await page.getByText("✓ completed").first().waitFor();
      await page.getByText("✓ The change is on the instance.").waitFor();
      assert.deepEqual(await words(page), [
        "completed",
        "completed",
        "completed",
        "completed",
        "completed",
        "skipped",
        "completed",
      ]);
      const cells = page
        .getByRole("region", { name: "Settings" })
        .locator("tbody tr")
        .first()
        .locator("th, td");
      assert.deepEqual(await cells.allTextContents(), ["max_batch_size", "32", "→", "64"]);
      assert.equal(await readFile(join(dataDir, "config.json"), "utf8"), '{"max_batch_size":64}');
      assert.ok((await page.locator(".reasons li").count()) > 0, "the judgement's sentences");

      const run = await page.getByRole("link", { name: "Load test before" }).getAttribute("href");
      await page.getByRole("link", { name: "Compare the two" }).click();
      await page.getByRole("heading", { name: "B against A" }).waitFor();
      await page.goto(`${url}/${run}`);
      await page.getByRole("region", { name: "What each level measured" }).waitFor();
      await page.goto(`${url}/#/workflow/${json.workflow_id}`);
      await page.getByText("Approved by", { exact: true }).waitFor();
      await page.getByText("ann", { exact: true }).waitFor();
    },
    { plans },
  );
});

test("what somebody else decided meanwhile is told, and a decision wants the key", { skip }, async () => {
  await using engine = await engineWith(CROWDED);
  const plans = async (bench: RunBench) => [await planOf(bench, `${engine.url}/metrics`)];
  await withPage(
    {},
    async (page, { url }) => {
      const headers = { "x-api-key": "right" };
      const body = { instance_id: "vllm-1", instance_type: "vllm" };
      const { json } = await send(`${url}/api/v1/workflows`, { body, headers });
      const path = `${url}/api/v1/workflows/${json.workflow_id}`;
      await page.clock.install();
      await page.goto(`${url}/#/workflow/${json.workflow_id}`);
      await page.getByRole("button", { name: "Approve" }).waitFor();
      await send(`${path}/reject`, { body: {}, headers });
      await page.getByRole("button", { name: "Approve" }).click();
      await page.getByLabel("Key", { exact: true }).fill("right");
      await page.getByRole("button", { name: "Use this key" }).click();
      await page
        .getByRole("alert")
        .getByText(/REJECTED/)
        .waitFor();
      await page.clock.fastForward(2_000);
      await page.getByText("■ rejected").waitFor();
    },
    { plans, apiKey: "right", refused: /status of (401|409)/ },
  );
});

const CHANGE = workflowAnswer().change;
const OVER = { approval: { approved_at: momentOf(3), approved_by: "ann" } };
const ROLLED_BACK = {
  ...OVER,
  status: "ROLLED_BACK",
  error: { code: "WORKFLOW_ERROR", message: "The change made it worse." },
};
for (const { why, changes, says } of [
  {
    why: "rolled back, and the instance tells its previous configuration again",
    changes: {
      ...ROLLED_BACK,
      change: { ...CHANGE, state: "rolled_back", restored: true },
      judgement: { outcome: "regressed", reasons: ["TTFT p95 became 38 % worse."] },
      before_run_id: "a",
      after_run_id: "b",
    },
    says: [
      "↺ rolled back",
      "✕ The change made it worse. WORKFLOW_ERROR",
      "✓ The previous configuration is back: the instance tells the same as before.",
      "▼ worse",
      "TTFT p95 became 38 % worse.",
      "Compare the two",
    ],
  },
  {
    why: "rolled back, but the instance tells another configuration",
    changes: { ...ROLLED_BACK, change: { ...CHANGE, state: "rolled_back", restored: false } },
    says: ["✕ It was rolled back, but the instance does not tell the same configuration as before"],
  },
  {
    why: "rolled back, and nobody can tell what the configuration is",
    changes: { ...ROLLED_BACK, change: { ...CHANGE, state: "rolled_back", restored: null } },
    says: ["? It was rolled back; whether the previous configuration is back, nobody could tell."],
  },
  {
    why: "failed, and its rollback too",
    changes: { ...ROLLED_BACK, status: "FAILED", change: { ...CHANGE, state: "rollback_failed" } },
    says: ["✕ failed", "✕ The rollback failed", "by hand"],
  },
  {
    why: "approved by nobody",
    changes: {
      status: "COMPLETED",
      approval: { approved_at: momentOf(3), approved_by: "auto_approve" },
      change: { ...CHANGE, state: "applied" },
      judgement: { outcome: "better", reasons: ["Throughput rose by 40 %."] },
      before_run_id: "a",
    },
    says: ["nobody: approved at once, as asked for", "▲ better", "✓ The change is on the instance."],
  },
  {
    why: "without metrics",
    changes: {
      analysis: { source: "none", reason: "nobody listens at its address.", bottlenecks: [] },
      optimizations: [],
      change: { ...CHANGE, config_changes: {}, engine_args: [] },
    },
    says: [
      "! There were no metrics to look at: nobody listens at its address.",
      "Nothing is to be set differently.",
    ],
  },
]) {
  test(`a workflow's page says so where it is ${why}`, { skip }, () =>
    withWorkflows([workflowAnswer(changes)], async (page, { open }) => {
      await open();
      for (const text of says) await page.locator("main").getByText(text).first().waitFor();
    }),
  );
}

test("a page that is open follows a workflow every two seconds, and stops when it is over", { skip }, () =>
  withWorkflows(
    [
      workflowAnswer({
        status: "IN_PROGRESS",
        ...OVER,
        current_stage: "CANARY",
        stages: [stage("CANARY", "IN_PROGRESS", 3, "The load test before runs.", 0.42)],
      }),
    ],
    async (page, { open, workflows, asked }) => {
      await page.clock.install();
      await open();
      const bar = page.getByRole("progressbar", { name: "Progress of canary" });
      assert.equal(await bar.getAttribute("value"), "0.42");
      assert.equal(await stages(page).nth(3).getAttribute("aria-current"), "step");
      const [id, now] = [...workflows][0]!;
      workflows.set(id, {
        ...now,
        status: "COMPLETED",
        stages: [stage("CANARY", "COMPLETED", 3, "It took 40 s.", 1)],
      });
      await page.clock.fastForward(2_000);
      await page.getByText("It took 40 s.").waitFor();
      assert.equal(await bar.count(), 0);
      const before = asked.length;
      await page.clock.fastForward(60_000);
      // A timer that were still there would have run by now.
      await page.evaluate("fetch('/api/v1/health').then((answer) => answer.json())");
      assert.equal(asked.length, before);
    },
  ),
);

test("what cannot be brought up to date says so until it can", { skip }, () =>
  withWorkflows([workflowAnswer()], async (page, { open, workflows }) => {
    await page.clock.install();
    await open();
    const [[id, now]] = workflows as unknown as [[string, WorkflowAnswer]];
    workflows.delete(id);
    await page.clock.fastForward(2_000);
    await page.getByText("! This page is not up to date: There is no workflow").waitFor();
    workflows.set(id, now);
    await page.clock.fastForward(2_000);
    await page.getByText("This page is not up to date").waitFor({ state: "hidden" });
  }),
);

const STATUSES = {
  PENDING_APPROVAL: "◌ pending approval",
  APPROVED: "✓ approved",
  REJECTED: "■ rejected",
  IN_PROGRESS: "▶ in progress",
  COMPLETED: "✓ completed",
  FAILED: "✕ failed",
  ROLLED_BACK: "↺ rolled back",
};

test("the list has all seven statuses in signs and words, and can be filtered by each", { skip }, () =>
  withWorkflows(
    Object.keys(STATUSES).map((status) =>
      workflowAnswer({ workflow_id: `wf-${status}`, status, instance_id: HOSTILE }),
    ),
    async (page, { url }) => {
      await page.goto(`${url}/#/workflows`);
      const rows = page.getByRole("region", { name: "Workflows" }).locator("tbody tr");
      await rows.nth(6).waitFor();
      assert.deepEqual(await rows.locator(".badge").allTextContents(), Object.values(STATUSES));
      for (const [status, text] of Object.entries(STATUSES)) {
        await page.getByLabel("Status").selectOption(status);
        await page.waitForURL(`**/#/workflows?status=${status}`);
        await rows.first().waitFor();
        assert.deepEqual(await rows.locator(".badge").allTextContents(), [text]);
      }
      await page.goto(`${url}/#/workflows?instance_id=other`);
      await page.getByText("No workflow is like that").waitFor();
      assert.equal(await page.locator("main img").count(), 0);
    },
  ),
);

test("more workflows than a page has are shown when somebody wants them", { skip }, () =>
  withWorkflows(
    Array.from({ length: 60 }, (_, i) => workflowAnswer({ workflow_id: `wf-${i}`, status: "REJECTED" })),
    async (page, { url }) => {
      await page.goto(`${url}/#/workflows`);
      const rows = page.getByRole("region", { name: "Workflows" }).locator("tbody tr");
      await rows.nth(49).waitFor();
      assert.equal(await rows.count(), 50);
      await page.getByRole("link", { name: "Show more" }).click();
      await rows.nth(59).waitFor();
      assert.equal(await page.getByRole("link", { name: "Show more" }).count(), 0);
    },
  ),
);

test("a workflow that does not exist is said plainly", { skip }, () =>
  withPage(
    {},
    async (page, { url }) => {
      await page.goto(`${url}/#/workflow/${encodeURIComponent(HOSTILE)}`);
      await page.getByRole("alert").getByText("There is no workflow").waitFor();
      assert.equal(await page.locator("main img").count(), 0);
    },
    { refused: /status of 404/ },
  ),
);

for (const colorScheme of ["light", "dark"] as const) {
  test(`workflows with long and hostile texts fit a narrow screen, ${colorScheme}`, { skip }, () =>
    withWorkflows(
      ["x".repeat(200), HOSTILE].map((text) =>
        workflowAnswer({
          workflow_id: text,
          instance_id: text,
          error: { code: "WORKFLOW_ERROR", message: text },
          rejection: { rejected_at: momentOf(1), rejected_by: text, reason: text },
          stages: [stage("ANALYSIS", "FAILED", 0, text)],
          judgement: { outcome: "regressed", reasons: [text] },
          change: {
            ...CHANGE,
            config_changes: { [text]: text },
            engine_args: [text],
            previous_config: { a: text },
          },
        }),
      ),
      async (page, { url, workflows }) => {
        await page.emulateMedia({ colorScheme });
        await page.setViewportSize({ width: 360, height: 720 });
        for (const view of [
          "workflows",
          ...[...workflows.keys()].map((id) => `workflow/${encodeURIComponent(id)}`),
        ]) {
          await page.goto(`${url}/#/${view}`);
          await page.locator("main :is(.stages, tbody)").first().waitFor();
          assert.ok(Number(await page.evaluate("document.documentElement.scrollWidth")) <= 360, view);
        }
      },
    ),
  );
}

interface StandIn {
  readonly url: string;
  readonly workflows: Map<string, WorkflowAnswer>;
  /** What was asked of it. */
  readonly asked: readonly string[];
  /** Goes to the page of the first of them. */
  open(): Promise<void>;
}

/** The page with workflows as they are given, of which it takes minutes to make real ones. */
function withWorkflows(
  given: readonly WorkflowAnswer[],
  work: (page: Page, standIn: StandIn) => Promise<void>,
): Promise<void> {
  return withPage(
    {},
    async (page, { url, agent }) => {
      await watched(agent, "vllm-1");
      const workflows = new Map(given.map((one) => [one.workflow_id, one]));
      const { asked } = await standInForWorkflows(page, workflows);
      const open = async () => {
        await page.goto(`${url}/#/workflow/${encodeURIComponent(given[0]!.workflow_id)}`);
        await page.getByRole("heading", { name: "Stages" }).waitFor();
      };
      await work(page, { url, workflows, asked, open });
    },
    { refused: /status of 404/ },
  );
}

/** An instance whose configuration is a file, which hooks copy another one over. */
async function planOf({ dataDir, target }: RunBench, metricsUrl: string): Promise<InstancePlan> {
  const file = async (name: string, config: object) => {
    await writeFile(join(dataDir, name), JSON.stringify(config));
    return join(dataDir, name);
  };
  const config = await file("config.json", { max_batch_size: 32 });
  const previous = await file("previous.json", { max_batch_size: 32 });
  const next = await file("next.json", { max_batch_size: 64 });
  const command = (...argv: string[]): Hook => ({ kind: "command", argv, timeoutMs: 10_000 });
  return {
    instanceId: "vllm-1",
    metricsUrl,
    load: {
      url: target.url,
      model: "scripted",
      concurrency: 2,
      requests: 20,
      warmup: 0,
      "input-tokens": 16,
      "output-tokens": 4,
      "metrics-url": "off",
    },
    // So that no hiccup of a busy machine is taken for a regression.
    maxRegression: 1000,
    apiKey: undefined,
    readyUrl: `${target.url}/v1/models`,
    readyTimeoutMs: 10_000,
    hooks: {
      read: command("cat", config),
      apply: command("cp", next, config),
      rollback: command("cp", previous, config),
      rollout: undefined,
    },
  };
}
