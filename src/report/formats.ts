import type { Result } from "../result.ts";
import { renderCsv } from "./csv.ts";
import { renderHtml } from "./html.ts";
import { renderJunit } from "./junit.ts";
import { renderMarkdown } from "./markdown.ts";
import { renderText } from "./text.ts";

const RENDERERS = {
  text: (result: Result) => renderText(result, { color: false }),
  markdown: (result: Result) => renderMarkdown(result),
  html: renderHtml,
  json: (result: Result) => `${JSON.stringify(result, null, 2)}\n`,
  csv: renderCsv,
  junit: renderJunit,
} as const;

export type ExportFormat = keyof typeof RENDERERS;
export const EXPORT_FORMATS = Object.keys(RENDERERS) as readonly ExportFormat[];

/** One result as one file's text. */
export function render(result: Result, format: ExportFormat): string {
  return RENDERERS[format](result);
}
