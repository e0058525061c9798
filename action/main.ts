/** The Action: measure what the inputs say, tell it everywhere, and end with what was found. */
import { interrupt } from "./interrupt.ts";
import "./guard.ts";

import { getState, saveState } from "@actions/core";
import { openCheck } from "./check.ts";
import { postComment } from "./comment.ts";
import { type Ending, fails } from "./ending.ts";
import { abandon, conclude } from "./guard.ts";
import { readInputs } from "./inputs.ts";
import { measure } from "./measure.ts";
import { merge } from "./merge.ts";
import { writeOutputs, writeUrl } from "./outputs.ts";
import { closeLeftOpenCheck } from "./post.ts";
import { printReport, writeSummary } from "./report.ts";
import { report } from "./report-mode.ts";
import { hideSecrets } from "./secrets.ts";
import { stopLeftServer } from "./server-command.ts";

/** Set by the step itself, and there in the one that cleans up after it. */
const RAN = "ran";

if (getState(RAN) === "") {
  saveState(RAN, "true");
  conclude((await run()) ? 1 : 0);
} else {
  stopLeftServer();
  await closeLeftOpenCheck();
  conclude(0);
}

/** Whether the step fails. */
async function run(): Promise<boolean> {
  interrupt.deadline.addEventListener("abort", () => setTimeout(() => abandon("cancelled"), 500).unref());
  const inputs = readInputs();
  hideSecrets(inputs.apiKey, inputs.baselineApiKey, inputs.githubToken);

  // A file that may come from a fork is read before anything is written to GitHub.
  const read = inputs.mode === "report" ? await report(inputs, interrupt.signal) : undefined;
  const told = read?.kind !== "stopped" && inputs.shard === undefined;
  const check = told ? await openCheck(inputs, interrupt.deadline) : undefined;
  const ending: Ending =
    read ??
    (inputs.mode === "merge"
      ? await merge(inputs, interrupt.signal)
      : await measure(inputs, interrupt.signal));
  const failed = fails(ending, inputs.failOn);

  // First what needs nobody else: should GitHub be slow to answer, the verdict is already told.
  printReport(ending, failed);
  writeOutputs(ending);
  if (inputs.summary) await writeSummary(ending, inputs.charts);
  // At the same time, since a cancelled run has no time for one after the other. A shard is told of with the rest.
  const [commentUrl, checkUrl] = await Promise.all([
    told ? postComment(ending, inputs, interrupt.deadline) : undefined,
    check?.complete(ending, failed, interrupt.deadline),
  ]);
  if (commentUrl !== undefined) writeUrl("comment-url", commentUrl);
  if (checkUrl !== undefined) writeUrl("check-url", checkUrl);
  return failed;
}
