import { Command, CommanderError } from "commander";
import { ConfigError, conclusionOfError, GoodputError, plainText, VERSION } from "../index.ts";
import { compareCommand } from "./compare.ts";
import { EXIT_CODES, EXIT_CODES_HELP } from "./exit-codes.ts";
import { mergeCommand } from "./merge.ts";
import { reportCommand } from "./report.ts";
import { runCommand } from "./run.ts";
import { scriptedCommand } from "./scripted.ts";
import { selftestCommand } from "./selftest.ts";
import { serveCommand } from "./serve.ts";
import { workerCommand } from "./worker.ts";

/** Runs the command line and gives the exit code; writes to this process's streams. */
export async function main(args: readonly string[]): Promise<number> {
  let exitCode = 0;
  const done = (code: number) => {
    exitCode = code;
  };
  const program = new Command("goodput")
    .description(
      "Load-tests an LLM service and says, with how much certainty, whether it keeps its latency objectives.",
    )
    .version(VERSION)
    .addHelpText("after", EXIT_CODES_HELP)
    .addCommand(runCommand(done))
    .addCommand(reportCommand(done))
    .addCommand(compareCommand(done))
    .addCommand(mergeCommand(done))
    .addCommand(selftestCommand(done))
    .addCommand(scriptedCommand())
    .addCommand(serveCommand())
    .addCommand(workerCommand());
  for (const command of [program, ...program.commands]) {
    command
      .exitOverride()
      .showHelpAfterError(`(see goodput ${command === program ? "" : `${command.name()} `}--help)`);
  }
  try {
    await program.parseAsync(args, { from: "user" });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_CODES.config;
    process.stderr.write(`${explain(error)}\n`);
    return EXIT_CODES[conclusionOfError(error)];
  }
}

/** One clear message; a stack only where the mistake is ours. */
function explain(error: unknown): string {
  if (error instanceof ConfigError) {
    return error.mistakes.length === 1
      ? `error: ${safe(error.message)}`
      : `error: ${error.mistakes.length} mistakes\n${safe(error.message).replace(/^/gm, "  ")}`;
  }
  if (error instanceof GoodputError) {
    return `error: ${safe(error.message)}${error.hint === undefined ? "" : `\n  ${error.hint}`}`;
  }
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return `internal error, please report it: ${stack}`;
}

function safe(text: string): string {
  return text
    .split("\n")
    .map((line) => plainText(line, 600))
    .join("\n");
}
