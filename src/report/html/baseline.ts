import type { Result } from "../../result.ts";
import {
  BASE_HEADS,
  type BaseRow,
  baselineWords,
  baseRows,
  changeCounts,
  changeWords,
  importedNotes,
  incomparableWords,
  legendWords,
  onlyOneSide,
} from "../against-base.ts";
import { htmlText } from "../escape.ts";
import { plural } from "../format.ts";

/** How the result stands to its baseline: in a sentence, then every figure, a fold per load level. */
export function baselineSection({ comparison }: Result): string {
  if (comparison === undefined) return "";
  const none = incomparableWords(comparison);
  if (none !== undefined) return `<div class="card fold"><p>${htmlText(none, 400)}</p></div>`;
  const rows = baseRows(comparison);
  const names = [...new Set(rows.map(({ level }) => level))];
  const open = names.length === 1;
  return [
    `<div class="card fold"><p><strong>${changeCounts(comparison)}</strong></p><p class="muted">${htmlText(baselineWords(comparison), 500)}</p>`,
    ...importedNotes(comparison).map((sentence) => `<p class="muted small">${htmlText(sentence, 600)}</p>`),
    ...onlyOneSide(comparison).map(
      ([level, words]) => `<p class="muted">${htmlText(level, 80)}: ${htmlText(words, 400)}</p>`,
    ),
    "</div>",
    ...names.map((name) =>
      levelFold(
        name,
        rows.filter(({ level }) => level === name),
        open,
      ),
    ),
    rows.length === 0 ? "" : `<p class="muted small">${legendWords(comparison)}</p>`,
  ].join("\n");
}

function levelFold(name: string, rows: readonly BaseRow[], open: boolean): string {
  const counts = (["worse", "better"] as const).flatMap((outcome) => {
    const count = rows.filter((row) => row.outcome === outcome).length;
    return count === 0 ? [] : [`${count} ${outcome}`];
  });
  const words =
    counts.length === 0 ? `${plural(rows.length, "figure")}, none clearly changed` : counts.join(", ");
  const heads = BASE_HEADS.slice(1).map((head) =>
    head === "Metric" || head === "Outcome" ? `<th>${head}</th>` : `<th class="num">${head}</th>`,
  );
  return [
    `<details class="card fold"${open ? " open" : ""}><summary>${htmlText(name, 80)} <span class="muted">${words}</span></summary>`,
    `<div class="scroll"><table><thead><tr>${heads.join("")}</tr></thead><tbody>`,
    ...rows.map(
      (row) =>
        `<tr><td><code>${htmlText(row.metric, 60)}</code></td><td class="num">${row.base}</td><td class="num">${row.head}</td><td class="num">${row.change}</td><td class="num">${row.interval}</td><td class="change ${row.outcome}">${changeWords(row)}</td></tr>`,
    ),
    "</tbody></table></div></details>",
  ].join("\n");
}
