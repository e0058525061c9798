import type { Judged } from "../../src/judge/doubt.ts";
import { figuresOfSummary } from "../../src/judge/level-figures.ts";
import { type Validity, validityOf } from "../../src/judge/validity.ts";
import { judge } from "../../src/judge/verdict.ts";
import type { Plan } from "../../src/plan/plan.ts";
import type { LevelRecord, RequestRecord } from "../../src/record/record.ts";
import type { LevelSummary } from "../../src/summarize/summary.ts";
import { summaryOf } from "./records.ts";

interface Sides {
  readonly given?: Partial<LevelRecord>;
  readonly base?: readonly RequestRecord[];
}

/** As a run finds it: every verdict, and what is said of it. */
export function validity(
  plan: Plan,
  records: readonly RequestRecord[],
  { given, base }: Sides = {},
): Validity {
  const summary = summaryOf(plan, records, given);
  const beside = base && summaryOf(plan, base);
  const judged = plan.objectives.map((objective): Judged => {
    const from = (head: LevelSummary, other: LevelSummary | undefined) =>
      judge(objective, head, plan.confidence, other && figuresOfSummary(other));
    return {
      ...from(summary, beside),
      again: (readings) => from(readings.head ?? summary, readings.base ?? beside).outcome,
    };
  });
  return validityOf(plan, [{ summary, judged, ...(beside && { base: beside }) }]);
}

/** "generator_late: note", then every objective with what its verdict hangs on. */
export function found(
  plan: Plan,
  records: readonly RequestRecord[],
  given: Partial<LevelRecord> = {},
): string[] {
  return validity(plan, records, { given }).findings.map(({ code, level }) => `${code}: ${level}`);
}

export function doubted(plan: Plan, records: readonly RequestRecord[], sides: Sides = {}): string[] {
  const [codes] = validity(plan, records, sides).invalid;
  return plan.objectives.map(({ text }, i) => `${text}: ${codes![i]!.join(", ") || "stands"}`);
}
