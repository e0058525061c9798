import { context } from "@actions/github";
import type { Origin, Result } from "../src/index.ts";
import { headSha } from "./github.ts";

/** Where this run measures, as its results say later; undefined outside of a workflow. */
export function originOfThisRun(): Origin | undefined {
  const { GITHUB_REPOSITORY: repository, GITHUB_REF: ref = "", GITHUB_RUN_ID: run_id = "" } = process.env;
  if (!repository) return undefined;
  const { workflow_run: other, pull_request: pull } = context.payload;
  const event = context.eventName;
  if (event === "workflow_run" && other !== undefined) {
    // The job runs on the default branch, but what it measures is another workflow's.
    return {
      repository: String(other.head_repository?.full_name ?? ""),
      ref: `refs/heads/${other.head_branch ?? ""}`,
      sha: String(other.head_sha ?? ""),
      event: String(other.event ?? event),
      run_id,
    };
  }
  const own = event === "pull_request_target" && pull !== undefined ? `refs/pull/${pull.number}/head` : ref;
  return { repository, ref: own, sha: headSha() ?? "", event, run_id };
}

/**
 * Why a stored result is no baseline here: it counts only when this repository measured it, on the branch
 * that this run is held against. What a pull request measured of itself is no baseline for it.
 */
export function whyNotFromBase({ origin }: Result): string | undefined {
  const repository = process.env.GITHUB_REPOSITORY;
  if (origin === undefined || !repository) return undefined;
  if (origin.repository !== repository) {
    return `The baseline was measured in ${named(origin.repository)}, not in ${repository}.`;
  }
  if (!ON_A_BRANCH.includes(origin.event)) {
    return `The baseline was measured by an event "${named(origin.event)}", and not on a branch of its own.`;
  }
  const refs = baseRefs();
  return refs.length === 0 || refs.includes(origin.ref)
    ? undefined
    : `The baseline was measured on ${named(origin.ref)}, not on ${refs.join(" or ")}.`;
}

/** Events whose ref is the branch that is checked out. */
const ON_A_BRANCH: readonly string[] = [
  "push",
  "schedule",
  "workflow_dispatch",
  "repository_dispatch",
  "release",
  "merge_group",
];

/** Of a pull request its base branch; elsewhere the branch itself and the default one. */
function baseRefs(): readonly string[] {
  const { pull_request: pull, merge_group: group, repository } = context.payload;
  if (pull !== undefined) return branch(pull.base?.ref);
  if (group !== undefined) return typeof group.base_ref === "string" ? [group.base_ref] : [];
  const { GITHUB_REF: ref } = process.env;
  return [...new Set([...(ref ? [ref] : []), ...branch(repository?.default_branch)])];
}

function branch(name: unknown): readonly string[] {
  return typeof name === "string" && name !== "" ? [`refs/heads/${name}`] : [];
}

function named(text: string): string {
  return text === "" ? "an unknown place" : text.slice(0, 200);
}
