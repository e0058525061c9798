import type { LevelResult } from "../../result.ts";
import { htmlText } from "../escape.ts";
import { engineWords, shownServerFigures, unavailableWords } from "../server-figures.ts";
import { figuresTable } from "./tables.ts";

/** What the target's own metrics page said, beside what the client saw. */
export function serverSection(levels: readonly LevelResult[]): string {
  const scraped = levels.filter(({ server }) => server !== undefined);
  if (scraped.length === 0) return "";
  const figures = shownServerFigures(scraped);
  const missing = unavailableWords(scraped).map(
    ({ what, at, everywhere }) =>
      `<li>unavailable${everywhere ? "" : ` at ${htmlText(at.join(", "), 200)}`}: ${htmlText(what, 300)}</li>`,
  );
  return [
    `<p class="lead">Told by ${htmlText(engineWords(scraped), 80)}. Client TTFT is counted from the send here, since a server knows nothing of a request before; what lies between the two is the way there and back.</p>`,
    figures.length === 0 ? "" : figuresTable(scraped, figures),
    missing.length === 0 ? "" : `<ul class="muted small">${missing.join("")}</ul>`,
  ].join("\n");
}
