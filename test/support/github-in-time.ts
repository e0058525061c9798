/**
 * GitHub's comments in memory, in time that only a test moves: a call is on its way for a while, is carried out
 * in one moment, and its answer is on its way again. Hundreds of jobs that race one another end within a second
 * and always the same.
 */
import type { GitHub } from "../../action/github.ts";
import type { Pace } from "../../action/retry.ts";
import { FakeClock } from "./fake-clock.ts";

export const BOT = "github-actions[bot]";

export interface GitHubInTime {
  readonly comments: { readonly id: number; body: string }[];
  readonly pace: Pace;
  /** A client of its own for each job; `onCall` is told of every call it makes. */
  client(onCall: (name: string) => void): GitHub;
  /** Moves time on until `work` is done. */
  settled<T>(work: Promise<T>): Promise<T>;
}

/** @param wayMs how long the call `name` is on its way there, or its answer back. */
export function githubInTime(wayMs: (name: string) => number, random: () => number): GitHubInTime {
  const clock = new FakeClock();
  const comments: { readonly id: number; body: string }[] = [];
  const sleep = (ms: number) => clock.sleepUntil(clock.now() + Math.round(ms * 1e6));
  let lastId = 1000;

  const found = (id: number) => {
    const comment = comments.find((candidate) => candidate.id === id);
    if (comment === undefined) throw Object.assign(new Error("Not Found"), { status: 404 });
    return comment;
  };
  const shown = ({ id, body }: { id: number; body: string }) => ({
    id,
    body,
    html_url: `https://github.test/comments/${id}`,
    user: { login: BOT },
  });

  function client(onCall: (name: string) => void): GitHub {
    const call = async <T>(name: string, act: () => T) => {
      onCall(name);
      await sleep(wayMs(name));
      let answer: () => T;
      try {
        const value = act();
        answer = () => value;
      } catch (thrown) {
        answer = () => {
          throw thrown;
        };
      }
      await sleep(wayMs(name));
      return { data: answer(), headers: {} };
    };
    const issues = {
      listComments: () => call("list", () => comments.map(shown)),
      getComment: (given: { comment_id: number }) => call("get", () => shown(found(given.comment_id))),
      updateComment: (given: { comment_id: number; body: string }) =>
        call("update", () => shown(Object.assign(found(given.comment_id), { body: given.body }))),
      createComment: ({ body }: { body: string }) =>
        call("create", () => {
          const comment = { id: ++lastId, body };
          comments.push(comment);
          return shown(comment);
        }),
      deleteComment: (given: { comment_id: number }) =>
        call("delete", () => void comments.splice(comments.indexOf(found(given.comment_id)), 1)),
    };
    const graphql = async () => (await call("identity", () => ({ viewer: { login: BOT } }))).data;
    return { graphql, rest: { issues } } as unknown as GitHub;
  }

  return {
    comments,
    client,
    pace: { nowMs: () => clock.now() / 1e6, wait: sleep, random },
    async settled(work) {
      let done = false;
      const over = () => {
        done = true;
      };
      work.then(over, over);
      for (let ms = 0; !done; ms += 100) await clock.advanceTo(ms * 1e6);
      return await work;
    },
  };
}
