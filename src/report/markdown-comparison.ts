import { markdownTable } from "markdown-table";
import type { Result } from "../result.ts";
import {
  BASE_HEADS,
  baselineWords,
  baseRows,
  changeCounts,
  changeWords,
  incomparableWords,
  isComparable,
  onlyOneSide,
  UNCLEAR_WORDS,
} from "./against-base.ts";
import { markdownCode, markdownText } from "./escape.ts";

/** As many are named as fit a paragraph. */
const MOST_NAMED = 20;

/** Always there where a baseline was asked for: what it is, and how the two stand to each other. */
export function comparisonSummary({ comparison }: Result): string {
  if (comparison === undefined) return "";
  const none = incomparableWords(comparison);
  if (none !== undefined) return `**Against the baseline:** ${markdownText(none, 400)}`;
  const only = onlyOneSide(comparison).map(
    ([level, words]) => `${markdownCode(level, 60)} ${markdownText(words, 300)}`,
  );
  return [
    `**Against the baseline:** ${changeCounts(comparison)}`,
    `<sub>${markdownText(baselineWords(comparison), 500)}</sub>`,
    ...(only.length === 0 ? [] : [`In one of the two only: ${only.slice(0, MOST_NAMED).join("; ")}.`]),
  ].join("\n\n");
}

/** Every figure, for a fold. */
export function comparisonTable({ comparison }: Result): string {
  if (!isComparable(comparison)) return "";
  const cells = baseRows(comparison).map((row) => [
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
  return `${table}\n\n<sub>${UNCLEAR_WORDS}</sub>`;
}
