import { styleText } from "node:util";
import { wrapWords } from "./table.ts";

/** What every section of the text report is written on. */
export interface Page {
  readonly width: number;
  readonly paint: (style: Style, text: string) => string;
}

export type Color = "green" | "red" | "yellow" | "magenta" | "cyan";
export type Style = Color | "dim" | "bold" | ["bold", Color];
export type Lines = readonly string[];

export const INDENT = "  ";

export function pageOf({ color, width = 110 }: { readonly color: boolean; readonly width?: number }): Page {
  return {
    width: Math.max(40, width),
    // The caller decides about colour; the stream and the environment are not asked again.
    paint: (style, text) => (color && text !== "" ? styleText(style, text, { validateStream: false }) : text),
  };
}

/** Sections with a line between them; those without a line are left out. */
export function pageText(sections: readonly Lines[]): string {
  return `${sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join("\n"))
    .join("\n\n")}\n`;
}

export function tableOptions(page: Page): { width: number; styleHead: (line: string) => string } {
  return { width: page.width - INDENT.length, styleHead: (line) => page.paint("dim", line) };
}

export function inset(lines: Lines): Lines {
  return lines.map((line) => (line === "" ? line : INDENT + line));
}

export function indented(text: string, page: Page, by = INDENT.length): Lines {
  return wrapWords(text, page.width - by).map((line) => " ".repeat(by) + line);
}
