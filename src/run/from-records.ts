import { GoodputError } from "../errors.ts";
import { planHash } from "../plan/config.ts";
import type { Plan } from "../plan/plan.ts";
import { type RecordsFooter, type RecordsHeader, readRecords } from "../record/records-file.ts";
import { buildResult } from "../report/build-result.ts";
import type { Result } from "../result.ts";
import { leaveOutStarts } from "../summarize/leave-out-start.ts";
import { LevelSummarizer, mergeSummaries, type Summaries } from "../summarize/summary.ts";

/** Makes a run's result again from its records alone. @throws GoodputError RESULT_UNREADABLE. */
export async function resultFromRecords(path: string): Promise<Result> {
  const { header, summaries, footer } = await readSummaries(path);
  return buildResult(header, leaveOutStarts(summaries), footer);
}

/**
 * One result from the records of all shards of one plan, exact: as though one machine had done it.
 * @param allowMissing goes on without shards that are not there; the result says which and is invalid otherwise.
 * @param stored a result to compare with.
 * @throws GoodputError RESULT_UNREADABLE when they are not of one plan.
 */
export async function mergeRecords(
  paths: readonly string[],
  allowMissing = false,
  stored?: Result,
): Promise<Result> {
  const parts = await Promise.all(paths.map(readSummaries));
  const [first] = parts;
  if (first === undefined) throw new GoodputError("RESULT_UNREADABLE", "There is nothing to merge.");
  const of = first.header.shard?.of ?? 1;
  const seen = new Map<number, string>();
  for (const [i, { header }] of parts.entries()) {
    const refuse = (why: string) =>
      new GoodputError("RESULT_UNREADABLE", `${paths[i]} cannot be merged with ${paths[0]}: ${why}.`);
    if (planHash(header.plan) !== planHash(first.header.plan)) throw refuse("it is of another plan");
    if ((header.shard?.of ?? 1) !== of)
      throw refuse(`it is one of ${header.shard?.of ?? 1} shards, not of ${of}`);
    const index = header.shard?.index ?? 0;
    const twin = seen.get(index);
    if (twin !== undefined) throw refuse(`shard ${index + 1} of ${of} is there already, in ${twin}`);
    seen.set(index, paths[i]!);
  }
  const missing = Array.from({ length: of }, (_, index) => index).filter((index) => !seen.has(index));
  const { shard: _, promptSalt, ...ofAll } = first.header;
  const saltedApart = parts.some(({ header }) => header.promptSalt !== promptSalt);
  const header = saltedApart || promptSalt === undefined ? ofAll : { ...ofAll, promptSalt };
  // Of all shards together: none of them sees enough of a start by itself.
  const summaries = leaveOutStarts({ head: mergeLevels(parts, "head"), base: mergeLevels(parts, "base") });
  const footer: RecordsFooter = {
    state: parts.every((part) => part.footer.state === "completed") ? "completed" : "cancelled",
    durationNs: Math.max(...parts.map((part) => part.footer.durationNs)),
  };
  return buildResult(header, summaries, footer, {
    missingShards: { missing, of, allowed: allowMissing },
    sharedApart: saltedApart && sharesBeginnings(header.plan, summaries),
    ...(stored && { stored }),
  });
}

/** Whether prompts of different conversations begin alike: then shards must agree on how. */
function sharesBeginnings({ workload }: Plan, { head }: Summaries): boolean {
  if (workload.prefixTokens > 0) return true;
  return (
    workload.trace !== undefined && head.some(({ requests }) => requests.some((one) => one.sharedTokens))
  );
}

interface ReadRun {
  readonly header: RecordsHeader;
  readonly summaries: Summaries;
  readonly footer: RecordsFooter;
}

async function readSummaries(path: string): Promise<ReadRun> {
  let header: RecordsHeader | undefined;
  let footer: RecordsFooter | undefined;
  const summarizers = { head: new Map<number, LevelSummarizer>(), base: new Map<number, LevelSummarizer>() };
  const open = new Set<LevelSummarizer>();
  const of = ({ side }: { readonly side?: "base" }) => summarizers[side ?? "head"];
  for await (const line of readRecords(path)) {
    if ("header" in line) header = line.header;
    else if ("footer" in line) footer = line.footer;
    else if ("start" in line) {
      const { level, startNs } = line.start;
      const levels = of(line.start);
      if (!levels.has(level.index)) levels.set(level.index, new LevelSummarizer(level));
      levels.get(level.index)!.begin(startNs);
      open.add(levels.get(level.index)!);
    } else {
      const entry = "end" in line ? line.end : line.request;
      const summarizer = of(entry).get(entry.level);
      if (summarizer === undefined) {
        throw new GoodputError(
          "RESULT_UNREADABLE",
          `${path} has a line of level ${entry.level}, which never began.`,
        );
      }
      if ("end" in line) {
        summarizer.end(line.end);
        open.delete(summarizer);
      } else summarizer.add(line.request);
    }
  }
  if (header === undefined) throw new GoodputError("RESULT_UNREADABLE", `${path} is empty.`);
  // A run that was killed has no footer, nor an end to its last stretch: what was written stands.
  for (const summarizer of open) summarizer.cutShort();
  const finished = (levels: ReadonlyMap<number, LevelSummarizer>) =>
    [...levels.values()].map((level) => level.finish());
  const summaries = { head: finished(summarizers.head), base: finished(summarizers.base) };
  const durationNs = summaries.head.reduce((sum, { record }) => sum + record.window.end, 0);
  return { header, summaries, footer: footer ?? { state: "cancelled", durationNs } };
}

function mergeLevels(parts: readonly ReadRun[], side: "head" | "base"): Summaries["head"] {
  const count = Math.max(...parts.map(({ summaries }) => summaries[side].length));
  return Array.from({ length: count }, (_, i) =>
    mergeSummaries(parts.flatMap(({ summaries }) => summaries[side][i] ?? [])),
  );
}
