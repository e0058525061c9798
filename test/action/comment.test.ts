/** The one comment on the pull request: where it goes, whose it is, and what happens when it cannot. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type ScriptedServer, startScriptedServer } from "../../src/scripted-server.ts";
import { type FakeGitHub, type FakeGitHubOptions, startFakeGitHub } from "../support/fake-github.ts";
import { type ActionRun, runAction } from "../support/fake-runner.ts";

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

const writes = ({ calls }: FakeGitHub) =>
  calls.filter((call) => /^(POST|PATCH|DELETE) (?!.*graphql)/.test(call));
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

test("a run that belongs to no pull request comments nowhere and still writes the summary", () =>
  comment({ event: { ref: "refs/heads/main" } }, (github, run) => {
    assert.equal(run.exitCode, 0, run.log);
    assert.deepEqual(github.calls, []);
    assert.match(run.summary, /ttft_p95/);
    assert.equal(warnings(run).length, 0);
  }));

test("pr-number says which pull request where the event does not", () =>
  comment({ event: {}, inputs: { "pr-number": "12" } }, (github) => {
    assert.deepEqual(writes(github), ["POST /repos/acme/chat/issues/12/comments 201"]);
  }));

test("comment: off leaves GitHub alone, and summary: false the summary", () =>
  comment({ inputs: { comment: "off", summary: "false" } }, (github, run) => {
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
