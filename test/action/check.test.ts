/** The check run on the commit that was measured: opened before the load, completed with the verdict. */
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, beforeEach, test } from "node:test";
import { context } from "@actions/github";
import { type Ending, type EndingConclusion, fails, measuredEnding } from "../../action/ending.ts";
import type { Inputs } from "../../action/inputs.ts";
import type { Pace } from "../../action/retry.ts";
import { actionInputs } from "../support/action-inputs.ts";
import { type FakeGitHub, type FakeGitHubOptions, startFakeGitHub } from "../support/fake-github.ts";
import { planOf, record, times } from "../support/records.ts";
import { resultOf } from "../support/results.ts";

const folder = await mkdtemp(join(tmpdir(), "goodput-check-"));
after(() => rm(folder, { recursive: true, force: true }));
const state = join(folder, "state");
process.env.GITHUB_STATE = state;
process.env.GITHUB_REPOSITORY = "acme/chat";
process.env.GITHUB_SERVER_URL = "https://github.test";
process.env.GITHUB_WORKFLOW_REF = "acme/chat/.github/workflows/load.yml@refs/heads/main";

const { openCheck } = await import("../../action/check.ts");
const { closeLeftOpenCheck } = await import("../../action/post.ts");

const SHA = "1234567890abcdef1234567890abcdef12345678";
const pace: Pace = { nowMs: () => 0, wait: async () => {}, random: () => 0.5 };
/** Carried out, and then so slow that nobody hears of it. */
const LOST = { status: 429, applied: true, headers: { "retry-after": "60" } };
const deadline = new AbortController().signal;

beforeEach(async () => {
  await writeFile(state, "");
  context.payload = { pull_request: { number: 7, head: { sha: SHA } } };
  context.sha = "f".repeat(40);
  context.runId = 100;
  context.runAttempt = 1;
});

const stopped = (conclusion: EndingConclusion): Ending => ({
  kind: "stopped",
  conclusion,
  reasons: ["because"],
});

/** A hundred requests with a first token after 50 ms. */
function measured(slo: readonly string[]): Ending {
  const result = resultOf(
    planOf({ slo, requests: 100 }),
    times(100, (index) => record(index)),
  );
  return measuredEnding({ ...result, valid: true, findings: [] }, 0.1, {
    result: "result.json",
    html: "report.html",
  });
}

interface Checked {
  readonly github: FakeGitHub;
  /** What was said to people, in order. */
  readonly printed: readonly string[];
  readonly url: string | undefined;
}

async function checking(
  given: { readonly github?: FakeGitHubOptions; readonly inputs?: Partial<Inputs>; readonly ending?: Ending },
  look: (checked: Checked) => void | Promise<void>,
): Promise<void> {
  const github = await startFakeGitHub(given.github);
  process.env.GITHUB_API_URL = github.apiUrl;
  const inputs = actionInputs(given.inputs);
  const printed: string[] = [];
  try {
    const url = await quietly(printed, async () => {
      const check = await openCheck(inputs, deadline, pace);
      const { ending } = given;
      return ending && (await check?.complete(ending, fails(ending, inputs.failOn), deadline));
    });
    await look({ github, printed, url });
  } finally {
    await github.close();
  }
}

/** What the Action says to the runner would be read as said by the tests. */
async function quietly<T>(printed: string[], act: () => Promise<T>): Promise<T> {
  const write = process.stdout.write.bind(process.stdout);
  process.stdout.write = (text: string | Uint8Array) => {
    // What the test runner writes is binary.
    if (typeof text !== "string") return write(text);
    if (text.trim() !== "") printed.push(text.trim());
    return true;
  };
  try {
    return await act();
  } finally {
    process.stdout.write = write;
  }
}

test("a check is in progress on the pull request's own commit while the load runs", () =>
  checking({}, ({ github, printed }) => {
    const [check] = github.checks;
    assert.equal(check!.status, "in_progress");
    assert.equal(check!.head_sha, SHA);
    assert.equal(check!.name, "Goodput (load-test)");
    assert.deepEqual(printed, []);
  }));

for (const [payload, sha, why] of [
  [{}, "f".repeat(40), "a push has no other"],
  [{ workflow_run: { head_sha: SHA } }, SHA, "a workflow_run itself runs on the default branch"],
  [
    { issue: { number: 9, pull_request: {} } },
    "9".repeat(40),
    "a comment's event runs on the default branch",
  ],
] as const) {
  test(`the commit is ${sha.slice(0, 8)} for ${JSON.stringify(payload)}: ${why}`, () => {
    context.payload = payload as typeof context.payload;
    const pulls = [{ number: 9, label: "acme:fix", sha: "9".repeat(40) }];
    return checking({ github: { pulls } }, ({ github }) => assert.equal(github.checks[0]!.head_sha, sha));
  });
}

for (const [ending, failOn, conclusion, title] of [
  [measured(["ttft_p95 < 1s"]), ["slo"], "success", /^Objectives met/],
  [measured(["ttft_p95 < 10ms"]), ["slo"], "failure", /^Objectives violated: .*ttft_p95 < 10ms, was 50 ms$/],
  [measured(["ttft_p95 < 10ms"]), [], "neutral", /^Objectives violated/],
  [measured([]), ["slo"], "neutral", /^Measured/],
  [measured(["ttft_p99.9 < 1s"]), ["slo"], "neutral", /^Inconclusive/],
  [measured(["ttft_p99.9 < 1s"]), ["inconclusive"], "failure", /^Inconclusive/],
  [stopped("skipped"), ["slo", "error"], "neutral", /^Skipped: because$/],
  [stopped("unreachable"), ["error"], "failure", /because$/],
  [stopped("unreachable"), [], "neutral", /because$/],
  [stopped("config"), [], "failure", /^Mistakes in the inputs/],
  [stopped("cancelled"), ["slo"], "cancelled", /^Cancelled/],
] as const) {
  test(`${ending.conclusion} with fail-on ${failOn.join() || "none"} is ${conclusion} to the check`, () =>
    checking({ ending, inputs: { failOn: new Set(failOn) } }, ({ github, url, printed }) => {
      const [check, ...others] = github.checks;
      assert.equal(others.length, 0);
      assert.deepEqual([check!.status, check!.conclusion], ["completed", conclusion]);
      assert.match(check!.output!.title, title);
      assert.match(check!.output!.summary, /Goodput/);
      assert.equal(url, `https://github.test/runs/${check!.id}`);
      assert.deepEqual(printed, []);
    }));
}

test("violated objectives are annotations at the workflow, or at the config file that states them", async () => {
  const ending = measured(["ttft_p95 < 10ms", "e2e_p95 < 20ms", "error_rate < 5%"]);
  for (const [config, path] of [
    ["", ".github/workflows/load.yml"],
    ["./load/chat.yml", "load/chat.yml"],
    ["/etc/chat.yml", ".github/workflows/load.yml"],
    ["load/../../chat.yml", ".github/workflows/load.yml"],
  ] as const) {
    await checking({ ending, inputs: { config } }, ({ github }) => {
      const annotations = github.checks[0]!.output!.annotations!;
      assert.deepEqual(
        annotations.map((one) => [one.path, one.annotation_level, /ttft_p95|e2e_p95/.exec(one.message)?.[0]]),
        [
          [path, "failure", "ttft_p95"],
          [path, "failure", "e2e_p95"],
        ],
      );
    });
  }
});

test("another repository's workflow is no path here, and without one there are no annotations", async () => {
  const before = process.env.GITHUB_WORKFLOW_REF;
  process.env.GITHUB_WORKFLOW_REF = "acme/workflows/.github/workflows/load.yml@v1";
  await checking({ ending: measured(["ttft_p95 < 10ms"]) }, ({ github }) =>
    assert.deepEqual(github.checks[0]!.output!.annotations, []),
  );
  process.env.GITHUB_WORKFLOW_REF = before;
});

test("of more objectives than GitHub takes annotations the first are told", () =>
  checking(
    { ending: measured(Array.from({ length: 60 }, (_, i) => `ttft_p95 < ${i / 10 + 1}ms`)) },
    ({ github }) => {
      assert.equal(github.checks[0]!.conclusion, "failure");
      assert.equal(github.checks[0]!.output!.annotations!.length, 50);
    },
  ));

test("a summary of many-byte characters keeps below GitHub's limit, which is in bytes", () => {
  const reasons = Array.from({ length: 40 }, () => "大".repeat(1_500));
  return checking({ ending: { kind: "stopped", conclusion: "config", reasons } }, ({ github, printed }) => {
    assert.deepEqual(printed, []);
    assert.equal(github.checks[0]!.conclusion, "failure");
    assert.ok(Buffer.byteLength(github.checks[0]!.output!.summary) <= 65_535);
  });
});

for (const [what, options] of [
  ["a read-only token", { readOnly: true }],
  ["a token without the permission", { noChecks: true }],
] as const) {
  test(`${what} is nothing to speak of with check: auto, and a warning with check: on`, async () => {
    const ending = measured(["ttft_p95 < 1s"]);
    await checking({ github: options, ending }, ({ github, printed, url }) => {
      assert.deepEqual(printed, []);
      assert.equal(url, undefined);
      assert.equal(github.calls.length, 1);
    });
    await checking({ github: options, ending, inputs: { check: "on" } }, ({ printed, github }) => {
      assert.equal(printed.length, 1);
      assert.match(printed[0]!, /^::warning .*checks: write/);
      assert.equal(github.calls.length, 1);
    });
  });
}

test("check: off makes none", () =>
  checking({ inputs: { check: "off" } }, ({ github }) => assert.deepEqual(github.calls, [])));

for (const [what, fault] of [
  ["answered with 502 though it was carried out", { status: 502, applied: true }],
  ["cut off though it was carried out", { reset: true, applied: true }],
  ["answered with 503 and not carried out", { status: 503 }],
] as const) {
  test(`a check that is ${what} is there once`, () => {
    let faults = 1;
    const github: FakeGitHubOptions = {
      fault: (call) => (call.startsWith("POST") && faults-- > 0 ? fault : undefined),
    };
    return checking({ github, ending: measured(["ttft_p95 < 1s"]) }, ({ github: { checks } }) => {
      assert.deepEqual(
        checks.map(({ conclusion }) => conclusion),
        ["success"],
      );
    });
  });
}

test("a completion that meets a 502 is tried again, and one that never arrives is told", async () => {
  const ending = measured(["ttft_p95 < 1s"]);
  let faults = 1;
  const once: FakeGitHubOptions = {
    fault: (call) => (call.startsWith("PATCH") && faults-- > 0 ? { status: 502 } : undefined),
  };
  await checking({ github: once, ending }, ({ github }) =>
    assert.equal(github.checks[0]!.conclusion, "success"),
  );
  const always: FakeGitHubOptions = {
    fault: (call) => (call.startsWith("PATCH") ? { status: 502 } : undefined),
  };
  await checking({ github: always, ending }, ({ printed }) => {
    assert.match(printed.join(), /^::warning::The check run "Goodput \(load-test\)" could not be completed/);
  });
});

/** The `post` step, with the state that the main step has left. */
async function post(github: FakeGitHub): Promise<string[]> {
  const printed: string[] = [];
  process.env.GITHUB_API_URL = github.apiUrl;
  process.env["INPUT_GITHUB-TOKEN"] = "token-of-this-job";
  const saved = [...(await readFile(state, "utf8")).matchAll(/^([^\n<]+)<<(\S+)\n([\s\S]*?)\n\2$/gm)];
  for (const [, name, , value] of saved) process.env[`STATE_${name}`] = value;
  await quietly(printed, () => closeLeftOpenCheck(pace));
  for (const [, name] of saved) delete process.env[`STATE_${name}`];
  return printed;
}

test("the post step closes the check of a step that was killed", () =>
  checking({}, async ({ github }) => {
    assert.deepEqual(await post(github), []);
    const [check] = github.checks;
    assert.deepEqual([check!.status, check!.conclusion], ["completed", "cancelled"]);
    assert.match(check!.output!.summary, /before it could tell/);
  }));

test("the post step finds the check of a step that was killed while GitHub made it", () =>
  checking(
    { github: { fault: (call) => (call.startsWith("POST") ? LOST : undefined) } },
    async ({ github }) => {
      assert.equal(github.checks.length, 1);
      await post(github);
      assert.equal(github.checks[0]!.conclusion, "cancelled");
    },
  ));

test("the post step leaves a check alone that was completed", () =>
  checking({ ending: measured(["ttft_p95 < 1s"]) }, async ({ github }) => {
    const before = github.calls.length;
    await post(github);
    assert.equal(github.calls.length, before);
    assert.equal(github.checks[0]!.conclusion, "success");
  }));

test("the post step asks first where the step was killed before it could note that all was done", () =>
  checking({}, async ({ github }) => {
    github.checks[0] = { ...github.checks[0]!, status: "completed", conclusion: "success" };
    await post(github);
    assert.equal(github.checks[0]!.conclusion, "success");
  }));

test("the post step does nothing where no check was made, and a GitHub that is down fails no job", async () => {
  await checking({ inputs: { check: "off" } }, async ({ github }) => {
    await post(github);
    assert.deepEqual(github.calls, []);
  });
  await checking({}, async ({ github }) => {
    await github.close();
    assert.match((await post(github)).join(), /^The check run is left open/);
  });
});
