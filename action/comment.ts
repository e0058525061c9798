/**
 * One comment per pull request and `comment-id`, with a section for every job that reports there. It is
 * found by a marker at its very start, and only where the author is the token's own identity: anybody can
 * write or quote a marker.
 */
import { randomUUID } from "node:crypto";
import { info, warning } from "@actions/core";
import { context } from "@actions/github";
import { plainText } from "../src/index.ts";
import { mergeSections, type Section } from "./comment-sections.ts";
import { syncComment } from "./comment-sync.ts";
import { type Ending, fails } from "./ending.ts";
import { connect, type PullRequest, pullRequestOf } from "./github.ts";
import type { Inputs } from "./inputs.ts";
import { markdown } from "./report.ts";
import { failureOf, type Pace, REAL_PACE } from "./retry.ts";

/** Returns the comment's address. Whatever goes wrong is a warning: the verdict stands without it. */
export async function postComment(
  ending: Ending,
  inputs: Inputs,
  deadline: AbortSignal,
  pace: Pace = REAL_PACE,
): Promise<string | undefined> {
  if (inputs.comment === "off") return undefined;
  // Several jobs that write at the same time take turns, and the verdict is out already.
  const over = new AbortController();
  const limit = AbortSignal.any([deadline, over.signal, AbortSignal.timeout(TIMEOUT_MS)]);
  let pull: PullRequest | undefined;
  try {
    pull = await pullRequestOf(inputs, limit, pace);
    if (pull === undefined) {
      info("No comment: this run belongs to no open pull request.");
      return undefined;
    }
    if (inputs.githubToken === "") {
      warning(`No comment on pull request ${pull.number}: github-token is empty.`);
      return undefined;
    }
    const own = sectionOf(ending, inputs);
    const report = {
      commentId: inputs.commentId,
      own,
      render: (maxChars: number) => markdown(ending, maxChars, inputs.charts),
      wanted: (there: readonly Section[] | undefined) => isWanted(there, own, ending, inputs),
    };
    const github = connect(inputs.githubToken, limit, pace);
    const { state, url } = await syncComment(github, pull, report, pace, limit);
    if (state === "older") info("The comment tells of a newer run already, and stays as it is.");
    if (state === "unsettled") {
      warning(
        `Other jobs kept writing over this job's section of the comment on pull request ${pull.number}.`,
      );
    }
    return url;
  } catch (thrown) {
    warning(describeFailure(thrown, pull), { title: "Goodput: no comment" });
    return undefined;
  } finally {
    // Where one of two calls has failed, nobody waits for the other, and neither should the process.
    over.abort();
  }
}

const TIMEOUT_MS = 60_000;

/** A run that tells what another has measured is as old as that one. */
function sectionOf({ conclusion }: Ending, { section }: Inputs): Section {
  const { workflow_run } = context.payload;
  return {
    name: section.slice(0, 100),
    runId: numbered(workflow_run?.id ?? context.runId, 0),
    attempt: numbered(workflow_run === undefined ? context.runAttempt : workflow_run.run_attempt, 1),
    writer: randomUUID().slice(0, 8),
    conclusion,
    markdown: "",
  };
}

/** Absent or not a number where no runner has set it. */
function numbered(value: unknown, otherwise: number): number {
  return Number.isSafeInteger(value) ? Math.abs(Number(value)) : otherwise;
}

/** A comment that tells of a failure must not outlive it, so a section that is there is always updated. */
function isWanted(
  there: readonly Section[] | undefined,
  own: Section,
  ending: Ending,
  { comment, failOn }: Inputs,
): boolean {
  const before = mergeSections(there ?? []).filter(({ name }) => name === own.name);
  switch (comment) {
    case "on-change":
      return !before.some(({ conclusion }) => conclusion === own.conclusion);
    case "on-failure":
      // A comment without sections is of an earlier version, and tells of this job.
      return before.length > 0 || there?.length === 0 || fails(ending, failOn);
    case "always":
    case "off":
      return comment === "always";
  }
}

function describeFailure(thrown: unknown, pull: PullRequest | undefined): string {
  const status = (thrown as { status?: unknown }).status;
  const message = plainText(thrown instanceof Error ? thrown.message : String(thrown));
  const where = pull === undefined ? "the pull request" : `pull request ${pull.number}`;
  const failed = `The report is in the job summary but not on ${where}`;
  if ((status !== 403 && status !== 404) || failureOf(thrown) === "throttled") return `${failed}: ${message}`;
  return [
    `${failed}: the token may not write comments (HTTP ${status}).`,
    'Give the job the permission "pull-requests: write".',
    "Runs for forks and for Dependabot always have a read-only token;",
    "examples/forks-measure.yml and examples/forks-report.yml show how a second workflow reports for them.",
  ].join(" ");
}
