/**
 * One comment per pull request and `comment-id`, written anew by every run. It is found by a marker at its
 * very start, and only where the author is the token's own identity: anybody can write or quote a marker.
 */
import { info, warning } from "@actions/core";
import { plainText } from "../src/index.ts";
import { type Ending, fails } from "./ending.ts";
import { connect, type GitHub, type PullRequest, pullRequest } from "./github.ts";
import type { Inputs } from "./inputs.ts";
import { markdown } from "./report.ts";

/** GitHub refuses 65,536; the rest is room for what GitHub counts differently. */
const BODY_MAX_CHARS = 60_000;

/** Returns the comment's address. Whatever goes wrong is a warning: the verdict stands without it. */
export async function postComment(
  ending: Ending,
  inputs: Inputs,
  deadline: AbortSignal,
): Promise<string | undefined> {
  if (inputs.comment === "off") return undefined;
  const pull = pullRequest(inputs.prNumber);
  if (pull === undefined) {
    info("No comment: this run belongs to no pull request.");
    return undefined;
  }
  if (inputs.githubToken === "") {
    warning(`No comment on pull request ${pull.number}: github-token is empty.`);
    return undefined;
  }
  const marker = `<!-- goodput:comment ${inputs.commentId} -->\n`;
  const body = marker + markdown(ending, BODY_MAX_CHARS - marker.length);
  // A comment that tells of a failure must not outlive it, so one that is there is always updated.
  const create = inputs.comment === "always" || fails(ending, inputs.failOn);
  try {
    return await upsert(connect(inputs.githubToken, deadline), pull, { marker, body, create });
  } catch (thrown) {
    warning(describeFailure(thrown, pull), { title: "Goodput: no comment" });
    return undefined;
  }
}

interface Comment {
  readonly marker: string;
  readonly body: string;
  /** Whether to make it where there is none. */
  readonly create: boolean;
}

async function upsert(
  github: GitHub,
  { owner, repo, number }: PullRequest,
  { marker, body, create }: Comment,
): Promise<string | undefined> {
  const own = await findOwn(github, { owner, repo, number }, marker);
  if (own !== undefined) {
    const { data } = await github.rest.issues.updateComment({ owner, repo, comment_id: own, body });
    return data.html_url;
  }
  if (!create) return undefined;
  const { data } = await github.rest.issues.createComment({ owner, repo, issue_number: number, body });
  return data.html_url;
}

/** The oldest one, for runs at the same time may have made two, and all must agree on which they keep. */
async function findOwn(
  github: GitHub,
  { owner, repo, number }: PullRequest,
  marker: string,
): Promise<number | undefined> {
  const login = await identity(github);
  const pages = github.paginate.iterator(github.rest.issues.listComments, {
    owner,
    repo,
    issue_number: number,
    per_page: 100,
  });
  for await (const { data } of pages) {
    // GitHub may give line ends back as CRLF, hence the comparison without the marker's own.
    const found = data.find(
      (comment) => comment.user?.login === login && comment.body?.startsWith(marker.trimEnd()),
    );
    if (found !== undefined) return found.id;
  }
  return undefined;
}

/**
 * Who the token writes as. An app's token, the job's own among them, is refused `GET /user`; `viewer`
 * answers every kind of token. Without it, the job's own token is the likely one.
 */
async function identity(github: GitHub): Promise<string> {
  try {
    const { viewer } = await github.graphql<{ viewer: { login: string } }>("query { viewer { login } }");
    return viewer.login;
  } catch {
    return github.rest.users.getAuthenticated().then(
      ({ data }) => data.login,
      () => "github-actions[bot]",
    );
  }
}

function describeFailure(thrown: unknown, { number }: PullRequest): string {
  const status = (thrown as { status?: unknown }).status;
  const message = plainText(thrown instanceof Error ? thrown.message : String(thrown));
  const failed = `The report is in the job summary but not on pull request ${number}`;
  if (status !== 403 && status !== 404) return `${failed}: ${message}`;
  if (/rate limit/i.test(message)) return `${failed}: ${message}`;
  return [
    `${failed}: the token may not write comments (HTTP ${status}).`,
    'Give the job the permission "pull-requests: write".',
    "Runs for forks and for Dependabot always have a read-only token.",
  ].join(" ");
}
