/**
 * Jobs that run at the same time share one comment, and GitHub knows no "write only if unchanged". So every
 * job reads, merges what it has read with its own section, writes, stays a moment, and reads again. Whoever
 * writes over a section has read before that was written; so it stays for longer than others take from reading
 * to writing, sees what is missing, and writes that again together with all it has ever seen there. A job alone
 * is done with this. Only where something was missing do jobs take turns, each with a read of its own.
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
const MAX_TURN_MS = 20_000;

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
  let spanMs = 0;
  let failures = 0;
  let written = false;
  /** Whether something was missing once, so that others are known to write. */
  let crowded = false;

  let there = await thread.readAll();
  const url = () => {
    const address = there[0]?.url ?? thread.created?.url;
    return address === undefined ? {} : { url: address };
  };
  const unitMs = () => inPowers(Math.max(spanMs, leastUnitMs), leastUnitMs);
  const sectionsThere = there.flatMap(({ sections }) => sections);
  if (!report.wanted(there.length === 0 ? undefined : sectionsThere)) return { state: "left", ...url() };
  for (;;) {
    // What was seen once is never lost: should somebody have written over it, it is written again.
    known.unshift(...there.flatMap(({ sections }) => sections));
    const merged = mergeSections([...known, own]);
    known.splice(0, known.length, ...merged.filter(({ writer }) => writer !== own.writer));
    const rank = merged.findIndex(({ writer }) => writer === own.writer);
    if (rank === -1) return { state: "older", ...url() };

    const [winner, ...others] = there;
    if (winner !== undefined && merged.every((section) => tells(winner.sections, section))) {
      await thread.removeCovered(winner, others, { writer: own.writer, mostCalls: MAX_CALLS });
      return { state: "written", ...url() };
    }
    if (thread.calls >= MAX_CALLS) return { state: "unsettled", ...url() };
    if (written && !crowded) {
      crowded = true;
      const slot = slotOf({
        rank,
        sections: merged.length,
        named: sectionsThere.some(({ name }) => name === own.name),
        created: others.length === 0 ? undefined : thread.created?.id === winner?.id ? "first" : "later",
        random: pace.random(),
      });
      if (slot > 0) {
        try {
          await pace.wait(turnMs(slot, unitMs(), pace), deadline);
        } catch {
          return { state: "unsettled", ...url() };
        }
        startedMs = pace.nowMs();
        there = await thread.readAgain(there);
        continue;
      }
    }

    const body = composeBody(report.commentId, merged, own, report.render);
    try {
      await thread.write(winner, body);
      written = true;
    } catch (thrown) {
      // Perhaps done, and what was read is old by now: look before doing it again.
      if (failureOf(thrown) !== "unclear" && !thread.isGone(thrown, winner)) throw thrown;
      if (++failures === MAX_TRIES) throw thrown;
      await pace.wait(backoffMs("unclear", failures, pace), deadline);
      startedMs = pace.nowMs();
      there = await thread.readAll();
      continue;
    }
    spanMs = Math.max(spanMs, pace.nowMs() - startedMs);
    // More likely than not it stays; there is no call left to see it.
    if (thread.calls >= MAX_CALLS) return { state: "written", ...url() };
    try {
      const stayMs = Math.max(1.5 * leastUnitMs, spanMs / 2);
      // Two that have met in spite of their turns would meet again if they came back together.
      const apartMs = crowded ? turnMs(1.5 * pace.random() * merged.length, unitMs(), pace) : 0;
      await pace.wait(stayMs + apartMs, deadline);
      startedMs = pace.nowMs();
      there = await thread.readAgain(there);
    } catch {
      // It is written; only whether it stayed cannot be seen, for want of time or of an answer.
      return { state: "written", ...url() };
    }
  }
}

/**
 * When it is whose turn, in units. Those that an earlier run has named all know each other, and come in the
 * order of names; others after them somewhere. Where several comments were made, the first is brought up to
 * date by the job that made it, and the others only look whether that was done.
 */
function slotOf({
  rank,
  sections,
  named,
  created,
  random,
}: {
  rank: number;
  sections: number;
  named: boolean;
  created: "first" | "later" | undefined;
  random: number;
}): number {
  if (created !== undefined) return created === "first" ? 0 : 1 + random;
  return named ? rank : sections * (0.5 + 2 * random);
}

function turnMs(slot: number, unitMs: number, { random }: Pace): number {
  const ms = unitMs * (slot + random() / 2);
  return ms <= MAX_TURN_MS ? ms : MAX_TURN_MS * (0.2 + 0.8 * random());
}

/** In few steps, so that jobs with about the same latency have the same slots. */
function inPowers(ms: number, least: number): number {
  return least * 2 ** Math.ceil(Math.log2(Math.max(1, ms / least)));
}
