import { context } from "@actions/github";
import { ConfigError, GoodputError, type Outcome, type Result, readResult } from "../src/index.ts";
import { attempt } from "./attempt.ts";
import type { Ending } from "./ending.ts";
import { finish } from "./finish.ts";
import type { Inputs } from "./inputs.ts";

/**
 * The result of another workflow, which may have run the code of a fork: from a file that anybody may have
 * written. It is read whole and found right before anything is told of it.
 */
export function report(inputs: Inputs, signal: AbortSignal): Promise<Ending> {
  return attempt(signal, async () => {
    const [path, ...others] = inputs.results;
    const mistakes = [
      ...inputs.mistakes,
      ...(others.length === 0
        ? []
        : [
            {
              field: "results",
              value: inputs.results.join("\n"),
              message:
                "names several; a report is of one result, so give each a step with a section of its own.",
            },
          ]),
    ];
    if (mistakes.length > 0 || path === undefined) throw new ConfigError(mistakes);
    const result = await readResult(path);
    const wrong = whyNotTold(result);
    if (wrong !== undefined) {
      throw new GoodputError("RESULT_UNREADABLE", `${path} is not told: ${wrong}.`, {
        hint: "Upload the result.json that the measuring workflow wrote, unchanged.",
      });
    }
    return finish(result, inputs);
  });
}

function whyNotTold(result: Result): string | undefined {
  if (result.imported !== undefined) return `it was measured by ${result.imported.title}, not by this action`;
  const { head_sha: sha } = context.payload.workflow_run ?? {};
  if (result.origin !== undefined && typeof sha === "string" && result.origin.sha !== sha) {
    return "it is of another commit than the workflow that triggered this one";
  }
  return contradiction(result);
}

/** What this action writes never contradicts itself: the verdict is that of the objectives in it. */
function contradiction({ verdict, valid, levels, findings, exploration }: Result): string | undefined {
  if (valid !== findings.every(({ level }) => level !== "invalid")) {
    return "it says of itself that it is valid, or not, against its own findings";
  }
  if (valid && levels.some(({ objectives }) => objectives.some(({ invalid }) => invalid !== undefined))) {
    return "it says of itself that it is valid, against one of its objectives";
  }
  const outcomes = levels.map(({ objectives }) => worst(objectives.map(({ outcome }) => outcome)));
  // A search goes beyond what is met by intention, so one level that meets all will do.
  const expected = exploration !== undefined && outcomes.includes("met") ? "met" : worst(outcomes);
  return verdict === expected ? undefined : "its verdict is not that of its objectives";
}

const WORST_FIRST: readonly Outcome[] = ["violated", "inconclusive", "met"];

function worst(outcomes: readonly (Outcome | undefined)[]): Outcome | undefined {
  return WORST_FIRST.find((outcome) => outcomes.includes(outcome));
}
