import type { LevelRecord } from "../record/record.ts";
import { mergedSections, sectionOf } from "./sections.ts";
import {
  completedOf,
  type LevelSummary,
  newHistograms,
  type RequestFacts,
  recordLatencies,
  type Summaries,
  valuesOf,
} from "./summary.ts";
import { transientOf } from "./transient.ts";

/**
 * Every level without the start in which it had not settled. Both sides of a comparison lose the same requests, as
 * many as the one that settled later.
 */
export function leaveOutStarts({ head, base }: Summaries): Summaries {
  const levels = head.map((summary, i) =>
    leaveOutStart([summary, ...(base[i] === undefined ? [] : [base[i]])]),
  );
  return { head: levels.map(([summary]) => summary!), base: levels.flatMap(([, summary]) => summary ?? []) };
}

/** Of one level, all its sides. */
export function leaveOutStart(sides: readonly LevelSummary[]): readonly LevelSummary[] {
  const starts = sides.map(startOf);
  const sections = Math.max(...starts.map((start) => (start === "unsettled" ? 0 : start)));
  if (sections > 0) return sides.map((side) => from(side, sections));
  return sides.map((side, i) =>
    starts[i] === "unsettled" ? { ...side, record: { ...side.record, unsettled: true } } : side,
  );
}

/** How many sections of a level's requests its start takes up; never more than half of them. */
function startOf(summary: LevelSummary): number | "unsettled" {
  const { level, requests } = summary;
  const { load } = level;
  // Stages, users who come one by one and traces change because they are meant to.
  if (load.kind !== "open" && load.kind !== "closed") return 0;
  const completed = inPlannedOrder(completedOf(summary));
  let sections = 0;
  let unsettled = false;
  for (const metric of ["ttft", "e2e"] as const) {
    const transient = transientOf(valuesOf(completed, (request) => request[metric]));
    unsettled ||= transient.kind === "unsettled";
    if (transient.kind === "unsettled" || transient.length === 0) continue;
    const known = completed.filter((request) => request[metric] !== undefined);
    sections = Math.max(sections, sectionOf(known[transient.length - 1]!.index) + 1);
  }
  // A section is as long as a fifth of what comes before it, and may reach beyond the middle.
  while (
    sections > 0 &&
    2 * count(requests, (request) => sectionOf(request.index) < sections) > requests.length
  )
    sections--;
  return sections === 0 && unsettled ? "unsettled" : sections;
}

/** Sections are of the plan's order. */
function inPlannedOrder(requests: readonly RequestFacts[]): readonly RequestFacts[] {
  const isOrdered = requests.every(({ index }, i) => i === 0 || index >= requests[i - 1]!.index);
  return isOrdered ? requests : requests.toSorted((a, b) => a.index - b.index || a.scheduled - b.scheduled);
}

function from(summary: LevelSummary, section: number): LevelSummary {
  const { true: leftOut = [], false: requests = [] } = Object.groupBy(summary.requests, ({ index }) =>
    sectionOf(index) < section ? "true" : "false",
  );
  const completed = requests.filter(({ outcome }) => outcome === "completed");
  const latencies = { ...newHistograms(), itl: mergedSections(summary.itlSections, section) };
  for (const { issueDelay } of requests)
    if (issueDelay !== undefined) latencies.issue_delay.record(issueDelay);
  for (const request of completed) recordLatencies(request, latencies);
  return {
    ...summary,
    record: opensAt(
      summary.record,
      requests.reduce((first, { scheduled }) => Math.min(first, scheduled), Number.POSITIVE_INFINITY),
    ),
    requests,
    leftOut,
    latencies,
    itlSections: summary.itlSections.map((sections) =>
      sections.map((histogram, i) => (i < section ? undefined : histogram)),
    ),
  };
}

function opensAt(record: LevelRecord, moment: number): LevelRecord {
  const { end } = record.window;
  const start = Math.min(moment, end - 1);
  return {
    ...record,
    window: { start, end },
    stretches: record.stretches.map((one) => ({
      start: Math.max(one.start, start),
      end: Math.max(one.end, start),
    })),
  };
}

function count(requests: readonly RequestFacts[], is: (request: RequestFacts) => boolean): number {
  return requests.filter(is).length;
}
