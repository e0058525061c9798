import { join } from "node:path";
import { Option } from "commander";
import {
  ConfigError,
  EXPORT_FORMATS,
  type ExportFormat,
  type Mistake,
  type Result,
  writeReport,
} from "../index.ts";

export interface ExportRequest {
  readonly format: ExportFormat;
  readonly file: string;
}

export function exportOption(): Option {
  return new Option(
    "--export <format=file>",
    `one more report: ${EXPORT_FORMATS.join(", ")}; may be given more than once`,
  ).argParser((value: string, earlier: readonly string[] | undefined) => [...(earlier ?? []), value]);
}

/** Reads `--export FORMAT=FILE`. @throws ConfigError with every mistake. */
export function parseExports(texts: readonly string[]): readonly ExportRequest[] {
  const mistakes: Mistake[] = [];
  const requests = texts.flatMap((text): ExportRequest[] => {
    const [, name, file] = /^([^=]+)=(.+)$/.exec(text) ?? [];
    const format = EXPORT_FORMATS.find((known) => known === name);
    if (format !== undefined && file !== undefined) return [{ format, file }];
    mistakes.push({
      field: "--export",
      value: text,
      message: `should be FORMAT=FILE with one of ${EXPORT_FORMATS.join(", ")}, for example csv=figures.csv.`,
    });
    return [];
  });
  if (mistakes.length > 0) throw new ConfigError(mistakes);
  return requests;
}

export async function writeExports(
  result: Result,
  requests: readonly ExportRequest[],
  outDir: string,
): Promise<void> {
  const records = join(outDir, "records.jsonl");
  for (const { format, file } of requests) await writeReport(result, format, file, records);
}
