import { GoodputError } from "../errors.ts";
import type { Regressions } from "../judge/regressions.ts";
import type { Result } from "../result.ts";
import { renderCsv } from "./exports/csv.ts";
import { renderBenchmarkBigger, renderBenchmarkSmaller } from "./exports/github-action-benchmark.ts";
import { renderJunit } from "./exports/junit.ts";
import { exportVllm } from "./exports/vllm.ts";
import { renderHtml } from "./html/html.ts";
import { renderMarkdown } from "./markdown/markdown.ts";
import { renderText } from "./text/text.ts";

const RENDERERS = {
  text: (result: Result, regressions?: Regressions) =>
    renderText(result, { color: false, ...(regressions && { regressions }) }),
  markdown: (result: Result, regressions?: Regressions) =>
    renderMarkdown(result, { ...(regressions && { regressions }) }),
  html: renderHtml,
  json: (result: Result) => `${JSON.stringify(result, null, 2)}\n`,
  csv: renderCsv,
  junit: renderJunit,
  "benchmark-smaller": renderBenchmarkSmaller,
  "benchmark-bigger": renderBenchmarkBigger,
} as const;

/** Forms made of more than the result holds: the stamps of every request. */
const RECORDS_RENDERERS = {
  vllm: exportVllm,
} as const;

export type ResultFormat = keyof typeof RENDERERS;
export type RecordsFormat = keyof typeof RECORDS_RENDERERS;
export type ExportFormat = ResultFormat | RecordsFormat;

export const EXPORT_FORMATS = [
  ...Object.keys(RENDERERS),
  ...Object.keys(RECORDS_RENDERERS),
] as readonly ExportFormat[];

/** Whether a form is made from records.jsonl, and so needs a run that wrote it. */
export function needsRecords(format: ExportFormat): format is RecordsFormat {
  return Object.hasOwn(RECORDS_RENDERERS, format);
}

/**
 * One result as one file's text.
 * @param regressions what a whole comparison found beyond what is allowed, where that was asked for.
 */
export function render(result: Result, format: ResultFormat, regressions?: Regressions): string {
  return RENDERERS[format](result, regressions);
}

/** Any form; `recordsPath` is the run's records.jsonl. @throws GoodputError RESULT_UNREADABLE. */
export async function renderExport(
  result: Result,
  format: ExportFormat,
  recordsPath?: string,
): Promise<string> {
  if (!needsRecords(format)) return render(result, format);
  if (recordsPath === undefined) {
    throw new GoodputError(
      "RESULT_UNREADABLE",
      `The format ${format} is made from the run's records, and there are none.`,
      {
        hint: "Let the run write its records with --out, or give the folder of a run that has records.jsonl.",
      },
    );
  }
  return RECORDS_RENDERERS[format](recordsPath, result);
}
