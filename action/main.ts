/** The Action: measure what the inputs say, tell it everywhere, and end with what was found. */
import "./guard.ts";

import { postComment } from "./comment.ts";
import { fails } from "./ending.ts";
import { conclude } from "./guard.ts";
import { readInputs } from "./inputs.ts";
import { listenForInterrupt } from "./interrupt.ts";
import { measure } from "./measure.ts";
import { writeCommentUrl, writeOutputs } from "./outputs.ts";
import { printReport, writeSummary } from "./report.ts";
import { hideSecrets } from "./secrets.ts";

const interrupt = listenForInterrupt();
const inputs = readInputs();
hideSecrets(inputs.apiKey, inputs.githubToken);

const ending = await measure(inputs, interrupt.signal);
const failed = fails(ending, inputs.failOn);

// First what needs nobody else: should GitHub be slow to answer, the verdict is already told.
printReport(ending, failed);
writeOutputs(ending);
if (inputs.summary) await writeSummary(ending);
const commentUrl = await postComment(ending, inputs, interrupt.deadline);
if (commentUrl !== undefined) writeCommentUrl(commentUrl);

conclude(failed ? 1 : 0);
