import { wrapWords } from "./text-table.ts";

/** What every section of the text report is written on. */
export interface Page {
  readonly width: number;
  readonly paint: (style: Style, text: string) => string;
}

export type Color = "green" | "red" | "yellow" | "magenta" | "cyan";
export type Style = Color | "dim" | "bold" | ["bold", Color];
export type Lines = readonly string[];

export const INDENT = "  ";

export function tableOptions(page: Page): { width: number; styleHead: (line: string) => string } {
  return { width: page.width - INDENT.length, styleHead: (line) => page.paint("dim", line) };
}

export function inset(lines: Lines): Lines {
  return lines.map((line) => (line === "" ? line : INDENT + line));
}

export function indented(text: string, page: Page, by = INDENT.length): Lines {
  return wrapWords(text, page.width - by).map((line) => " ".repeat(by) + line);
}
