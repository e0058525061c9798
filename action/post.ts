/** What is left to do when the step is over, however it ended. */
import { getInput, getState, info } from "@actions/core";
import { plainText } from "../src/index.ts";
import { CHECK_STATE, type CheckState, findCheck } from "./check.ts";
import { connect, type GitHub } from "./github.ts";
import { type Pace, REAL_PACE } from "./retry.ts";

/** The runner gives a cancelled job's post steps little time. */
const TIMEOUT_MS = 10_000;

/** A check run whose process was killed would be in progress for ever. Does nothing where there is none. */
export async function closeLeftOpenCheck(pace: Pace = REAL_PACE): Promise<void> {
  const open = parseState(getState(CHECK_STATE));
  const token = getInput("github-token");
  if (open === undefined || token === "") return;
  const { owner, repo } = open;
  try {
    const github = connect(token, AbortSignal.timeout(TIMEOUT_MS), pace);
    const id = await idOfOpen(github, open);
    if (id === undefined) return;
    await github.rest.checks.update({
      owner,
      repo,
      check_run_id: id,
      status: "completed",
      conclusion: "cancelled",
      completed_at: new Date().toISOString(),
      output: {
        title: "Cancelled",
        summary: "The run ended before it could tell its result. What it measured is in the job's log.",
      },
    });
  } catch (thrown) {
    info(`The check run is left open: ${plainText((thrown as Error).message)}`);
  }
}

/** It may have been completed, or never made, and the process killed before it could note that. */
async function idOfOpen(github: GitHub, open: CheckState): Promise<number | undefined> {
  const { owner, repo, id } = open;
  if (id === undefined) return (await findCheck(github, open))?.id;
  const { data } = await github.rest.checks.get({ owner, repo, check_run_id: id });
  return data.status === "completed" ? undefined : id;
}

function parseState(text: string): CheckState | undefined {
  return text === "" ? undefined : JSON.parse(text);
}
