import { stripVTControlCharacters } from "node:util";

/**
 * Text that the measured server, or whoever named a level or a model, could have written. It is data:
 * whatever it holds, it adds no line, command, column, node, link or mention to the place it is shown in.
 * One function per kind of place; each gives one line of at most `maxLength` characters.
 */

/** For a terminal or a CI log, where `::command::` at a line's start and `##[` anywhere are orders. */
export function terminalText(text: string, maxLength = 300): string {
  return plainLine(text, maxLength)
    .replaceAll(/(^|\s)(:{2,})/gu, (_, before: string, colons: string) => before + [...colons].join(" "))
    .replaceAll(/##(?=\w*\[)/gu, "# #");
}

/**
 * For Markdown, as a code span: GitHub makes no mention, reference, link, emoji or node of what is inside.
 * The characters that could end the span or the table cell are swapped for look-alikes, because parsers
 * differ in how they read them escaped.
 */
export function markdownCode(text: string, maxLength = 300): string {
  const inner = withoutTags(terminalText(text, maxLength)).replaceAll("`", "'").replaceAll("|", "¦");
  return inner === "" ? "–" : `\`${inner}\``;
}

/** For Markdown, as prose or a table cell. */
export function markdownText(text: string, maxLength = 600): string {
  return (
    withoutTags(terminalText(text, maxLength))
      .replaceAll("`", "'")
      .replaceAll("|", "¦")
      .replaceAll(/[\\*[\]~$]/gu, "\\$&")
      .replaceAll("&", "&amp;")
      .replaceAll("<", "&lt;")
      .replaceAll(">", "&gt;")
      // An underscore inside a word is only an underscore.
      .replaceAll(/(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])/gu, "\\_")
      .replace(/^(?:[#+=-]|\d+(?=[.)]))/u, (start) => (/\d/.test(start) ? `${start}${BREAK}` : `\\${start}`))
      .replaceAll("@", `@${BREAK}`)
      .replaceAll(/#(?=\d)/gu, `#${BREAK}`)
      .replaceAll(/GH(?=-\d)/giu, `$&${BREAK}`)
      .replaceAll(/:(?=\/\/|[\w+-]+:)/gu, `:${BREAK}`)
      // Not at a word's start alone: GitHub takes an underscore before it for a start, too.
      .replaceAll(/www(?=\.)/giu, `$&${BREAK}`)
      // Seven or more hexadecimal digits with a letter among them can be read as a commit.
      .replaceAll(/(?<![\da-z])(?=\d*[a-f])(?=[a-f]*\d)([\da-f]{6})(?=[\da-f]+(?![\da-z]))/giu, `$1${BREAK}`)
  );
}

/** For HTML, as text or as a quoted attribute. */
export function htmlText(text: string, maxLength = 600): string {
  return entities(plainLine(text, maxLength));
}

/** For XML 1.0, which forbids most control characters even when they are escaped; it also lands in CI logs. */
export function xmlText(text: string, maxLength = 1000): string {
  return entities(terminalText(text, maxLength));
}

/** For a CSV cell of text: quoted by RFC 4180, and never a formula to a spreadsheet. */
export function csvText(text: string, maxLength = 300): string {
  const line = terminalText(text, maxLength);
  const inert = /^[=+\-@]/u.test(line) ? `'${line}` : line;
  return /[",\r\n]/u.test(inert) ? `"${inert.replaceAll('"', '""')}"` : inert;
}

/**
 * One line without escape sequences, controls, or characters that are invisible or turn the direction of
 * reading, cut between characters.
 */
export function plainLine(text: string, maxLength: number): string {
  // Cutting first keeps a line of megabytes cheap; what is stripped later only makes it shorter.
  const line = stripVTControlCharacters(cut(text, maxLength * 4))
    .toWellFormed()
    .replaceAll(/[\s\p{Cc}\p{Zl}\p{Zp}]+/gu, " ")
    .replaceAll(/[\p{Cf}\p{Noncharacter_Code_Point}\u115f\u1160\u3164\uffa0]/gu, "")
    .trim();
  return line.length <= maxLength ? line : `${cut(line, maxLength - 1)}…`;
}

/** Breaks what GitHub would link, and shows nothing. */
const BREAK = "\u200b";

/** The first characters, never half of a surrogate pair. */
function cut(text: string, length: number): string {
  if (text.length <= length) return text;
  const last = text.charCodeAt(length - 1);
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? length - 1 : length);
}

/** Tags and comments cannot begin or end even in the source, where other programs look for markers. */
function withoutTags(line: string): string {
  return line.replaceAll(/<(?=[a-z/!?])/giu, "‹").replaceAll(/--+>/gu, (arrow) => `${[...arrow].join(" ")}`);
}

function entities(line: string): string {
  return line
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", "&#39;");
}
