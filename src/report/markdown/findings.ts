import type { Finding, Result } from "../../result.ts";
import { markdownCode, markdownText } from "../escape.ts";
import { plural } from "../format.ts";
import { EMOJI } from "../verdict.ts";
import { folded } from "./fold.ts";

/** As many places, and as many different sentences of one finding, as are read. */
const MOST_PLACES = 6;
const MOST_SENTENCES = 3;

/** Why a run may not be believed, and what to do about it: it stands before any figure. */
export function invalidFindings(result: Result, most = Number.POSITIVE_INFINITY): string {
  const groups = grouped(result.findings.filter(({ level }) => level === "invalid"));
  if (groups.length === 0) return "";
  const hidden = groups.length - most;
  return [
    "**Why this run may not be believed**",
    [
      ...groups.slice(0, most).map((group) => item(EMOJI.invalid, group)),
      ...(hidden > 0 ? [`- and ${hidden} more`] : []),
    ].join("\n"),
  ].join("\n\n");
}

/** What to keep in mind without doubting the run. */
export function noteFindings(result: Result): string {
  const groups = grouped(result.findings.filter(({ level }) => level === "note"));
  return folded(
    `${plural(groups.length, "note")} on this measurement`,
    groups.map((group) => item("ℹ️", group)).join("\n"),
  );
}

/** The same finding at twelve loads is one finding at twelve loads. */
function grouped(findings: readonly Finding[]): readonly (readonly Finding[])[] {
  return [...Map.groupBy(findings, ({ code }) => code).values()];
}

function item(symbol: string, group: readonly Finding[]): string {
  const { code, touches, matters, advice } = group[0]!;
  const places = [...new Set(group.flatMap(({ at }) => (at === undefined ? [] : [at])))];
  const happened = [...new Set(group.map((finding) => finding.happened))];
  // One line each: where a comment's lines are kept as they are, a second would be broken.
  return [
    `- ${symbol} ${markdownCode(code, 60)}${atPlaces(places)}:`,
    ...happened.slice(0, MOST_SENTENCES).map((sentence) => markdownText(sentence)),
    markdownText(matters),
    ...(touches === undefined
      ? []
      : [`Touches ${touches.map((metric) => markdownCode(metric, 60)).join(", ")}.`]),
    `**What to do:** ${markdownText(advice)}`,
  ].join(" ");
}

/** " at `concurrency 4`, `concurrency 8` and 3 more". */
export function atPlaces(places: readonly string[]): string {
  if (places.length === 0) return "";
  const shown = places.slice(0, MOST_PLACES).map((place) => markdownCode(place, 60));
  const hidden = places.length - shown.length;
  return ` at ${shown.join(", ")}${hidden > 0 ? ` and ${hidden} more` : ""}`;
}
