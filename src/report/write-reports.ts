import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { GoodputError } from "../errors.ts";
import type { Regressions } from "../judge/regressions.ts";
import type { Result } from "../result.ts";
import { type ExportFormat, render, renderExport } from "./formats.ts";

export interface ReportPaths {
  readonly result: string;
  readonly markdown: string;
  readonly html: string;
}

/**
 * Writes result.json, report.md and report.html.
 * @param regressions what a whole comparison found beyond what is allowed, where that was asked for.
 * @throws GoodputError OUTPUT_UNWRITABLE.
 */
export async function writeReports(
  result: Result,
  outDir: string,
  regressions?: Regressions,
): Promise<ReportPaths> {
  const paths: ReportPaths = {
    result: join(outDir, "result.json"),
    markdown: join(outDir, "report.md"),
    html: join(outDir, "report.html"),
  };
  await write(render(result, "json"), paths.result);
  await write(render(result, "markdown", regressions), paths.markdown);
  await write(render(result, "html", regressions), paths.html);
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
  await write(await renderExport(result, format, recordsPath), path);
}

async function write(text: string, path: string): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  } catch (error) {
    throw new GoodputError("OUTPUT_UNWRITABLE", `Cannot write ${path}: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
