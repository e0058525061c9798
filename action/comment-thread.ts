/** The comments of a pull request that carry the mark, as GitHub's API gives and takes them. */
import { parseSections, type Section, tells } from "./comment-sections.ts";
import { type GitHub, ONCE, type PullRequest } from "./github.ts";

/** Leftovers of jobs that were killed are cleaned up a few at a time. */
const MAX_OTHERS_DELETED = 2;

export interface OwnComment {
  readonly id: number;
  readonly url: string;
  readonly sections: readonly Section[];
}

interface RawComment {
  readonly id: number | bigint;
  readonly html_url: string;
  readonly body?: string | null;
  readonly user: { readonly login: string } | null;
  readonly minimized?: unknown;
}

/** The comments of a pull request that carry the mark and were written by the token's own identity. */
export class CommentThread {
  /** Pages and the question who one is not counted. */
  calls = 0;
  readonly #github: GitHub;
  readonly #pull: PullRequest;
  readonly #marker: string;
  #login: string | undefined;
  #lastPage = 1;
  /** The comment that was made here, unless it is gone again. */
  created: OwnComment | undefined;

  constructor(github: GitHub, pull: PullRequest, marker: string) {
    this.#github = github;
    this.#pull = pull;
    this.#marker = marker;
  }

  /** The lowest id first. */
  async readAll(fromPage = 1): Promise<readonly OwnComment[]> {
    this.calls++;
    // At the same time: whatever lies between reading and writing is time for others to be written over in.
    const [marked, login] = await Promise.all([
      this.#marked(fromPage),
      this.#login ?? identity(this.#github),
    ]);
    this.#login = login;
    const own = marked.filter(({ user }) => user?.login === login).map(read);
    // A list may be older than what was just written.
    if (this.created !== undefined && !own.some(({ id }) => id === this.created?.id)) own.push(this.created);
    return own.toSorted((a, b) => a.id - b.id);
  }

  async #marked(fromPage: number): Promise<readonly RawComment[]> {
    const { owner, repo, number } = this.#pull;
    const marked: RawComment[] = [];
    for (let page = fromPage; ; page++) {
      const { data, headers } = await this.#github.rest.issues.listComments({
        owner,
        repo,
        issue_number: number,
        per_page: 100,
        page,
      });
      marked.push(...data.filter((comment) => this.#isMarked(comment)));
      this.#lastPage = page;
      if (!headers.link?.includes('rel="next"')) return marked;
    }
  }

  /** Whoever made a comment looks for others that were made meanwhile; to whom found one, that is enough. */
  async readAgain([winner, ...others]: readonly OwnComment[]): Promise<readonly OwnComment[]> {
    if (winner === undefined || this.created !== undefined) return await this.readAll(this.#lastPage);
    if (others.length > 0) return await this.readAll();
    this.calls++;
    const { owner, repo } = this.#pull;
    try {
      const { data } = await this.#github.rest.issues.getComment({ owner, repo, comment_id: winner.id });
      if (this.#isMarked(data)) return [read(data)];
    } catch (thrown) {
      if (!this.isGone(thrown, winner)) throw thrown;
    }
    return await this.readAll();
  }

  async write(winner: OwnComment | undefined, body: string): Promise<void> {
    this.calls++;
    const { owner, repo, number } = this.#pull;
    if (winner !== undefined) {
      await this.#github.rest.issues.updateComment({ owner, repo, comment_id: winner.id, body, ...ONCE });
      return;
    }
    const { data } = await this.#github.rest.issues.createComment({
      owner,
      repo,
      issue_number: number,
      body,
      ...ONCE,
    });
    this.#login = data.user?.login ?? this.#login;
    this.created = read(data);
  }

  /** Somebody has deleted the comment. */
  isGone(thrown: unknown, winner: OwnComment | undefined): boolean {
    const gone = winner !== undefined && [404, 410].includes((thrown as { status: number }).status);
    if (gone && this.created?.id === winner.id) this.created = undefined;
    return gone;
  }

  /** One's own first. Left over is better than failed: the next run sees them too. */
  async removeCovered(
    winner: OwnComment,
    others: readonly OwnComment[],
    { writer, mostCalls }: { writer: string; mostCalls: number },
  ): Promise<void> {
    const covered = others.filter(({ sections }) =>
      sections.every((section) => tells(winner.sections, section)),
    );
    const isOurs = ({ sections }: OwnComment) => sections.some((section) => section.writer === writer);
    const ours = covered.filter(isOurs);
    const rest = covered.filter((comment) => !isOurs(comment)).slice(0, MAX_OTHERS_DELETED);
    for (const { id } of [...ours, ...rest]) {
      if (this.calls++ >= mostCalls) return;
      const { owner, repo } = this.#pull;
      await this.#github.rest.issues.deleteComment({ owner, repo, comment_id: id }).catch(() => undefined);
    }
  }

  /** Anybody can quote the mark, and what a person has hidden is no place to report in. */
  #isMarked({ body, minimized }: RawComment): boolean {
    return body?.startsWith(this.#marker) === true && !minimized;
  }
}

function read({ id, html_url, body }: RawComment): OwnComment {
  return { id: Number(id), url: html_url, sections: parseSections(body ?? "") };
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
