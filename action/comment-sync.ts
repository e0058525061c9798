/**
 * Jobs that run at the same time share one comment, and GitHub knows no "write only if unchanged". So every
 * job reads, merges what it has read with its own section, writes, waits, and reads again until nothing is
 * missing: whose section was overwritten in between sees it, and so does everybody who had seen it before.
 * The comment with the lowest id is the one; others are deleted once it tells all that they tell.
 */
import { commentMarker, composeBody, mergeSections, type Section, tells } from "./comment-sections.ts";
import { CommentThread } from "./comment-thread.ts";
import type { GitHub, PullRequest } from "./github.ts";
import { backoffMs, failureOf, MAX_TRIES, type Pace } from "./retry.ts";

export interface Report {
  readonly commentId: string;
  /** Without its Markdown, whose length depends on what the others leave. */
  readonly own: Section;
  readonly render: (maxChars: number) => string;
  /** Whether to write at all, given what is there: `undefined` where there is no comment yet. */
  readonly wanted: (there: readonly Section[] | undefined) => boolean;
}

export interface Synced {
  /** "older": a newer run has told its result already. "unsettled": others kept writing over it. */
  readonly state: "written" | "left" | "older" | "unsettled";
  readonly url?: string;
}

/** With the question who one is and a check run's two calls this makes twelve. */
const MAX_CALLS = 9;
/** Shortest time in which another job can have read, merged and written. */
const LEAST_UNIT_MS = 250;
const MAX_WAIT_MS = 10_000;

/** Rejects when GitHub does. */
export async function syncComment(
  github: GitHub,
  pull: PullRequest,
  report: Report,
  pace: Pace,
  deadline: AbortSignal,
  leastUnitMs = LEAST_UNIT_MS,
): Promise<Synced> {
  const { own } = report;
  const thread = new CommentThread(github, pull, commentMarker(report.commentId));
  const known: Section[] = [];
  let startedMs = pace.nowMs();
  let unitMs = leastUnitMs;
  let failures = 0;
  let writes = 0;

  let there = await thread.readAll();
  const url = () => {
    const address = there[0]?.url ?? thread.created?.url;
    return address === undefined ? {} : { url: address };
  };
  const sectionsThere = there.flatMap(({ sections }) => sections);
  if (!report.wanted(there.length === 0 ? undefined : sectionsThere)) return { state: "left", ...url() };
  for (;;) {
    // What was seen once is never lost: should somebody have written over it, it is written again.
    known.unshift(...there.flatMap(({ sections }) => sections));
    const merged = mergeSections([...known, own]);
    known.splice(0, known.length, ...merged.filter(({ writer }) => writer !== own.writer));
    if (!merged.some(({ writer }) => writer === own.writer)) return { state: "older", ...url() };

    const [winner, ...others] = there;
    if (winner !== undefined && merged.every((section) => tells(winner.sections, section))) {
      await thread.removeCovered(winner, others, { writer: own.writer, mostCalls: MAX_CALLS });
      return { state: "written", ...url() };
    }
    // One to write and one to see whether it stayed.
    if (thread.calls + 2 > MAX_CALLS) return { state: "unsettled", ...url() };

    const body = composeBody(report.commentId, merged, own, report.render);
    try {
      await thread.write(winner, body);
      writes++;
    } catch (thrown) {
      // Perhaps done, and what was read is old by now: look before doing it again.
      if (failureOf(thrown) !== "unclear" && !thread.isGone(thrown, winner)) throw thrown;
      if (++failures === MAX_TRIES) throw thrown;
      await pace.wait(backoffMs("unclear", failures, pace), deadline);
      startedMs = pace.nowMs();
      there = await thread.readAll();
      continue;
    }
    unitMs = Math.max(unitMs, inPowers(pace.nowMs() - startedMs, leastUnitMs));
    const rank = merged.findIndex(({ writer }) => writer === own.writer);
    try {
      await pace.wait(waitMs({ unitMs, rank, jobs: merged.length, writes }, pace), deadline);
      startedMs = pace.nowMs();
      there = await thread.readAgain(there);
    } catch {
      // It is written; only whether it stayed cannot be seen, for want of time or of an answer.
      return { state: "written", ...url() };
    }
  }
}

/**
 * At first one after the other in the order of names: jobs that began together would write over one another
 * again if they came back together. Should that not have been enough, in a new order each time.
 */
function waitMs(
  { unitMs, rank, jobs, writes }: { unitMs: number; rank: number; jobs: number; writes: number },
  { random }: Pace,
): number {
  const slot = writes === 1 ? rank : Math.floor(random() * jobs);
  const ms = unitMs * (1.5 + slot + random() / 2);
  return ms <= MAX_WAIT_MS ? ms : MAX_WAIT_MS * (0.2 + 0.8 * random());
}

/** In few steps, so that jobs with about the same latency have the same slots. */
function inPowers(ms: number, least: number): number {
  return least * 2 ** Math.ceil(Math.log2(Math.max(1, ms / least)));
}
