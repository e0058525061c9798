/** What the check says at a file: GitHub has no annotation without one. */
import { isAbsolute, posix } from "node:path";
import { type Ending, failedObjectives, regressionLines } from "./ending.ts";

export interface Annotation {
  readonly path: string;
  readonly start_line: number;
  readonly end_line: number;
  readonly annotation_level: "failure" | "warning";
  readonly title: string;
  readonly message: string;
}

/** GitHub takes fifty a call. */
const MAX_ANNOTATIONS = 50;

/**
 * Violated objectives and regressions, at the config file that states them, else at the workflow.
 * @param config the input: relative to the workspace, or empty.
 */
export function annotationsOf(ending: Ending, failed: boolean, config: string): Annotation[] {
  const path = pathOf(config) ?? workflowPath();
  if (ending.kind === "stopped" || path === undefined) return [];
  const violated = failedObjectives(ending.result);
  const regressed = regressionLines(ending).filter((line) => !violated.includes(line));
  const annotation = (title: string) => (message: string) => ({
    path,
    start_line: 1,
    end_line: 1,
    annotation_level: failed ? ("failure" as const) : ("warning" as const),
    title,
    message,
  });
  return [
    ...violated.map(annotation("Objective violated")),
    ...regressed.map(annotation("Worse than the baseline")),
  ].slice(0, MAX_ANNOTATIONS);
}

/** Only a path inside of the repository is one to GitHub. */
function pathOf(config: string): string | undefined {
  if (config === "" || isAbsolute(config)) return undefined;
  const path = posix.normalize(config.replaceAll("\\", "/"));
  return path.startsWith("../") ? undefined : path;
}

/** "acme/chat/.github/workflows/load.yml@refs/heads/main", which may be another repository's. */
function workflowPath(): string | undefined {
  const own = `${process.env.GITHUB_REPOSITORY}/`;
  const [path] = (process.env.GITHUB_WORKFLOW_REF ?? "").split("@");
  return path?.startsWith(own) ? path.slice(own.length) : undefined;
}
