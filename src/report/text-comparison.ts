import type { Result } from "../result.ts";
import {
  BASE_HEADS,
  type BaseRow,
  baselineWords,
  baseRows,
  changeCell,
  changeCounts,
  changeWords,
  incomparableWords,
  onlyOneSide,
} from "./against-base.ts";
import { terminalText } from "./escape.ts";
import { indented, inset, type Lines, type Page, tableOptions } from "./text-page.ts";
import { type Column, textTable } from "./text-table.ts";

/** Changes that are shown to be one way or the other; the others are only counted, since a log has no folds. */
export function comparisonLines(result: Result, page: Page): Lines {
  const { comparison } = result;
  if (comparison === undefined) return [];
  const head = page.paint("bold", "Against the baseline");
  const none = incomparableWords(comparison);
  if (none !== undefined) return [head, ...indented(terminalText(none, 400), page)];
  const shown = baseRows(comparison).filter(({ outcome }) => outcome !== "unclear");
  const columns: readonly Column[] = BASE_HEADS.map((name) => ({
    head: name,
    align: name === "Load" || name === "Metric" || name === "Outcome" ? "left" : "right",
    wrap: name === "Load",
  }));
  const cells = shown.map((row, i) => [
    shown[i - 1]?.level === row.level ? "" : terminalText(row.level, 60),
    terminalText(row.metric, 60),
    row.base,
    row.head,
    row.change,
    row.interval,
    page.paint(CHANGE_STYLE[row.outcome], changeWords(row)),
  ]);
  return [
    head,
    ...indented(terminalText(baselineWords(comparison), 500), page),
    ...indented(changeCounts(comparison), page),
    ...(cells.length === 0 ? [] : inset(textTable(columns, cells, tableOptions(page)))),
    ...onlyOneSide(comparison).flatMap(([level, words]) =>
      indented(`${terminalText(level, 60)}: ${terminalText(words, 400)}`, page),
    ),
  ];
}

const CHANGE_STYLE = { better: "green", worse: "red", unclear: "dim" } as const;

/** The cell beside an objective. */
export function changeWord(row: BaseRow | undefined, page: Page): string {
  return row === undefined ? changeCell(row) : page.paint(CHANGE_STYLE[row.outcome], changeCell(row));
}
