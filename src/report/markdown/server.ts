import { markdownTable } from "markdown-table";
import type { Result } from "../../result.ts";
import { markdownCode, markdownText } from "../escape.ts";
import { engineWords, shownServerFigures, unavailableWords } from "../server-figures.ts";

/** As many are named as fit a line. */
const MOST_NAMED = 20;

/** The target's own figures beside the client's, for a fold. */
export function serverTable({ levels }: Result): string {
  const scraped = levels.filter(({ server }) => server !== undefined);
  if (scraped.length === 0) return "";
  const figures = shownServerFigures(scraped);
  const cells = scraped.map((level) => [
    markdownCode(level.name, 60),
    ...figures.map(({ cell }) => cell(level)),
  ]);
  const table = markdownTable([["Load", ...figures.map(({ group, name }) => `${group} ${name}`)], ...cells], {
    align: ["l", ...figures.map(() => "r")],
    alignDelimiters: false,
  });
  const missing = unavailableWords(scraped).map(
    ({ what, at, everywhere }) =>
      `- unavailable${
        everywhere
          ? ""
          : ` at ${at
              .slice(0, MOST_NAMED)
              .map((name) => markdownCode(name, 60))
              .join(", ")}`
      }: ${markdownText(what, 300)}`,
  );
  return [
    `As ${markdownCode(engineWords(scraped), 80)} told them; client TTFT is counted from the send.`,
    table,
    missing.join("\n"),
  ]
    .filter((text) => text !== "")
    .join("\n\n");
}
