/** What the runner tells of the repository and the event, and the client that speaks to its API. */
import { context, getOctokit } from "@actions/github";
import type { Inputs } from "./inputs.ts";
import { type Pace, REAL_PACE, retry } from "./retry.ts";

export type GitHub = ReturnType<typeof getOctokit>;

export interface Repository {
  readonly owner: string;
  readonly repo: string;
}

export interface PullRequest extends Repository {
  readonly number: number;
}

/** Marks a call that must not be repeated when GitHub may have carried it out. */
export const ONCE = { request: { once: true } } as const;

export function connect(token: string, deadline: AbortSignal, pace: Pace = REAL_PACE): GitHub {
  // A transport given to the constructor would replace the one that knows the proxy; a hook does not.
  const github = getOctokit(token, { baseUrl: process.env.GITHUB_API_URL || "https://api.github.com" });
  github.hook.wrap("request", async (request, options) => {
    const repeatable = !options.request?.once;
    const reads = options.method === "GET";
    const call = async (signal: AbortSignal) => {
      // In place, for the hooks below have been handed this very object.
      options.request = { ...options.request, signal };
      return await request(options);
    };
    return await retry(call, { repeatable, reads, deadline, pace });
  });
  return github;
}

/** Undefined where no runner says whose repository it is. */
export function repository(): Repository | undefined {
  const [owner, repo] = (process.env.GITHUB_REPOSITORY ?? "").split("/");
  return owner && repo ? { owner, repo } : undefined;
}

/**
 * The one given by number, else that of the event, which may also be a comment on a pull request, or the
 * end of another workflow. Rejects when GitHub has to be asked and does not answer.
 */
export async function pullRequestOf(
  inputs: Pick<Inputs, "prNumber" | "githubToken">,
  deadline: AbortSignal,
  pace?: Pace,
): Promise<PullRequest | undefined> {
  const here = repository();
  if (here === undefined) return undefined;
  const { pull_request, issue, workflow_run } = context.payload;
  const number = inputs.prNumber ?? pull_request?.number ?? (issue?.pull_request ? issue.number : undefined);
  if (typeof number === "number") return { ...here, number };
  const head = headOf(workflow_run);
  if (head === undefined || inputs.githubToken === "") return undefined;
  return await pullRequestFrom(connect(inputs.githubToken, deadline, pace), here, head);
}

/** The commit that was measured: `GITHUB_SHA` of a pull request is a merge that nobody has seen. */
export function headSha(): string | undefined {
  const { pull_request, workflow_run } = context.payload;
  return asSha(pull_request?.head?.sha ?? workflow_run?.head_sha ?? context.sha);
}

export function asSha(value: unknown): string | undefined {
  return typeof value === "string" && /^[0-9a-f]{40}$/.test(value) ? value : undefined;
}

/** The page of this run, where the summary is and the uploaded files are. */
export function runUrl(): string | undefined {
  return Number.isNaN(context.runId) ? undefined : urlOfRun(context.runId);
}

export function urlOfRun(runId: number): string | undefined {
  const name = process.env.GITHUB_REPOSITORY;
  return name ? `${context.serverUrl}/${name}/actions/runs/${runId}` : undefined;
}

interface Head {
  readonly owner: string;
  readonly fullName: string;
  readonly branch: string;
  readonly sha: string;
}

/** Of the workflow that has ended, where its event is whole. */
function headOf(run: unknown): Head | undefined {
  const { head_repository, head_branch, head_sha } = (run ?? {}) as {
    head_repository?: { full_name?: unknown; owner?: { login?: unknown } };
    head_branch?: unknown;
    head_sha?: unknown;
  };
  const owner = head_repository?.owner?.login;
  const fullName = head_repository?.full_name;
  const sha = asSha(head_sha);
  if (typeof owner !== "string" || typeof fullName !== "string") return undefined;
  if (typeof head_branch !== "string" || sha === undefined) return undefined;
  return { owner, fullName, branch: head_branch, sha };
}

/**
 * The event's own `pull_requests` is empty for forks. Anybody can have a branch of the same name, and a
 * pull request may have moved on, so repository and commit must be the same too.
 */
async function pullRequestFrom(
  github: GitHub,
  here: Repository,
  { owner, fullName, branch, sha }: Head,
): Promise<PullRequest | undefined> {
  const { data } = await github.rest.pulls.list({
    ...here,
    head: `${owner}:${branch}`,
    state: "open",
    per_page: 100,
  });
  const found = data.filter(({ head }) => head.sha === sha && head.repo?.full_name === fullName);
  // One branch may be asked to go into several; the oldest request is the same one every time.
  const number = found.map((pull) => pull.number).toSorted((a, b) => a - b)[0];
  return number === undefined ? undefined : { ...here, number };
}
