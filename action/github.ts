/** What the runner tells of the repository and the event, and the client that speaks to its API. */
import { context, getOctokit } from "@actions/github";

export type GitHub = ReturnType<typeof getOctokit>;

export interface PullRequest {
  readonly owner: string;
  readonly repo: string;
  readonly number: number;
}

/** For all calls together: GitHub answers within a second or two, and the verdict must not wait for it. */
const TIMEOUT_MS = 15_000;

export function connect(token: string, deadline: AbortSignal): GitHub {
  const github = getOctokit(token);
  const signal = AbortSignal.any([deadline, AbortSignal.timeout(TIMEOUT_MS)]);
  // Options given to the constructor would replace the transport that knows the proxy; a hook does not.
  github.hook.before("request", (options) => {
    options.request = { ...options.request, signal };
  });
  return github;
}

/** The one given by number, else that of the event, which may also be a comment on a pull request. */
export function pullRequest(given: number | undefined): PullRequest | undefined {
  const { pull_request, issue } = context.payload;
  const number = given ?? pull_request?.number ?? (issue?.pull_request ? issue.number : undefined);
  if (number === undefined || !process.env.GITHUB_REPOSITORY?.includes("/")) return undefined;
  return { ...context.repo, number };
}

/** The commit that was measured: `GITHUB_SHA` of a pull request is a merge that nobody has seen. */
export function headSha(): string | undefined {
  const sha: unknown = context.payload.pull_request?.head?.sha ?? context.sha;
  return typeof sha === "string" && /^[0-9a-f]{40}$/.test(sha) ? sha : undefined;
}

/** The page of this run, where the summary is and the uploaded files are. */
export function runUrl(): string | undefined {
  const repository = process.env.GITHUB_REPOSITORY;
  if (!repository || Number.isNaN(context.runId)) return undefined;
  return `${context.serverUrl}/${repository}/actions/runs/${context.runId}`;
}
