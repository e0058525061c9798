import { join } from "node:path";
import { Command } from "commander";
import { resultFromRecords } from "../index.ts";
import { deliver } from "./deliver.ts";
import { EXIT_CODES_HELP } from "./exit-codes.ts";
import { exportOption, parseExports } from "./exports.ts";

/** Makes everything a run wrote again from its records, also of a run that was killed. */
export function reportCommand(done: (exitCode: number) => void): Command {
  return new Command("report")
    .description("make the reports of a run again from its records")
    .argument("[dir]", "folder with records.jsonl", "goodput-report")
    .addOption(exportOption())
    .addHelpText("after", EXIT_CODES_HELP)
    .action(async (dir: string, flags: { readonly export?: readonly string[] }) => {
      const exports = parseExports(flags.export ?? []);
      const result = await resultFromRecords(join(dir, "records.jsonl"));
      done(await deliver(result, dir, exports));
    });
}
