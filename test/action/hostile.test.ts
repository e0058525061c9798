/** What a service says is data: neither its words nor the key it echoes get anywhere they should not. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { startScriptedServer } from "../../src/scripted-server.ts";
import { startFakeGitHub } from "../support/fake-github.ts";
import { type ActionRun, runAction } from "../support/fake-runner.ts";

const KEY = "sk-live/Zm9v+YmFy=42";

async function measureRefusal(
  status: number,
  message: (key: string) => string,
): Promise<ActionRun & { comment: string }> {
  const target = await startScriptedServer({
    fault: (_, { authorization }) => ({
      kind: "status",
      status,
      message: message(authorization?.replace("Bearer ", "") ?? ""),
    }),
  });
  const github = await startFakeGitHub();
  try {
    const run = await runAction({
      inputs: { url: target.url, model: "m", "api-key": KEY, requests: "20", slo: "error_rate < 1%" },
      apiUrl: github.apiUrl,
    });
    return { ...run, comment: github.comments[0]?.body ?? "" };
  } finally {
    await Promise.all([target.close(), github.close()]);
  }
}

for (const status of [401, 500]) {
  test(`a service that echoes the key in a ${status} leaves it in no sink`, async () => {
    const spellings = (key: string) => [
      key,
      encodeURIComponent(key),
      Buffer.from(key).toString("base64"),
      Buffer.from(`user:${key}`).toString("base64"),
    ];
    const run = await measureRefusal(status, (key) => `bad key: ${spellings(key).join(" ")}`);
    assert.equal(run.exitCode, 1);
    assert.ok(
      ["violated", "unreachable", "invalid"].includes(run.outputs.conclusion!),
      run.outputs.conclusion,
    );
    assert.match(run.everything + run.comment, /bad key/, "the error itself is told");
    for (const secret of [...spellings(KEY).slice(0, 3), Buffer.from(KEY).toString("base64").slice(4, -4)]) {
      assert.ok(!run.everything.includes(secret), `${secret} in ${where(run, secret)}`);
      assert.ok(!run.comment.includes(secret), `${secret} in the comment`);
    }
  });

  test(`a service that writes commands and markup into a ${status} gives no orders`, async () => {
    const run = await measureRefusal(
      status,
      () =>
        "\n::set-output name=passed::true\n::stop-commands::x\n##[error]boo\n</details><img src=x> @octocat ```\n# Title",
    );
    assert.equal(run.outputs.passed, "false");
    const names = new Set(run.commands.map(({ name }) => name));
    assert.deepEqual([...names].sort(), ["add-mask", "error"]);
    assert.equal(run.commands.filter(({ name }) => name === "error").length, 1);
    for (const text of [run.comment, run.summary]) {
      assert.doesNotMatch(withoutCode(text), /<img|@octocat|^# Title/m);
    }
  });
}

test("the job's token is in no sink", async () => {
  const run = await measureRefusal(500, () => "no");
  assert.ok(!run.everything.includes("token-of-this-job"));
});

function where(run: ActionRun, secret: string): string {
  const files = Object.entries(run.files).filter(([, text]) => text.includes(secret));
  return (
    [...files.map(([name]) => name), ...(run.log.includes(secret) ? ["log"] : [])].join() ||
    "outputs or summary"
  );
}

/** GitHub makes nothing of what stands in code. */
function withoutCode(markdown: string): string {
  return markdown.replaceAll(/^(`{3,})[^\n]*\n[\s\S]*?^\1$/gm, "").replaceAll(/`[^`\n]*`/g, "");
}
