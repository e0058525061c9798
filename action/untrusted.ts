import { context } from "@actions/github";
import type { Result } from "../src/index.ts";
import { Skipped } from "./attempt.ts";
import type { Inputs } from "./inputs.ts";
import { statusOf, type Waiting } from "./ready.ts";

const TWO_STEPS =
  "Forks are measured in two steps: a workflow on pull_request measures without secrets and uploads the result, and one on workflow_run tells it with mode: report.";

/**
 * Events that run with the base repository's secrets although the code comes from a fork: measuring would
 * run, and pay for, whatever a stranger wrote.
 * @throws Skipped.
 */
export function refuseUntrusted({ allowUntrusted }: Inputs): void {
  if (allowUntrusted || !isForeign()) return;
  throw new Skipped([
    `Nothing was measured: an event ${context.eventName} of a fork has the secrets of this repository, and the code is not its own.`,
    TWO_STEPS,
    "Where that is what you want, set allow-untrusted: true.",
  ]);
}

/**
 * A run of a fork is given no secrets. Whether the service asks for a key, only the service knows.
 * @throws Skipped.
 */
export async function refuseWithoutKey(inputs: Inputs, waiting: Waiting): Promise<void> {
  if (!isWithoutSecrets(inputs)) return;
  const status = await statusOf(waiting, "/v1/models");
  if (status === 401 || status === 403) throw noKey(status);
}

/** The same, found out by the load. @throws Skipped. */
export function refuseRefused(inputs: Inputs, { levels }: Result): void {
  const refused = levels.every(
    ({ requests, failure_examples }) =>
      requests.failed > 0 &&
      requests.completed === 0 &&
      Object.values(failure_examples).every((text) => /^HTTP 40[13]\b/.test(text)),
  );
  if (isWithoutSecrets(inputs) && levels.length > 0 && refused) throw noKey(401);
}

function noKey(status: number): Skipped {
  return new Skipped([
    `Nothing was measured: the service asks for a key (HTTP ${status}), and runs for forks and for Dependabot are given no secrets.`,
    TWO_STEPS,
  ]);
}

function isForeign(): boolean {
  const { pull_request: pull, workflow_run: other, repository } = context.payload;
  const own = repository?.full_name ?? process.env.GITHUB_REPOSITORY;
  // A fork that was deleted meanwhile has no repository: nobody can say whose code it is.
  if (context.eventName === "pull_request_target") return pull?.head?.repo?.full_name !== own;
  if (context.eventName === "workflow_run") return other?.head_repository?.full_name !== own;
  return false;
}

function isWithoutSecrets({ apiKey }: Inputs): boolean {
  if (apiKey !== "" || context.eventName !== "pull_request") return false;
  const { pull_request: pull, repository } = context.payload;
  const own = repository?.full_name ?? process.env.GITHUB_REPOSITORY;
  const head = pull?.head;
  // An event that does not say where its head is may be anything but a fork's.
  const fork = head !== undefined && "repo" in head && head.repo?.full_name !== own;
  return fork || process.env.GITHUB_ACTOR === "dependabot[bot]";
}
