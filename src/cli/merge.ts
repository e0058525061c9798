import { join } from "node:path";
import { Command } from "commander";
import { mergeRecords } from "../index.ts";
import { deliver } from "./deliver.ts";
import { EXIT_CODES_HELP } from "./exit-codes.ts";
import { exportOption, parseExports } from "./exports.ts";

/** One result from the parts of a plan that several machines did, exact. */
export function mergeCommand(done: (exitCode: number) => void): Command {
  return new Command("merge")
    .description("put the shards of one plan together: one result, as though one machine had done it")
    .argument("<dirs...>", "folders with records.jsonl, one per shard")
    .option("--out <dir>", "folder for result.json, report.md and report.html", "goodput-report")
    .option("--allow-missing", "believe the result though a shard is missing")
    .addOption(exportOption())
    .addHelpText("after", EXIT_CODES_HELP)
    .action(
      async (
        dirs: readonly string[],
        flags: { readonly out: string; readonly allowMissing?: boolean; readonly export?: readonly string[] },
      ) => {
        const exports = parseExports(flags.export ?? []);
        const result = await mergeRecords(
          dirs.map((dir) => (dir.endsWith(".jsonl") ? dir : join(dir, "records.jsonl"))),
          flags.allowMissing,
        );
        done(await deliver(result, flags.out, exports));
      },
    );
}
