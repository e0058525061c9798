import type { Comparison } from "../../result.ts";
import {
  BASE_HEADS,
  type BaseRow,
  baselineWords,
  baseRows,
  changeCell,
  changeCounts,
  changeWords,
  importedNotes,
  incomparableWords,
  legendWords,
  onlyOneSide,
} from "../against-base.ts";
import { terminalText } from "../escape.ts";
import { indented, inset, type Lines, type Page, pageOf, pageText, tableOptions } from "./page.ts";
import { type Column, textTable } from "./table.ts";

/** Every figure, or those that are shown to be one way or the other; the others are then only counted. */
export type ShownFigures = "all" | "decided";

/** A comparison by itself, for a terminal or a log. */
export function renderComparisonText(
  comparison: Comparison,
  options: { readonly color: boolean; readonly width?: number },
): string {
  return pageText([comparisonLines(comparison, pageOf(options), "all")]);
}

/** As a section of a report. A log has no folds, so that a run's own report asks for the decided ones alone. */
export function comparisonLines(
  comparison: Comparison | undefined,
  page: Page,
  figures: ShownFigures,
): Lines {
  if (comparison === undefined) return [];
  const head = [
    page.paint("bold", "Against the baseline"),
    ...indented(terminalText(baselineWords(comparison), 500), page),
  ];
  const none = incomparableWords(comparison);
  if (none !== undefined) return [...head, ...indented(`? ${terminalText(none, 600)}`, page)];
  const rows = baseRows(comparison);
  // Against another tool none can be decided, and all there is to see is the figures.
  const all = figures === "all" || comparison.imported !== undefined;
  const shown = all ? rows : rows.filter(({ outcome }) => outcome !== "unclear");
  return [
    ...head,
    ...indented(changeCounts(comparison), page),
    ...(shown.length === 0 ? [] : inset(textTable(COLUMNS, cells(shown, page), tableOptions(page)))),
    ...onlyOneSide(comparison).flatMap(([level, words]) =>
      indented(`${terminalText(level, 60)}: ${terminalText(words, 400)}`, page),
    ),
    ...(shown.length === 0 ? [] : footnotes(comparison, page)),
  ];
}

function footnotes(comparison: Comparison, page: Page): Lines {
  const sentences = [legendWords(comparison), ...importedNotes(comparison)];
  return sentences.flatMap((sentence) =>
    indented(terminalText(sentence, 600), page).map((line) => page.paint("dim", line)),
  );
}

/** The cell beside an objective. */
export function changeWord(row: BaseRow | undefined, page: Page): string {
  return row === undefined ? changeCell(row) : page.paint(CHANGE_STYLE[row.outcome], changeCell(row));
}

const CHANGE_STYLE = { better: "green", worse: "red", unclear: "dim" } as const;

const COLUMNS: readonly Column[] = BASE_HEADS.map((name) => ({
  head: name,
  align: name === "Load" || name === "Metric" || name === "Outcome" ? "left" : "right",
  wrap: name === "Load",
}));

function cells(rows: readonly BaseRow[], page: Page): readonly (readonly string[])[] {
  return rows.map((row, i) => [
    // The name leads its group; repeating it on every line would hide where one load ends.
    rows[i - 1]?.level === row.level ? "" : terminalText(row.level, 60),
    terminalText(row.metric, 60),
    row.base,
    row.head,
    row.change,
    row.interval,
    page.paint(CHANGE_STYLE[row.outcome], changeWords(row)),
  ]);
}
