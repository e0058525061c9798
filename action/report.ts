/** The ending as people read it: Markdown for summary and comment, text and an annotation for the log. */
import { error, info, summary, warning } from "@actions/core";
import { renderMarkdown, renderText } from "../src/index.ts";
import { type Ending, headline, passed, reasons } from "./ending.ts";
import { headSha, runUrl } from "./github.ts";

/** GitHub takes a mebibyte of summary, and a character may be four bytes. */
const SUMMARY_MAX_CHARS = 250_000;

/** A list of reasons longer than this is not read but scrolled past. */
const MAX_REASONS = 40;

/** At most `maxChars` characters: the renderer leaves parts out in a fixed order, and links the rest. */
export function markdown(ending: Ending, maxChars: number): string {
  const url = runUrl();
  const foot = footer(ending.kind === "measured" ? undefined : url);
  if (ending.kind === "stopped") {
    return `## ❌ Goodput: ${headline(ending)}\n\n${codeBlock(shortList(ending))}${foot}`;
  }
  const options = { maxChars: maxChars - foot.length, ...(url !== undefined && { reportUrl: url }) };
  return `${renderMarkdown(ending.result, options).trimEnd()}${foot}`;
}

export function printReport(ending: Ending, failed: boolean): void {
  if (ending.kind === "measured") info(renderText(ending.result, { color: false }));
  if (passed(ending) || ending.conclusion === "measured") return;
  const annotate = failed ? error : warning;
  annotate(shortList(ending).join("\n") || headline(ending), { title: `Goodput: ${headline(ending)}` });
}

export async function writeSummary(ending: Ending): Promise<void> {
  try {
    await summary.addRaw(markdown(ending, SUMMARY_MAX_CHARS), true).write();
  } catch (thrown) {
    warning(`The job summary could not be written: ${(thrown as Error).message}`);
  }
}

function shortList(ending: Ending): readonly string[] {
  const all = reasons(ending);
  const more = all.length - MAX_REASONS;
  return more > 0 ? [...all.slice(0, MAX_REASONS), `and ${more} more.`] : all;
}

/** Inside a code block nothing is a tag, a link or a mention, as long as nothing inside can close it. */
function codeBlock(lines: readonly string[]): string {
  const longest = Math.max(2, ...lines.flatMap((line) => (line.match(/`+/g) ?? []).map((run) => run.length)));
  const fence = "`".repeat(longest + 1);
  return `${fence}text\n${lines.join("\n")}\n${fence}\n`;
}

/** GitHub makes a link of a whole commit hash. */
function footer(url: string | undefined): string {
  const sha = headSha();
  const facts = [
    ...(sha === undefined ? [] : [`Commit ${sha}`]),
    ...(url === undefined ? [] : [`[this run](${url})`]),
  ];
  return facts.length === 0 ? "\n" : `\n\n<sub>${facts.join(" · ")}</sub>\n`;
}
