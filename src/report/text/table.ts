import { stripVTControlCharacters } from "node:util";

export interface Column {
  readonly head: string;
  /** Stands over this and the neighbouring columns of the same group; such columns are kept together. */
  readonly group?: string;
  readonly align?: "left" | "right";
  /** May be broken over several lines where the table would be too wide. */
  readonly wrap?: boolean;
}

/** Two spaces: enough to tell columns apart without drawing lines. */
const GAP = "  ";
/** A wrapped column is never narrower than this, whatever the width. */
const NARROWEST = 16;

/** Lines of a table whose columns line up; cells may carry colour. `styleHead` colours the head's lines. */
export function textTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  options: { readonly width: number; readonly styleHead?: (line: string) => string },
): readonly string[] {
  const widths = fittedWidths(columns, rows, options.width);
  const styleHead = options.styleHead ?? ((line) => line);
  const line = (cells: readonly string[]) =>
    columns
      .map(({ align }, i) => pad(cells[i] ?? "", widths[i]!, align ?? "left"))
      .join(GAP)
      .trimEnd();
  const heads = [line(columns.map(({ head }) => head))];
  if (columns.some(({ group }) => group !== undefined)) heads.unshift(groupLine(columns, widths));
  return [
    ...heads.map(styleHead),
    ...rows.flatMap((row) => {
      const cells = row.map((cell, i) => (columns[i]?.wrap ? wrapWords(cell, widths[i]!) : [cell]));
      const height = Math.max(1, ...cells.map((parts) => parts.length));
      return Array.from({ length: height }, (_, k) => line(cells.map((parts) => parts[k] ?? "")));
    }),
  ];
}

/** The same table, cut between groups of columns into as many as the width asks for; the first column leads each. */
export function splitTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  options: { readonly width: number; readonly styleHead?: (line: string) => string },
): readonly (readonly string[])[] {
  const widths = naturalWidths(columns, rows);
  const parts: number[][] = [];
  let used = Number.POSITIVE_INFINITY;
  for (let from = 1; from < columns.length; ) {
    let to = from + 1;
    while (to < columns.length && columns[to]!.group === columns[from]!.group) to++;
    const needed = sum(widths.slice(from, to).map((width) => width + GAP.length));
    if (used + needed > options.width) {
      parts.push([0]);
      used = widths[0] ?? 0;
    }
    for (let i = from; i < to; i++) parts.at(-1)!.push(i);
    used += needed;
    from = to;
  }
  return parts.map((part) =>
    textTable(
      part.map((i) => columns[i]!),
      rows.map((row) => part.map((i) => row[i] ?? "")),
      options,
    ),
  );
}

/** Lines of at most `width` columns, broken between words, and within a word only where it is wider than that. */
export function wrapWords(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ").flatMap((word) => chopped(word, width))) {
    if (line !== "" && displayWidth(line) + 1 + displayWidth(word) > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}

/** Pieces of a word no wider than `width`. */
function chopped(word: string, width: number): readonly string[] {
  if (displayWidth(word) <= width) return [word];
  const pieces: string[] = [];
  let piece = "";
  let used = 0;
  for (const character of word) {
    const needed = displayWidth(character);
    // A colon never comes first: two of them at a line's start are an order to a CI runner.
    if (used + needed > width && character !== ":") {
      pieces.push(piece);
      piece = "";
      used = 0;
    }
    piece += character;
    used += needed;
  }
  return [...pieces, piece];
}

/** Columns a text takes on a terminal: two for East Asian wide characters and emoji, none for marks. */
export function displayWidth(text: string): number {
  let width = 0;
  for (const character of stripVTControlCharacters(text)) {
    if (/[\p{M}\p{Cf}]/u.test(character)) continue;
    width += WIDE.test(character) ? 2 : 1;
  }
  return width;
}

const WIDE =
  /[\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Script=Katakana}\p{Emoji_Presentation}\u3000-\u303e\uff01-\uff60\uffe0-\uffe6]/u;

export function pad(text: string, width: number, align: "left" | "right" = "left"): string {
  const space = " ".repeat(Math.max(0, width - displayWidth(text)));
  return align === "left" ? text + space : space + text;
}

function naturalWidths(columns: readonly Column[], rows: readonly (readonly string[])[]): number[] {
  const widths = columns.map(({ head }, i) =>
    Math.max(displayWidth(head), ...rows.map((row) => displayWidth(row[i] ?? ""))),
  );
  // A group's head may be wider than its columns together; the last of them takes the difference.
  for (const { name, from, to } of groups(columns)) {
    const together = sum(widths.slice(from, to)) + GAP.length * (to - from - 1);
    widths[to - 1]! += Math.max(0, displayWidth(name) - together);
  }
  return widths;
}

function fittedWidths(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  width: number,
): readonly number[] {
  const widths = naturalWidths(columns, rows);
  let over = sum(widths) + GAP.length * (columns.length - 1) - width;
  while (over > 0) {
    const widest = columns
      .flatMap(({ wrap }, i) => (wrap && widths[i]! > NARROWEST ? [i] : []))
      .sort((a, b) => widths[b]! - widths[a]!)[0];
    if (widest === undefined) break;
    widths[widest]!--;
    over--;
  }
  return widths;
}

function groupLine(columns: readonly Column[], widths: readonly number[]): string {
  return groups(columns)
    .map(({ name, from, to }) => {
      const width = sum(widths.slice(from, to)) + GAP.length * (to - from - 1);
      return pad(name, width, columns[from]!.align ?? "left");
    })
    .join(GAP)
    .trimEnd();
}

function groups(columns: readonly Column[]): readonly { name: string; from: number; to: number }[] {
  const found: { name: string; from: number; to: number }[] = [];
  columns.forEach(({ group }, i) => {
    const last = found.at(-1);
    if (last !== undefined && group !== undefined && last.name === group) last.to = i + 1;
    else found.push({ name: group ?? "", from: i, to: i + 1 });
  });
  return found;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
