import { markdownTable } from "markdown-table";
import type { Comparison, Result } from "../../result.ts";
import {
  BASE_HEADS,
  type BaseRow,
  baselineWords,
  baseRows,
  changeCounts,
  changeWords,
  importedNotes,
  incomparableWords,
  isComparable,
  legendWords,
  onlyOneSide,
} from "../against-base.ts";
import { markdownCode, markdownText } from "../escape.ts";

/** As many are named as fit a paragraph. */
const MOST_NAMED = 20;
/** As many rows as stand where there is room for little. */
const MOST_CHANGED = 40;

/** Always there where a baseline was asked for: what it is, and how the two stand to each other. */
export function comparisonSummary({ comparison }: Result, firstRun = false): string {
  if (comparison === undefined) return firstRun ? `**Against the baseline:** ${FIRST_RUN}` : "";
  const none = incomparableWords(comparison);
  if (none !== undefined) return `**Against the baseline:** ${markdownText(none, 400)}`;
  const only = onlyOneSide(comparison).map(
    ([level, words]) => `${markdownCode(level, 60)} ${markdownText(words, 300)}`,
  );
  return [
    `**Against the baseline:** ${changeCounts(comparison)}`,
    `<sub>${markdownText(baselineWords(comparison), 500)}</sub>`,
    ...importedNotes(comparison).map((sentence) => `<sub>${markdownText(sentence, 600)}</sub>`),
    ...(only.length === 0 ? [] : [`Not in both: ${only.slice(0, MOST_NAMED).join("; ")}.`]),
  ].join("\n\n");
}

const FIRST_RUN =
  "None yet: this is the first run, and its result.json is what a later one can be compared with.";

/** Every figure, for a fold; what changed comes first. */
export function comparisonTable({ comparison }: Result): string {
  return isComparable(comparison) ? tableOf(comparison, changedFirst(baseRows(comparison))) : "";
}

/** Only what is shown to be worse or better. */
export function changedTable({ comparison }: Result): string {
  if (!isComparable(comparison)) return "";
  const changed = baseRows(comparison).filter(({ outcome }) => outcome !== "unclear");
  return tableOf(comparison, changedFirst(changed).slice(0, MOST_CHANGED));
}

function changedFirst(rows: readonly BaseRow[]): readonly BaseRow[] {
  const order = ["worse", "better", "unclear"] as const;
  return rows.toSorted((a, b) => order.indexOf(a.outcome) - order.indexOf(b.outcome));
}

function tableOf(comparison: Comparison, rows: readonly BaseRow[]): string {
  const cells = rows.map((row) => [
    markdownCode(row.level, 60),
    markdownCode(row.metric, 60),
    row.base,
    row.head,
    row.change,
    row.interval,
    changeWords(row),
  ]);
  if (cells.length === 0) return "";
  const table = markdownTable([[...BASE_HEADS], ...cells], {
    align: ["l", "l", "r", "r", "r", "r", "l"],
    alignDelimiters: false,
  });
  return `${table}\n\n<sub>${legendWords(comparison)}</sub>`;
}
