/**
 * What a comment says of each job, in hidden marks around the part a reader sees. Everything outside of the
 * marks is made anew each time, and everything inside is only taken for what it claims to be if it is whole.
 */
import { type EndingConclusion, headline, isConclusion, symbolOf } from "./ending.ts";
import { urlOfRun } from "./github.ts";

export interface Section {
  readonly name: string;
  readonly runId: number;
  readonly attempt: number;
  /** Eight hexadecimal digits, others for every process: jobs of a matrix may have the same name. */
  readonly writer: string;
  readonly conclusion: EndingConclusion;
  readonly markdown: string;
}

/** GitHub refuses 65,536; the rest is room for what GitHub counts differently. */
export const BODY_MAX_CHARS = 60_000;

/** More than any matrix has. */
const MAX_SECTIONS = 256;

export function commentMarker(commentId: string): string {
  return `<!-- goodput:comment ${commentId} -->`;
}

/** Whatever cannot be read is left out: it is written anew by its own job, or was never one of ours. */
export function parseSections(body: string): readonly Section[] {
  const text = body.replaceAll("\r\n", "\n");
  const sections: Section[] = [];
  for (const match of text.matchAll(START)) {
    const [start, encoded, runId, attempt, writer, conclusion] = match as unknown as string[];
    const from = match.index + start!.length;
    const to = text.indexOf(endMark(writer!), from);
    const name = decodedName(encoded!);
    const version = { runId: Number(runId), attempt: Number(attempt) };
    if (to === -1 || name === undefined || !isConclusion(conclusion!)) continue;
    if (!Number.isSafeInteger(version.runId)) continue;
    sections.push({
      name,
      ...version,
      writer: writer!,
      conclusion: conclusion as EndingConclusion,
      markdown: text.slice(from, to).trim(),
    });
    if (sections.length === MAX_SECTIONS) break;
  }
  return sections;
}

/**
 * One section per name, that of the newest run; several where jobs of the same run share the name. The order
 * does not matter and nothing is counted twice, so whoever merges what in which order ends with the same.
 * Where two copies are of the same writing, the first is taken.
 */
export function mergeSections(sections: Iterable<Section>): readonly Section[] {
  const byName = new Map<string, Section[]>();
  for (const section of sections) {
    const known = byName.get(section.name);
    const order = known === undefined ? 1 : compareVersions(section, known[0]!);
    if (order > 0) byName.set(section.name, [section]);
    else if (order === 0 && !known!.some(({ writer }) => writer === section.writer)) known!.push(section);
  }
  return [...byName.values()].flat().toSorted(bySectionName);
}

/** Whether they tell what this section tells, or something newer. */
export function tells(sections: readonly Section[], { name, ...section }: Section): boolean {
  return sections.some((candidate) => {
    if (candidate.name !== name) return false;
    const order = compareVersions(candidate, section);
    return order > 0 || (order === 0 && candidate.writer === section.writer);
  });
}

/**
 * The comment's whole text, of at most `BODY_MAX_CHARS` characters. One's own section may have what the
 * others leave, at least its fair share; others that leave less are replaced by a line, the longest first.
 *
 * @param render one's own Markdown in at most so many characters.
 */
export function composeBody(
  commentId: string,
  sections: readonly Section[],
  own: Section,
  render: (maxChars: number) => string,
): string {
  const others = sections.filter(({ writer }) => writer !== own.writer);
  const roomFor = (kept: readonly Section[]): number =>
    BODY_MAX_CHARS - bodyOf(commentId, [...kept, { ...own, markdown: "" }]).length;
  const fair = Math.floor(roomFor(others.map((other) => ({ ...other, markdown: "" }))) / sections.length);
  const mine = { ...own, markdown: inert(render(Math.max(fair, roomFor(others)))) };

  const kept = [...others];
  const body = () => bodyOf(commentId, [...kept, mine].toSorted(bySectionName));
  const longestFirst = [...kept].toSorted((a, b) => b.markdown.length - a.markdown.length);
  for (const other of longestFirst) {
    if (body().length <= BODY_MAX_CHARS) break;
    kept[kept.indexOf(other)] = shortened(other);
  }
  // So many that even lines are too long: those of the oldest runs go.
  const oldestFirst = [...kept].toSorted(compareVersions);
  for (const other of oldestFirst) {
    if (body().length <= BODY_MAX_CHARS) break;
    kept.splice(kept.indexOf(other), 1);
  }
  return body();
}

/** Nobody needs to see more of these than the line. */
const FOLDED: ReadonlySet<EndingConclusion> = new Set(["met", "measured", "skipped"]);

const START =
  /<!-- goodput:section ([\w.!~*'()%-]{1,800}) (\d{1,16}) (\d{1,6}) ([0-9a-f]{8}) ([a-z]{1,20}) -->\n/g;

function startMark({ name, runId, attempt, writer, conclusion }: Section): string {
  return `<!-- goodput:section ${encodeURIComponent(name)} ${runId} ${attempt} ${writer} ${conclusion} -->`;
}

function endMark(writer: string): string {
  return `<!-- goodput:end ${writer} -->`;
}

function bodyOf(commentId: string, sections: readonly Section[]): string {
  const blocks = sections.map((section) =>
    [startMark(section), section.markdown.trim(), endMark(section.writer)].join("\n"),
  );
  const marker = commentMarker(commentId);
  if (sections.length === 1) return `${marker}\n${blocks[0]}\n`;
  // The lines that fold are the overview: verdicts can be compared before anything is opened.
  const parts = sections.map(({ name, conclusion }, i) => {
    const open = FOLDED.has(conclusion) ? "" : " open";
    const words = headline({ kind: "stopped", conclusion, reasons: [] });
    const summary = `<b>${name.replaceAll("_", "&#95;")}</b>: ${symbolOf(conclusion)} ${words}`;
    return `<details${open}>\n<summary>${summary}</summary>\n\n${blocks[i]}\n\n</details>\n`;
  });
  return `${marker}\n${parts.join("\n")}`;
}

function shortened(section: Section): Section {
  const url = urlOfRun(section.runId);
  const where = url === undefined ? "its run" : `[its run](${url})`;
  return { ...section, markdown: `This report is too long to stand here; it is in the summary of ${where}.` };
}

/** Our own reports cannot hold a mark, and should one of them ever, it is text. */
function inert(markdown: string): string {
  return markdown.replaceAll(/<!--(?=\s*goodput:)/g, "&lt;!--");
}

/** The input's own rule; a job's id may also begin with an underscore. */
function decodedName(encoded: string): string | undefined {
  try {
    const name = decodeURIComponent(encoded);
    return /^[\p{L}\p{N}_][\p{L}\p{N} ._/:()-]{0,99}$/u.test(name) ? name : undefined;
  } catch {
    return undefined;
  }
}

type Version = Pick<Section, "runId" | "attempt">;

function compareVersions(a: Version, b: Version): number {
  return a.runId - b.runId || a.attempt - b.attempt;
}

function bySectionName(a: Section, b: Section): number {
  return compareText(a.name, b.name) || compareText(a.writer, b.writer);
}

/** By code units, which all runners agree on whatever their language. */
function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
