import type { Result } from "../../result.ts";
import { terminalText } from "../escape.ts";
import { engineWords, shownServerFigures, unavailableWords } from "../server-figures.ts";
import { indented, inset, type Lines, type Page, tableOptions } from "./page.ts";
import { type Column, splitTable } from "./table.ts";

/** The target's own figures beside the client's, as a section of the text report. */
export function serverLines({ levels }: Result, page: Page): Lines {
  const scraped = levels.filter(({ server }) => server !== undefined);
  if (scraped.length === 0) return [];
  const figures = shownServerFigures(scraped);
  const columns: readonly Column[] = [
    { head: "Load" },
    ...figures.map(({ group, name }) => ({ head: name, group, align: "right" as const })),
  ];
  const cells = scraped.map((level) => [
    terminalText(level.name, 40),
    ...figures.map(({ cell }) => cell(level)),
  ]);
  const parts = figures.length === 0 ? [] : splitTable(columns, cells, tableOptions(page));
  return [
    `${page.paint("bold", "The server's own figures")}${page.paint("dim", ` (${terminalText(engineWords(scraped), 80)}; client TTFT from the send)`)}`,
    ...parts.flatMap((lines, i) => [...(i > 0 ? [""] : []), ...inset(lines)]),
    ...unavailableWords(scraped).flatMap(({ what, at, everywhere }) =>
      indented(
        `unavailable${everywhere ? "" : ` at ${terminalText(at.join(", "), 200)}`}: ${terminalText(what, 300)}`,
        page,
      ),
    ),
  ];
}
