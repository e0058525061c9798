import { stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { Command } from "commander";
import {
  ConfigError,
  conclusionOf,
  IMPORTED_TITLES,
  readResult,
  resultFromRecords,
  writeReport,
} from "../index.ts";
import { deliver } from "./deliver.ts";
import { EXIT_CODES, EXIT_CODES_HELP } from "./exit-codes.ts";
import { type ExportRequest, exportOption, parseExports, writeExports } from "./exports.ts";
import { terminalReport } from "./terminal-report.ts";

/**
 * Makes everything a run wrote again from its records, also of a run that was killed. A result by itself is
 * shown, and written in the forms that are asked for.
 */
export function reportCommand(done: (exitCode: number) => void): Command {
  return new Command("report")
    .description("make the reports of a run again from its records, or show a result")
    .argument("[path]", "folder with records.jsonl, or a result", "goodput-report")
    .addOption(exportOption())
    .addHelpText(
      "after",
      `\nA result is a result.json, or the JSON of ${IMPORTED_TITLES.join(", ")}.\n${EXIT_CODES_HELP}`,
    )
    .action(async (path: string, flags: { readonly export?: readonly string[] }) => {
      const exports = parseExports(flags.export ?? []);
      const dir = basename(path) === RECORDS ? dirname(path) : path;
      if (await isFile(dir)) return done(await show(dir, exports));
      const result = await resultFromRecords(join(dir, RECORDS));
      done(await deliver(result, dir, exports));
    });
}

const RECORDS = "records.jsonl";

async function show(file: string, exports: readonly ExportRequest[]): Promise<number> {
  const result = await readResult(file);
  if (result.imported === undefined) {
    await writeExports(result, exports, dirname(file));
  } else {
    refuseJson(exports);
    // Records beside another tool's file are of another run.
    for (const one of exports) await writeReport(result, one.format, one.file);
  }
  process.stdout.write(terminalReport(result));
  return EXIT_CODES[conclusionOf(result)];
}

/** Our own form promises figures that another tool does not write. */
function refuseJson(exports: readonly ExportRequest[]): void {
  const mistakes = exports
    .filter(({ format }) => format === "json")
    .map(({ file }) => ({
      field: "--export",
      value: `json=${file}`,
      message: "is for results of this program; another tool's can be had as text, markdown, html or csv.",
    }));
  if (mistakes.length > 0) throw new ConfigError(mistakes);
}

/** What is not there is left to whoever reads it, and can say so best. */
async function isFile(path: string): Promise<boolean> {
  try {
    return !(await stat(path)).isDirectory();
  } catch {
    return false;
  }
}
