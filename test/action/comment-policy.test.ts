/** When a job writes its section, over whose, how often it asks GitHub, and what it does when GitHub fails. */
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { context } from "@actions/github";
import { openCheck } from "../../action/check.ts";
import { parseSections } from "../../action/comment-sections.ts";
import type { Ending, EndingConclusion } from "../../action/ending.ts";
import type { Inputs } from "../../action/inputs.ts";
import type { Pace } from "../../action/retry.ts";
import { actionInputs } from "../support/action-inputs.ts";
import {
  type FakeGitHub,
  type FakeGitHubOptions,
  SECONDARY_LIMIT,
  startFakeGitHub,
} from "../support/fake-github.ts";

process.env.GITHUB_REPOSITORY = "acme/chat";
process.env.GITHUB_STATE = "";
const { postComment } = await import("../../action/comment.ts");

const BOT = "github-actions[bot]";
const MARKER = "<!-- goodput:comment goodput -->";
const SHA = "1234567890abcdef1234567890abcdef12345678";
const FORK = { full_name: "mallory/chat", owner: { login: "mallory" } };

const ending = (conclusion: EndingConclusion): Ending => ({
  kind: "stopped",
  conclusion,
  reasons: ["because"],
});

beforeEach(() => {
  context.payload = { pull_request: { number: 7, head: { sha: SHA } } };
  context.runId = 100;
  context.runAttempt = 1;
});

/** One report after the other on the same pull request; what each printed stands in `printed`. */
class Reporter {
  readonly printed: string[] = [];
  readonly github: FakeGitHub;
  readonly pace: Pace = { nowMs: () => 0, wait: async () => {}, random: () => 0 };

  constructor(github: FakeGitHub) {
    this.github = github;
  }

  async tell(
    conclusion: EndingConclusion,
    inputs: Partial<Inputs> = {},
    pace = this.pace,
    deadline = new AbortController().signal,
  ): Promise<string | undefined> {
    return await this.#quietly(() => postComment(ending(conclusion), actionInputs(inputs), deadline, pace));
  }

  async tellAll(conclusion: EndingConclusion): Promise<void> {
    await this.#quietly(async () => {
      const deadline = new AbortController().signal;
      const check = await openCheck(actionInputs(), deadline, this.pace);
      await postComment(ending(conclusion), actionInputs(), deadline, this.pace);
      await check?.complete(ending(conclusion), false, deadline);
    });
  }

  /** What the Action says to the runner would be read as said by the tests. */
  async #quietly<T>(act: () => Promise<T>): Promise<T> {
    const write = process.stdout.write.bind(process.stdout);
    process.stdout.write = (text: string | Uint8Array) => {
      // What the test runner writes is binary.
      if (typeof text !== "string") return write(text);
      if (/^::(?!save-state)|^No |^The /.test(text)) this.printed.push(text);
      return true;
    };
    try {
      return await act();
    } finally {
      process.stdout.write = write;
    }
  }

  get sections(): string[] {
    return this.github.comments.flatMap(({ body }) =>
      parseSections(body).map(({ name, runId, attempt, conclusion }) =>
        [name, runId, attempt, conclusion].join(" "),
      ),
    );
  }
}

async function reporting(
  options: FakeGitHubOptions,
  act: (reporter: Reporter) => Promise<void>,
): Promise<void> {
  const github = await startFakeGitHub(options);
  process.env.GITHUB_API_URL = github.apiUrl;
  try {
    await act(new Reporter(github));
  } finally {
    await github.close();
  }
}

test("every report takes six calls with its check, the first and the later ones", () =>
  reporting({}, async (reporter) => {
    await reporter.tellAll("met");
    const comments = "/repos/acme/chat/issues/7/comments";
    /** The list and who asks for it are asked for side by side. */
    const inOrder = () => {
      const [check, ...others] = reporter.github.calls;
      return [check, ...others.slice(0, 2).toSorted(), ...others.slice(2)];
    };
    assert.deepEqual(inOrder(), [
      "POST /repos/acme/chat/check-runs 201",
      `GET ${comments} 200`,
      "POST /graphql 200",
      `POST ${comments} 201`,
      `GET ${comments} 200`,
      "PATCH /repos/acme/chat/check-runs/1001 200",
    ]);
    reporter.github.calls.length = 0;
    context.runId = 101;
    await reporter.tellAll("met");
    assert.deepEqual(inOrder(), [
      "POST /repos/acme/chat/check-runs 201",
      `GET ${comments} 200`,
      "POST /graphql 200",
      "PATCH /repos/acme/chat/issues/comments/1002 200",
      "GET /repos/acme/chat/issues/comments/1002 200",
      "PATCH /repos/acme/chat/check-runs/1003 200",
    ]);
  }));

test("each job keeps its own section, in the order of their names", () =>
  reporting({}, async (reporter) => {
    for (const section of ["t4", "a100", "h100"]) await reporter.tell("met", { section });
    assert.deepEqual(reporter.sections, ["a100 100 1 met", "h100 100 1 met", "t4 100 1 met"]);
    await reporter.tell("violated", { section: "h100" });
    assert.equal(reporter.github.comments.length, 1);
  }));

test("an older run, or an older attempt of the same, writes over nothing that is newer", () =>
  reporting({}, async (reporter) => {
    context.runAttempt = 2;
    await reporter.tell("violated");
    for (const [runId, attempt] of [
      [99, 1],
      [99, 3],
      [100, 1],
    ] as const) {
      context.runId = runId;
      context.runAttempt = attempt;
      assert.equal(await reporter.tell("met"), "https://github.test/comments/1001");
      assert.deepEqual(reporter.sections, ["load-test 100 2 violated"]);
    }
    assert.match(reporter.printed.join(""), /tells of a newer run already/);
    context.runAttempt = 3;
    context.runId = 100;
    await reporter.tell("met");
    assert.deepEqual(reporter.sections, ["load-test 100 3 met"]);
  }));

test("a run that tells what another workflow measured is as old as that one", () =>
  reporting(
    { pulls: [{ number: 9, label: "mallory:fix", sha: SHA, fullName: "mallory/chat" }] },
    async (reporter) => {
      context.payload = {
        workflow_run: { id: 55, run_attempt: 2, head_repository: FORK, head_branch: "fix", head_sha: SHA },
      };
      await reporter.tell("met");
      assert.deepEqual(reporter.sections, ["load-test 55 2 met"]);
      assert.ok(reporter.github.calls.includes("POST /repos/acme/chat/issues/9/comments 201"));
    },
  ));

for (const [what, pull] of [
  ["that has moved on to another commit", { sha: "f".repeat(40) }],
  ["that is closed", { state: "closed" }],
  ["of another fork with a branch of that name", { label: "mallory:fix", fullName: "eve/chat" }],
  ["whose fork is deleted", { fullName: undefined }],
  ["of another owner", { label: "eve:fix" }],
] as const) {
  test(`a pull request ${what} is not taken for that of a fork's workflow`, () => {
    const { fullName, ...real } = {
      number: 9,
      label: "mallory:fix",
      sha: SHA,
      fullName: "mallory/chat",
      ...pull,
    };
    return reporting({ pulls: [{ ...real, ...(fullName && { fullName }) }] }, async (reporter) => {
      context.payload = {
        workflow_run: { id: 55, run_attempt: 1, head_repository: FORK, head_branch: "fix", head_sha: SHA },
      };
      assert.equal(await reporter.tell("met"), undefined);
      assert.deepEqual(reporter.github.calls, ["GET /repos/acme/chat/pulls 200"]);
      assert.match(reporter.printed.join(""), /belongs to no open pull request/);
    });
  });
}

test("on-change writes when the verdict is another than before, and at first", () =>
  reporting({}, async (reporter) => {
    for (const [runId, conclusion, stands] of [
      [1, "met", "load-test 1 1 met"],
      [2, "met", "load-test 1 1 met"],
      [3, "violated", "load-test 3 1 violated"],
      [4, "violated", "load-test 3 1 violated"],
      [5, "met", "load-test 5 1 met"],
    ] as const) {
      context.runId = runId;
      await reporter.tell(conclusion, { comment: "on-change" });
      assert.deepEqual(reporter.sections, [stands]);
    }
  }));

test("on-failure adds no section for success beside others' sections, and takes no failure for standing", () =>
  reporting({}, async (reporter) => {
    const quiet = { comment: "on-failure", section: "quiet" } as const;
    assert.equal(await reporter.tell("met", quiet), undefined);
    assert.deepEqual(reporter.sections, []);
    await reporter.tell("met", { section: "loud" });
    await reporter.tell("met", quiet);
    assert.deepEqual(reporter.sections, ["loud 100 1 met"]);
    await reporter.tell("error", quiet);
    context.runId = 101;
    await reporter.tell("met", quiet);
    assert.deepEqual(reporter.sections, ["loud 100 1 met", "quiet 101 1 met"]);
  }));

test("a comment that a person has hidden is left alone, and a new one written", () =>
  reporting({}, async (reporter) => {
    reporter.github.addComment(BOT, `${MARKER}\nold news`).minimized = true;
    await reporter.tell("met");
    assert.match(reporter.github.comments[0]!.body, /old news/);
    assert.equal(reporter.github.comments.length, 2);
  }));

test("two comments of one's own become one that tells all that both told", () =>
  reporting({}, async (reporter) => {
    await reporter.tell("met", { section: "a" });
    const { body } = reporter.github.comments[0]!;
    reporter.github.addComment(
      BOT,
      body.replaceAll("section a ", "section b ").replaceAll(/[0-9a-f]{8}/g, "0000000b"),
    );
    reporter.github.addComment("mallory", `${MARKER}\nnot the bot's`);
    await reporter.tell("violated", { section: "c" });
    assert.deepEqual(reporter.sections, ["a 100 1 met", "b 100 1 met", "c 100 1 violated"]);
    assert.deepEqual(
      reporter.github.comments.map(({ login }) => login),
      [BOT, "mallory"],
    );
  }));

for (const [what, body] of [
  ["broken marks", `${MARKER}\n<!-- goodput:section %E0 1 1 x met -->\n<!-- goodput:end -->`],
  ["nothing but the mark", MARKER],
  ["sixty thousand marks", MARKER + "<!-- goodput:section a 1 1 0000000a met -->\n".repeat(1400)],
] as const) {
  test(`a comment of one's own with ${what} is written anew`, () =>
    reporting({}, async (reporter) => {
      reporter.github.addComment(BOT, body);
      await reporter.tell("met");
      assert.deepEqual(reporter.sections, ["load-test 100 1 met"]);
      assert.equal(reporter.github.comments.length, 1);
    }));
}

for (const [what, fault] of [
  ["answered with 502 though it was carried out", { status: 502, applied: true }],
  ["cut off though it was carried out", { reset: true, applied: true }],
  ["answered with 502 and not carried out", { status: 502 }],
  ["refused by a secondary limit", SECONDARY_LIMIT],
] as const) {
  test(`a new comment that is ${what} is there once`, () => {
    let faults = 1;
    const options: FakeGitHubOptions = {
      fault: (call) => (call.startsWith("POST /repos") && faults-- > 0 ? fault : undefined),
    };
    return reporting(options, async (reporter) => {
      assert.equal(await reporter.tell("met"), "https://github.test/comments/1001");
      assert.deepEqual(reporter.sections, ["load-test 100 1 met"]);
      assert.deepEqual(reporter.printed, []);
    });
  });
}

test("a comment that is deleted while it is written is written anew", () => {
  let reporter: Reporter | undefined;
  const options: FakeGitHubOptions = {
    fault(call) {
      if (call.startsWith("PATCH") && reporter !== undefined) reporter.github.comments.length = 0;
      return undefined;
    },
  };
  return reporting(options, async (started) => {
    await started.tell("met");
    reporter = started;
    context.runId = 101;
    assert.equal(await reporter.tell("met"), "https://github.test/comments/1002");
    assert.deepEqual(reporter.sections, ["load-test 101 1 met"]);
  });
});

test("a job whose section others keep writing over writes a last time, and looks no more, after nine calls", () => {
  let reporter: Reporter | undefined;
  const options: FakeGitHubOptions = {
    // Somebody who is always faster takes out what was written before it can be read.
    fault(call) {
      if (call.startsWith("GET") && reporter !== undefined) reporter.github.comments[0]!.body = `${MARKER}\n`;
      return undefined;
    },
  };
  return reporting(options, async (started) => {
    await started.tell("met");
    reporter = started;
    started.github.calls.length = 0;
    context.runId = 101;
    assert.equal(await started.tell("met"), "https://github.test/comments/1001");
    assert.ok(started.github.calls.length <= 10, started.github.calls.join("\n"));
    assert.deepEqual(started.sections, ["load-test 101 1 met"]);
    assert.deepEqual(started.printed, []);
  });
});

test("a deadline that comes once the section is written costs no warning", () =>
  reporting({}, async (reporter) => {
    const deadline = new AbortController();
    const wait = async (_: number, signal: AbortSignal) => {
      deadline.abort();
      signal.throwIfAborted();
    };
    assert.equal(
      await reporter.tell("cancelled", {}, { ...reporter.pace, wait }, deadline.signal),
      "https://github.test/comments/1001",
    );
    assert.deepEqual(reporter.sections, ["load-test 100 1 cancelled"]);
    assert.deepEqual(reporter.printed, []);
  }));

test("a missing permission is told once, with the permission and the examples for forks", () =>
  reporting({ readOnly: true }, async (reporter) => {
    assert.equal(await reporter.tell("met"), undefined);
    assert.equal(reporter.github.calls.length, 3);
    assert.equal(reporter.printed.length, 1);
    assert.match(reporter.printed[0]!, /pull-requests: write.*forks-measure\.yml.*forks-report\.yml/s);
  }));

test("a limit that GitHub keeps up is told as a limit, not as a permission", () =>
  reporting(
    { fault: (call) => (call.startsWith("POST /repos") ? SECONDARY_LIMIT : undefined) },
    async (reporter) => {
      await reporter.tell("met");
      assert.match(reporter.printed.join(""), /secondary rate limit/);
      assert.doesNotMatch(reporter.printed.join(""), /pull-requests/);
    },
  ));

test("without a token there is one warning and no call", () =>
  reporting({}, async (reporter) => {
    await reporter.tell("met", { githubToken: "" });
    assert.deepEqual(reporter.github.calls, []);
    assert.match(reporter.printed.join(""), /github-token is empty/);
  }));
