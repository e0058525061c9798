/**
 * The check run: made before the load, so that a pull request shows what is going on, and completed with the
 * verdict. Whatever goes wrong with it changes no verdict.
 */
import { info, saveState, warning } from "@actions/core";
import { context } from "@actions/github";
import { plainText } from "../src/index.ts";
import { annotationsOf } from "./check-annotations.ts";
import { checkTitle, type Ending, passed } from "./ending.ts";
import { asSha, connect, type GitHub, headSha, ONCE, type Repository, repository, runUrl } from "./github.ts";
import type { Inputs } from "./inputs.ts";
import { markdown } from "./report.ts";
import { backoffMs, failureOf, MAX_TRIES, type Pace, REAL_PACE } from "./retry.ts";

export interface OpenCheck {
  /** Returns the check run's address. */
  complete(ending: Ending, failed: boolean, deadline: AbortSignal): Promise<string | undefined>;
}

export type CheckConclusion = "success" | "failure" | "neutral" | "cancelled";

/** State for the `post` step: the check run that is not yet completed, or empty. */
export const CHECK_STATE = "open-check";

/** Enough to find it again; the id is there once GitHub has told it. */
export interface CheckState extends Repository {
  readonly sha: string;
  readonly name: string;
  readonly externalId: string;
  readonly id?: number;
}

/** Undefined where there is to be none, or none can be made. */
export async function openCheck(
  inputs: Inputs,
  deadline: AbortSignal,
  pace: Pace = REAL_PACE,
): Promise<OpenCheck | undefined> {
  const here = repository();
  if (inputs.check === "off" || here === undefined) return undefined;
  const missed = inputs.check === "on" ? warning : info;
  if (inputs.githubToken === "") {
    missed("No check run: github-token is empty.");
    return undefined;
  }
  try {
    // The load waits for this, so it is not waited for long.
    const limit = AbortSignal.any([deadline, AbortSignal.timeout(OPENING_MS)]);
    const github = connect(inputs.githubToken, limit, pace);
    const sha = await shaToCheck(github, here);
    if (sha === undefined) {
      missed("No check run: the event names no commit.");
      return undefined;
    }
    const name = checkName(inputs);
    // What only this process calls it.
    const externalId = [context.runId, context.runAttempt, process.pid].join("/");
    const state: CheckState = { ...here, sha, name, externalId };
    // Before it is there: who is killed while GitHub answers has made one too.
    saveState(CHECK_STATE, JSON.stringify(state));
    const { id, url } = await create(github, state, pace, limit);
    saveState(CHECK_STATE, JSON.stringify({ ...state, id } satisfies CheckState));
    return { complete: (...told) => complete({ ...here, id, url, name }, inputs, pace, ...told) };
  } catch (thrown) {
    // Refused is not made; a call that was cut off may have been heard.
    if (isRefused(thrown)) saveState(CHECK_STATE, "");
    tellFailure(thrown, inputs);
    return undefined;
  }
}

/** Jobs that share a commit need different names: of two with the same one GitHub shows the later. */
function checkName({ section }: Inputs): string {
  return section === "" ? "Goodput" : `Goodput (${section})`;
}

const OPENING_MS = 4_000;
const COMPLETING_MS = 20_000;

/** GitHub counts bytes. */
const SUMMARY_MAX_BYTES = 65_535;

interface Opened extends Repository {
  readonly id: number;
  readonly url: string | undefined;
  readonly name: string;
}

async function complete(
  { owner, repo, id, url, name }: Opened,
  inputs: Inputs,
  pace: Pace,
  ending: Ending,
  failed: boolean,
  deadline: AbortSignal,
): Promise<string | undefined> {
  const limit = AbortSignal.any([deadline, AbortSignal.timeout(COMPLETING_MS)]);
  try {
    const { data } = await connect(inputs.githubToken, limit, pace).rest.checks.update({
      owner,
      repo,
      check_run_id: id,
      status: "completed",
      conclusion: conclusionFor(ending, failed),
      completed_at: new Date().toISOString(),
      output: {
        title: checkTitle(ending).slice(0, 255),
        summary: summaryOf(ending, inputs),
        annotations: annotationsOf(ending, failed, inputs.config),
      },
    });
    saveState(CHECK_STATE, "");
    return data.html_url ?? url;
  } catch (thrown) {
    // It is there and open, so that silence would leave it so: the `post` step tries to close it.
    const message = plainText(thrown instanceof Error ? thrown.message : String(thrown));
    warning(`The check run "${name}" could not be completed: ${message}`);
    return url;
  }
}

/** What fails the step fails the check; only an objective that was met passes it. */
export function conclusionFor(ending: Ending, failed: boolean): CheckConclusion {
  if (ending.conclusion === "cancelled") return "cancelled";
  if (failed) return "failure";
  return passed(ending) ? "success" : "neutral";
}

function summaryOf(ending: Ending, { charts }: Inputs): string {
  let maxChars = SUMMARY_MAX_BYTES;
  for (;;) {
    const text = markdown(ending, maxChars, charts);
    const bytes = Buffer.byteLength(text);
    if (bytes <= SUMMARY_MAX_BYTES) return text;
    maxChars = Math.floor(Math.min(maxChars - 1_000, (maxChars * SUMMARY_MAX_BYTES) / bytes));
  }
}

/** A comment's event names the default branch, but speaks of a pull request. */
async function shaToCheck(github: GitHub, here: Repository): Promise<string | undefined> {
  const { issue } = context.payload;
  if (!issue?.pull_request) return headSha();
  const { data } = await github.rest.pulls.get({ ...here, pull_number: issue.number });
  return asSha(data.head.sha);
}

/** A check run that GitHub made without saying so is looked for before another one is made. */
async function create(
  github: GitHub,
  state: CheckState,
  pace: Pace,
  limit: AbortSignal,
): Promise<{ id: number; url: string | undefined }> {
  const { owner, repo, name, sha, externalId } = state;
  const detailsUrl = runUrl();
  for (let tries = 1; ; tries++) {
    try {
      const { data } = await github.rest.checks.create({
        owner,
        repo,
        name,
        head_sha: sha,
        status: "in_progress",
        started_at: new Date().toISOString(),
        external_id: externalId,
        ...(detailsUrl !== undefined && { details_url: detailsUrl }),
        ...ONCE,
      });
      return { id: data.id, url: data.html_url ?? undefined };
    } catch (thrown) {
      if (failureOf(thrown) !== "unclear" || tries === MAX_TRIES) throw thrown;
      await pace.wait(backoffMs("unclear", tries, pace), limit);
      const made = await findCheck(github, state);
      if (made !== undefined) return made;
    }
  }
}

/** By what only the process that made it calls it; completed ones do not count. */
export async function findCheck(
  github: GitHub,
  { owner, repo, name, sha, externalId }: CheckState,
): Promise<{ id: number; url: string | undefined } | undefined> {
  const { data } = await github.rest.checks.listForRef({
    owner,
    repo,
    ref: sha,
    check_name: name,
    filter: "all",
  });
  const made = data.check_runs.find(
    ({ external_id, status }) => external_id === externalId && status !== "completed",
  );
  return made && { id: made.id, url: made.html_url ?? undefined };
}

/** With `auto` a token that may not is no news; with `on` somebody counts on the check. */
function tellFailure(thrown: unknown, { check }: Inputs): void {
  const { status } = thrown as { status?: unknown };
  const refused = (status === 403 || status === 404) && isRefused(thrown);
  const message = plainText(thrown instanceof Error ? thrown.message : String(thrown));
  if (check === "auto") {
    if (!refused) info(`No check run: ${message}`);
    return;
  }
  const reason = refused
    ? `the token may not make one (HTTP ${status}). Give the job the permission "checks: write"; ` +
      "runs for forks and for Dependabot always have a read-only token, and personal tokens cannot make checks."
    : message;
  warning(`No check run: ${reason}`, { title: "Goodput: no check run" });
}

function isRefused(thrown: unknown): boolean {
  const { status } = thrown as { status?: number };
  return status !== undefined && status >= 400 && status < 500 && failureOf(thrown) === "final";
}
