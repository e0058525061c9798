/** The ending as people read it: Markdown for summary and comment, text and an annotation for the log. */
import { error, info, summary, warning } from "@actions/core";
import { markdownText, renderMarkdown, renderText } from "../src/index.ts";
import { type Ending, headline, passed, reasons, type Stopped, symbolOf } from "./ending.ts";
import { headSha, runUrl } from "./github.ts";
import type { ChartMode } from "./inputs.ts";

/** GitHub takes a mebibyte of summary, and a character may be four bytes. */
const SUMMARY_MAX_CHARS = 250_000;

/** A list of reasons longer than this is not read but scrolled past. */
const MAX_REASONS = 40;

/** At most `maxChars` characters: the renderer leaves parts out in a fixed order, and links the rest. */
export function markdown(ending: Ending, maxChars: number, charts: ChartMode = "auto"): string {
  if (ending.kind === "stopped") return stopped(ending, maxChars);
  const { result, regressions, firstRun = false } = ending;
  const [reportUrl, commit] = [runUrl(), headSha()];
  return renderMarkdown(result, {
    maxChars,
    charts,
    firstRun,
    ...(regressions && { regressions }),
    ...(reportUrl !== undefined && { reportUrl }),
    ...(commit !== undefined && { commit }),
  });
}

export function printReport(ending: Ending, failed: boolean): void {
  if (ending.kind === "measured") {
    const { result, regressions } = ending;
    info(renderText(result, { color: false, ...(regressions && { regressions }) }));
  }
  if (passed(ending) || ending.conclusion === "measured") return;
  const annotate = failed ? error : warning;
  annotate(shortList(ending).join("\n") || headline(ending), { title: `Goodput: ${headline(ending)}` });
}

export async function writeSummary(ending: Ending, charts: ChartMode = "auto"): Promise<void> {
  try {
    await summary.addRaw(markdown(ending, SUMMARY_MAX_CHARS, charts), true).write();
  } catch (thrown) {
    warning(`The job summary could not be written: ${(thrown as Error).message}`);
  }
}

function shortList(ending: Ending): readonly string[] {
  const all = reasons(ending);
  const more = all.length - MAX_REASONS;
  return more > 0 ? [...all.slice(0, MAX_REASONS), `and ${more} more.`] : all;
}

/** There are no figures, only why: first what happened, then what to do about it. */
function stopped(ending: Stopped, maxChars: number): string {
  const head = `## ${symbolOf(ending.conclusion)} Goodput: ${headline(ending)}`;
  const lines = shortList(ending).filter((line) => line !== "");
  const foot = footer();
  for (let most = lines.length; ; most--) {
    const text = `${[head, explained(ending, lines.slice(0, most)), foot].filter((part) => part !== "").join("\n\n")}\n`;
    if (text.length <= maxChars || most === 0) return text;
  }
}

/** Mistakes are looked up one among the others; anything else is said and then explained. */
function explained({ conclusion }: Stopped, lines: readonly string[]): string {
  const texts = lines.map((line) => markdownText(line));
  if (conclusion === "config") {
    return ["**Nothing was measured.** What to correct:", texts.map((text) => `- ${text}`).join("\n")].join(
      "\n\n",
    );
  }
  return texts.map((text, i) => (i === 0 ? `**${text}**` : text)).join("\n\n");
}

/** GitHub makes a link of a whole commit hash. */
function footer(): string {
  const [sha, url] = [headSha(), runUrl()];
  const facts = [
    ...(sha === undefined ? [] : [`Commit ${sha}`]),
    ...(url === undefined ? [] : [`[this run](${url})`]),
  ];
  return facts.length === 0 ? "" : `<sub>${facts.join(" · ")}</sub>`;
}
