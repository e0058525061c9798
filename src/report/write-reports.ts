import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { GoodputError } from "../errors.ts";
import type { Result } from "../result.ts";
import { type ExportFormat, renderExport } from "./formats.ts";

export interface ReportPaths {
  readonly result: string;
  readonly markdown: string;
  readonly html: string;
}

/** Writes result.json, report.md and report.html. @throws GoodputError OUTPUT_UNWRITABLE. */
export async function writeReports(result: Result, outDir: string): Promise<ReportPaths> {
  const paths: ReportPaths = {
    result: join(outDir, "result.json"),
    markdown: join(outDir, "report.md"),
    html: join(outDir, "report.html"),
  };
  await writeReport(result, "json", paths.result);
  await writeReport(result, "markdown", paths.markdown);
  await writeReport(result, "html", paths.html);
  return paths;
}

/**
 * `recordsPath` is the run's records.jsonl, which some formats are made from.
 * @throws GoodputError OUTPUT_UNWRITABLE, RESULT_UNREADABLE.
 */
export async function writeReport(
  result: Result,
  format: ExportFormat,
  path: string,
  recordsPath?: string,
): Promise<void> {
  const text = await renderExport(result, format, recordsPath);
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  } catch (error) {
    throw new GoodputError("OUTPUT_UNWRITABLE", `Cannot write ${path}: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
