/** Jobs that end at the same time share one comment, and none of them loses what it had to say. */
import assert from "node:assert/strict";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { test } from "node:test";
import { composeBody, parseSections, type Section } from "../../action/comment-sections.ts";
import { syncComment } from "../../action/comment-sync.ts";
import { connect } from "../../action/github.ts";
import { type Pace, REAL_PACE } from "../../action/retry.ts";
import { random } from "../../src/random.ts";
import { type FakeGitHub, startFakeGitHub } from "../support/fake-github.ts";

const BOT = "github-actions[bot]";
const PULL = { owner: "acme", repo: "chat", number: 7 };
const JOBS = ["a10", "a100", "cpu", "h100", "l4", "mi300", "t4", "v100"];
/** Identity included; with a check run's two calls that is twelve. */
const MAX_CALLS = 10;
/** A small part of GitHub's own latency, and everything else to its scale. */
const LEAST_UNIT_MS = 10;
/** Trials at a time, for most of one is waiting. */
const LANES = 8;
/** A job that stood still for longer than a unit is one that GitHub's real times do not know: its trial is made again. */
const MOST_REPEATS = 5;

interface Trial {
  readonly seed: number;
  /** What the comment tells before the jobs begin to write. */
  readonly before: "nothing" | "an earlier run" | "half of the jobs";
  readonly startWithinMs: number;
}

async function settled(one: Trial): Promise<number> {
  for (let repeats = 0; ; repeats++) {
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    const github = await startFakeGitHub({ latency: { seed: one.seed, leastMs: 0, mostMs: 3 } });
    try {
      return await trial(github, one);
    } catch (error) {
      const stoodStill = delay.max / 1e6 > LEAST_UNIT_MS;
      if (!stoodStill || repeats === MOST_REPEATS) throw error;
    } finally {
      delay.disable();
      await github.close();
    }
  }
}

/** Returns how many calls the job with the most made. */
async function trial(github: FakeGitHub, { seed, before, startWithinMs }: Trial): Promise<number> {
  const draws = random(seed, "jobs");
  const deadline = new AbortController().signal;
  const about = `trial ${seed} after ${before}`;
  const told = before === "nothing" ? [] : before === "an earlier run" ? JOBS : JOBS.slice(4);
  const sections = told.map((name, i) => sectionOf(name, 1, `0000000${i}`));
  const render = () => sections[0]!.markdown;
  if (told.length > 0) github.addComment(BOT, composeBody("goodput", sections, sections[0]!, render));

  const jobs = await Promise.all(
    JOBS.map(async (name) => {
      const pace: Pace = { ...REAL_PACE, random: () => draws.uniform() };
      await pace.wait(draws.uniform() * startWithinMs, deadline);
      return await tell(name, 2, pace);
    }),
  );
  const [comment, ...others] = github.comments;
  assert.deepEqual([...new Set(jobs.map(({ state }) => state))], ["written"], about);
  assert.equal(others.length, 0, about);
  assert.deepEqual(
    parseSections(comment!.body).map(({ name, markdown }) => [name, markdown]),
    JOBS.map((name) => [name, `${name} in 2`]),
    about,
  );
  return Math.max(...jobs.map(({ calls }) => calls));

  async function tell(name: string, runId: number, pace: Pace): Promise<{ state: string; calls: number }> {
    const writer = Math.floor(draws.uniform() * 2 ** 32)
      .toString(16)
      .padStart(8, "0");
    const own = sectionOf(name, runId, writer);
    const report = { commentId: "goodput", own, render: () => own.markdown, wanted: () => true };
    process.env.GITHUB_API_URL = github.apiUrl;
    const client = connect(`token-of-${name}`, deadline, pace);
    let calls = 0;
    client.hook.before("request", () => void calls++);
    const { state } = await syncComment(client, PULL, report, pace, deadline, LEAST_UNIT_MS);
    return { state, calls };
  }
}

function sectionOf(name: string, runId: number, writer: string): Section {
  return { name, runId, attempt: 1, writer, conclusion: "met", markdown: `${name} in ${runId}` };
}

for (const [before, trials] of [
  ["nothing", 70],
  ["an earlier run", 90],
  ["half of the jobs", 40],
] as const) {
  test(`eight jobs at once make one comment of eight sections, ${trials} of ${trials} times, after ${before}`, async () => {
    let next = 0;
    let mostCalls = 0;
    const lane = async () => {
      while (next < trials) {
        const seed = next++;
        // All at once is the worst case for some, and coming one by one for others.
        const calls = await settled({ seed, before, startWithinMs: [0, 10, 40][seed % 3]! });
        mostCalls = Math.max(mostCalls, calls);
      }
    };
    await Promise.all(Array.from({ length: LANES }, lane));
    assert.ok(mostCalls <= MAX_CALLS, `${mostCalls} calls a job`);
  });
}
