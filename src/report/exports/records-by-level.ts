import { GoodputError } from "../../errors.ts";
import type { Level } from "../../plan/plan.ts";
import type { RequestRecord } from "../../record/record.ts";
import { type RecordsHeader, readRecords } from "../../record/records-file.ts";
import { NS_PER_S } from "../../units.ts";

/** Something that takes in the requests of one level. */
export interface Fold {
  /** A stretch of the level begins; what lies between two of them was somebody else's time. */
  begin(): void;
  add(record: RequestRecord): void;
}

export interface FoldedLevel<T> {
  /** Index among the levels of the run. */
  readonly index: number;
  readonly level: Level | undefined;
  readonly fold: T;
}

/**
 * Reads a records file once, giving every level's requests to a fold of its own; a baseline's requests went
 * to another target and are passed over, and so is a ramp. @throws GoodputError RESULT_UNREADABLE.
 */
export async function recordsByLevel<T extends Fold>(
  path: string,
  make: () => T,
): Promise<{ readonly header: RecordsHeader; readonly levels: readonly FoldedLevel<T>[] }> {
  let header: RecordsHeader | undefined;
  const folded = new Map<number, FoldedLevel<T>>();
  const at = (index: number, level: Level | undefined): FoldedLevel<T> => {
    const known = folded.get(index) ?? { index, level, fold: make() };
    folded.set(index, known);
    return known;
  };
  for await (const line of readRecords(path)) {
    if ("header" in line) header = line.header;
    // A search finds its levels as it goes, so the start's line knows more than the plan.
    else if ("start" in line && line.start.side !== "base") {
      at(line.start.level.index, line.start.level).fold.begin();
    } else if ("request" in line && line.request.side !== "base" && line.request.ramp !== true) {
      const { level } = line.request;
      at(level, header?.plan.levels[level]).fold.add(line.request);
    }
  }
  if (header === undefined) throw new GoodputError("RESULT_UNREADABLE", `${path} is empty.`);
  return { header, levels: [...folded.values()].sort((a, b) => a.index - b.index) };
}

/** Time from the first send to the last end, summed over stretches that lay apart. */
export class Span {
  #doneNs = 0;
  #first = Number.POSITIVE_INFINITY;
  #last = Number.NEGATIVE_INFINITY;

  begin(): void {
    this.#doneNs += Math.max(0, this.#last - this.#first);
    this.#first = Number.POSITIVE_INFINITY;
    this.#last = Number.NEGATIVE_INFINITY;
  }

  add(fromNs: number, toNs: number): void {
    this.#first = Math.min(this.#first, fromNs);
    this.#last = Math.max(this.#last, toNs);
  }

  get seconds(): number {
    return (this.#doneNs + Math.max(0, this.#last - this.#first)) / NS_PER_S;
  }
}
