/** How jobs that write one comment race one another, in time that stands still between two steps. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { composeBody, parseSections, type Section } from "../../action/comment-sections.ts";
import { type Synced, syncComment } from "../../action/comment-sync.ts";
import { random } from "../../src/random.ts";
import { type GitHubInTime, githubInTime } from "../support/github-in-time.ts";

const PULL = { owner: "acme", repo: "chat", number: 7 };
const JOBS = ["a10", "a100", "cpu", "h100", "l4", "mi300", "t4", "v100"];
/** Identity included; with a check run's two calls that is twelve. */
const MAX_CALLS = 10;

interface Job extends Synced {
  readonly calls: readonly string[];
  readonly tookMs: number;
}

const sectionOf = (name: string, runId: number, writer: string): Section => ({
  name,
  runId,
  attempt: 1,
  writer,
  conclusion: "met",
  markdown: `${name} in ${runId}`,
});

/** What an earlier run has told. */
function tellBefore({ comments }: GitHubInTime, names: readonly string[]): void {
  if (names.length === 0) return;
  const sections = names.map((name, i) => sectionOf(name, 1, `0000000${i}`));
  const body = composeBody("goodput", sections, sections[0]!, () => sections[0]!.markdown);
  comments.push({ id: 1, body });
}

async function tell(github: GitHubInTime, name: string, afterMs: number): Promise<Job> {
  const { pace } = github;
  const deadline = new AbortController().signal;
  await pace.wait(afterMs, deadline);
  const calls: string[] = [];
  const own = sectionOf(name, 2, `1000000${JOBS.indexOf(name)}`);
  const report = { commentId: "goodput", own, render: () => own.markdown, wanted: () => true };
  const startedMs = pace.nowMs();
  const client = github.client((call) => calls.push(call));
  const synced = await syncComment(client, PULL, report, pace, deadline);
  return { ...synced, calls, tookMs: pace.nowMs() - startedMs };
}

const told = ({ comments }: GitHubInTime) =>
  comments.map(({ body }) => parseSections(body).map(({ markdown }) => markdown));

describe("A job alone", () => {
  for (const [before, calls] of [
    [[], ["list", "identity", "create", "list"]],
    [["cpu"], ["list", "identity", "update", "get"]],
    // Whose jobs need not have ended at the same time, this time.
    [JOBS, ["list", "identity", "update", "get"]],
  ] as const) {
    test(`makes four calls and stays a moment after ${before.length} sections of an earlier run`, async () => {
      const github = githubInTime(
        () => 75,
        () => 0.5,
      );
      tellBefore(github, before);
      const job = await github.settled(tell(github, "cpu", 0));
      assert.equal(job.state, "written");
      assert.deepEqual(job.calls, calls);
      // Three calls one after the other, for who one is is asked beside the first, and the stay.
      assert.equal(job.tookMs, 3 * 150 + 375);
    });
  }

  test("takes no turn after others of its own run that are done", async () => {
    const github = githubInTime(
      () => 75,
      () => 0.5,
    );
    const jobs = Promise.all(JOBS.map((name, i) => tell(github, name, 5_000 * i)));
    for (const { tookMs } of await github.settled(jobs)) assert.equal(tookMs, 3 * 150 + 375);
    assert.deepEqual(told(github), [JOBS.map((name) => `${name} in 2`)]);
  });
});

describe("A job that has read before another wrote, and writes after it", () => {
  for (const [what, before] of [
    ["makes a second comment, and both become one", []],
    ["writes over it, and that is seen", ["a10", "cpu"]],
    ["writes over it where neither had a section, and that is seen", ["t4"]],
  ] as const) {
    for (const laterMs of [0, 50, 100, 149, 200, 299, 300]) {
      test(`${laterMs} ms later ${what}`, async () => {
        const draws = random(laterMs, "turns");
        const github = githubInTime(
          () => 150,
          () => draws.uniform(),
        );
        tellBefore(github, before);
        const jobs = [tell(github, "a10", 0), tell(github, "cpu", laterMs)];
        for (const { state, calls } of await github.settled(Promise.all(jobs))) {
          assert.equal(state, "written");
          assert.ok(calls.length <= 8, calls.join());
        }
        const others = before.includes("t4" as never) ? ["t4 in 1"] : [];
        assert.deepEqual(told(github), [["a10 in 2", "cpu in 2", ...others]]);
      });
    }
  }

  test("is seen up to the end of the stay, however fast the first one was", async () => {
    // On the way for 5 ms, but the second job's write for longer.
    for (const slowMs of [50, 150, 300, 360]) {
      let updates = 0;
      const github = githubInTime(
        (name) => (name === "update" && ++updates === 2 ? slowMs : 5),
        () => 0.5,
      );
      tellBefore(github, ["t4"]);
      const jobs = [tell(github, "a10", 0), tell(github, "cpu", 1)];
      await github.settled(Promise.all(jobs));
      assert.deepEqual(told(github), [["a10 in 2", "cpu in 2", "t4 in 1"]], `${slowMs} ms`);
    }
  });
});

describe("Eight jobs at once", () => {
  for (const [what, leastMs, mostMs] of [
    ["a GitHub of 100 to 200 ms a call", 50, 100],
    ["a GitHub of 200 to 400 ms a call", 100, 200],
    ["a GitHub that is now fast and now slow", 20, 150],
  ] as const) {
    for (const before of [[], JOBS, JOBS.slice(4)]) {
      const after = `${before.length} sections of an earlier run`;
      test(`make one comment of eight sections, 200 of 200 times, at ${what} after ${after}`, async () => {
        for (let seed = 0; seed < 200; seed++) {
          const draws = random(seed, "turns");
          const github = githubInTime(
            () => leastMs + draws.uniform() * (mostMs - leastMs),
            () => draws.uniform(),
          );
          tellBefore(github, before);
          // All at once is the worst case for some, and coming one by one for others.
          const withinMs = [0, 200, 1_000, 5_000][seed % 4]!;
          const jobs = JOBS.map((name) => tell(github, name, draws.uniform() * withinMs));
          for (const { state, calls } of await github.settled(Promise.all(jobs))) {
            assert.equal(state, "written", `trial ${seed}`);
            assert.ok(calls.length <= MAX_CALLS, `trial ${seed}: ${calls.join()}`);
          }
          assert.deepEqual(told(github), [JOBS.map((name) => `${name} in 2`)], `trial ${seed}`);
        }
      });
    }
  }
});
