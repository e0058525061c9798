import { conclusionOf, type Result, writeReports } from "../index.ts";
import { EXIT_CODES } from "./exit-codes.ts";
import { type ExportRequest, writeExports } from "./exports.ts";
import { terminalReport } from "./terminal-report.ts";

/**
 * Writes a result's reports, prints it and gives the exit code: how every command with a result ends.
 * `more` makes what is printed after the report, once the files are there.
 */
export async function deliver(
  result: Result,
  dir: string,
  exports: readonly ExportRequest[],
  more: () => Promise<string> = async () => "",
): Promise<number> {
  const paths = await writeReports(result, dir);
  await writeExports(result, exports, dir);
  process.stdout.write(`${terminalReport(result)}\n${await more()}Report: ${paths.html}\n`);
  return EXIT_CODES[conclusionOf(result)];
}
