/** The one comment on the pull request: where it goes, whose it is, and what happens when it cannot. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type ScriptedServer, startScriptedServer } from "../../src/scripted-server.ts";
import { type FakeGitHub, type FakeGitHubOptions, startFakeGitHub } from "../support/fake-github.ts";
import { type ActionRun, HEAD_SHA, runAction } from "../support/fake-runner.ts";

const MARKER = "<!-- goodput:comment goodput -->";

let target: ScriptedServer;
let failing: ScriptedServer;
before(async () => {
  failing = await startScriptedServer({ fault: () => ({ kind: "status", status: 503 }) });
  target = await startScriptedServer({ chunks: 3 });
});
after(() => Promise.all([target.close(), failing.close()]));

/** A pull request with a run on it; `prepare` says what was there before. */
async function comment(
  given: {
    readonly github?: FakeGitHubOptions;
    readonly inputs?: Readonly<Record<string, string>>;
    readonly event?: unknown;
    readonly prepare?: (github: FakeGitHub) => void;
  },
  check: (github: FakeGitHub, run: ActionRun) => void | Promise<void>,
): Promise<void> {
  const github = await startFakeGitHub(given.github);
  try {
    given.prepare?.(github);
    const inputs = {
      url: target.url,
      requests: "100",
      model: "m",
      slo: "ttft_p95 < 5s\nerror_rate < 5%",
      ...given.inputs,
    };
    const run = await runAction({ inputs, event: given.event, apiUrl: github.apiUrl });
    await check(github, run);
  } finally {
    await github.close();
  }
}

/** Of comments; a check run is written beside them. */
const writes = ({ calls }: FakeGitHub) =>
  calls.filter((call) => /^(POST|PATCH|DELETE) .*comments/.test(call));
const warnings = ({ commands }: ActionRun) => commands.filter(({ name }) => name === "warning");

test("a second run updates its own comment, also when it is beyond the first page", () =>
  comment(
    {
      prepare(github) {
        for (let i = 0; i < 130; i++) github.addComment("reviewer", `remark ${i}`);
        github.addComment("github-actions[bot]", `${MARKER}\r\nwhat it said before`);
      },
    },
    (github, run) => {
      assert.equal(run.exitCode, 0, run.log);
      assert.equal(github.comments.length, 131);
      assert.match(github.comments[130]!.body, /ttft_p95/);
      assert.ok(github.comments[130]!.body.startsWith(MARKER));
      assert.deepEqual(writes(github), ["PATCH /repos/acme/chat/issues/comments/1131 200"]);
    },
  ));

test("a marker by another author, or quoted further down, is not taken for the comment", () =>
  comment(
    {
      prepare(github) {
        github.addComment("mallory", `${MARKER}\nlooks official`);
        github.addComment("github-actions[bot]", `> ${MARKER}\nquoted by another workflow`);
      },
    },
    (github) => {
      assert.equal(github.comments.length, 3);
      assert.match(github.comments[0]!.body, /looks official/);
      assert.match(github.comments[1]!.body, /quoted by another workflow/);
      assert.equal(github.comments[2]!.login, "github-actions[bot]");
    },
  ));

test("runs with different comment-id keep different comments", () =>
  comment(
    {
      inputs: { "comment-id": "chat" },
      prepare: (github) => void github.addComment("github-actions[bot]", `${MARKER}\nof the other`),
    },
    (github) => {
      assert.equal(github.comments.length, 2);
      assert.ok(github.comments[1]!.body.startsWith("<!-- goodput:comment chat -->"));
    },
  ));

test("a person's token finds the comment that the person wrote", () =>
  comment(
    {
      github: { identity: "octocat" },
      prepare(github) {
        github.addComment("github-actions[bot]", `${MARKER}\nnot ours`);
        github.addComment("octocat", `${MARKER}\nours`);
      },
    },
    (github) => {
      assert.match(github.comments[0]!.body, /not ours/);
      assert.match(github.comments[1]!.body, /ttft_p95/);
    },
  ));

test("a read-only token costs one warning and nothing else", async () => {
  for (const [service, exitCode] of [
    [target, 0],
    [failing, 1],
  ] as const) {
    await comment({ github: { readOnly: true }, inputs: { url: service.url } }, (github, run) => {
      assert.equal(run.exitCode, exitCode, run.log);
      assert.equal(run.outputs["comment-url"], undefined);
      assert.equal(warnings(run).length, 1);
      assert.match(warnings(run)[0]!.text, /pull-requests: write/);
      assert.match(run.summary, /req\/s/);
      assert.equal(writes(github).length, 1);
    });
  }
});

test("a GitHub that never answers costs one warning and no verdict", () =>
  comment({ github: { silent: true } }, (_, run) => {
    assert.equal(run.exitCode, 0, run.log);
    assert.equal(run.outputs.conclusion, "met");
    assert.equal(warnings(run).length, 1);
  }));

test("a run that belongs to no pull request comments nowhere and still writes summary and check", () =>
  comment({ event: { ref: "refs/heads/main" } }, (github, run) => {
    assert.equal(run.exitCode, 0, run.log);
    assert.ok(!github.calls.some((call) => call.includes("comments")), github.calls.join("\n"));
    assert.equal(github.checks[0]!.head_sha, "f".repeat(40));
    assert.match(run.summary, /ttft_p95/);
    assert.equal(warnings(run).length, 0);
  }));

test("pr-number says which pull request where the event does not", () =>
  comment({ event: {}, inputs: { "pr-number": "12" } }, (github) => {
    assert.deepEqual(writes(github), ["POST /repos/acme/chat/issues/12/comments 201"]);
  }));

test("comment: off and check: off leave GitHub alone, and summary: false the summary", () =>
  comment({ inputs: { comment: "off", check: "off", summary: "false" } }, (github, run) => {
    assert.deepEqual(github.calls, []);
    assert.equal(run.summary, "");
  }));

test("comment: on-failure makes none for success, but never leaves an old failure standing", async () => {
  const inputs = { comment: "on-failure" };
  await comment({ inputs }, (github) => assert.equal(github.comments.length, 0));
  await comment({ inputs: { ...inputs, url: failing.url } }, (github) => {
    assert.match(github.comments[0]!.body, /Goodput: violated/);
  });
  const prepare = (github: FakeGitHub) =>
    void github.addComment("github-actions[bot]", `${MARKER}\nGoodput: violated`);
  await comment({ inputs, prepare }, (github) =>
    assert.doesNotMatch(github.comments[0]!.body, /Goodput: violated/),
  );
});

test("GitHub Enterprise is spoken to below its own path", () =>
  comment({ github: { basePath: "/api/v3" } }, (github, run) => {
    assert.equal(run.exitCode, 0, run.log);
    assert.equal(github.comments.length, 1);
    assert.ok(
      github.calls.every((call) => / \/api\//.test(call)),
      github.calls.join("\n"),
    );
  }));

test("however many levels and objectives there are, the comment stays below GitHub's limit", () =>
  comment(
    {
      inputs: {
        requests: "1",
        warmup: "0",
        concurrency: Array.from({ length: 60 }, (_, i) => i + 1).join(),
        slo: Array.from({ length: 40 }, (_, i) => `ttft_p95 < ${i + 1}s`).join("\n"),
      },
    },
    (github, run) => {
      assert.equal(warnings(run).filter(({ text }) => /comment|pull request/.test(text)).length, 0, run.log);
      assert.ok(github.comments[0]!.body.length <= 60_000, `${github.comments[0]!.body.length}`);
      assert.ok(github.comments[0]!.body.startsWith(MARKER));
    },
  ));

test("the check run says what the comment, the outputs and the exit code say", async () => {
  for (const [service, exitCode, conclusion, title] of [
    [target, 0, "success", /^Objectives met/],
    [failing, 1, "failure", /^Objectives violated/],
  ] as const) {
    await comment({ inputs: { url: service.url } }, (github, run) => {
      assert.equal(run.exitCode, exitCode, run.log);
      const [check, ...others] = github.checks;
      assert.equal(others.length, 0);
      assert.deepEqual(
        [check!.head_sha, check!.status, check!.conclusion],
        [HEAD_SHA, "completed", conclusion],
      );
      assert.match(check!.output!.title, title);
      assert.equal(run.outputs["check-url"], `https://github.test/runs/${check!.id}`);
      // Identity, list, write and look again, and the check's two.
      assert.ok(github.calls.length <= 6, github.calls.join("\n"));
    });
  }
});

test("the check of a step that was killed is closed by the step that cleans up", async () => {
  const github = await startFakeGitHub();
  const slow = await startScriptedServer({ chunks: 3, ttftMs: 60_000 });
  try {
    const run = await runAction({
      inputs: { url: slow.url, requests: "1", warmup: "0", model: "m", slo: "ttft_p95 < 5s" },
      apiUrl: github.apiUrl,
      signalWhen: async () => {
        while (github.checks.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
        return "SIGKILL";
      },
    });
    assert.equal(run.post.exitCode, 0, run.post.log);
    assert.deepEqual(
      github.checks.map(({ status, conclusion }) => [status, conclusion]),
      [["completed", "cancelled"]],
    );
  } finally {
    await github.close();
    await slow.close();
  }
});

test("eight jobs that run at the same time make one comment with eight sections and eight checks", async () => {
  const github = await startFakeGitHub({ latency: { seed: 1, leastMs: 5, mostMs: 40 } });
  const jobs = ["a10", "a100", "cpu", "h100", "l4", "mi300", "t4", "v100"];
  try {
    const runs = await Promise.all(
      jobs.map((section) =>
        runAction({
          inputs: {
            url: target.url,
            requests: "20",
            warmup: "0",
            model: "m",
            slo: "ttft_p50 < 60s",
            section,
          },
          apiUrl: github.apiUrl,
        }),
      ),
    );
    for (const run of runs) assert.deepEqual([warnings(run), run.exitCode], [[], 0], run.log);
    assert.equal(github.comments.length, 1);
    const named = [...github.comments[0]!.body.matchAll(/<summary><b>(\w+)<\/b>: ✅ objectives met/g)];
    assert.deepEqual(
      named.map(([, name]) => name),
      jobs,
    );
    assert.deepEqual(
      github.checks.map(({ name, conclusion }) => `${name} ${conclusion}`).sort(),
      jobs.map((job) => `Goodput (${job}) success`),
    );
    assert.ok(github.calls.length <= 12 * jobs.length, `${github.calls.length} calls`);
  } finally {
    await github.close();
  }
});
