import { Command, InvalidArgumentError, Option } from "commander";
import {
  type Comparison,
  ConfigError,
  compareResults,
  GoodputError,
  IMPORTED_TITLES,
  type Mistake,
  percent,
  percentagePoints,
  type Regressions,
  type Result,
  readResult,
  regressionSentence,
  regressionsIn,
  renderComparisonText,
} from "../index.ts";
import { EXIT_CODES } from "./exit-codes.ts";

/** Holds one stored result against another. */
export function compareCommand(done: (exitCode: number) => void): Command {
  return new Command("compare")
    .description("compare two results, and say whether the second is worse")
    .argument(
      "<base>",
      "result to compare with: a result.json, the folder that holds it, or another tool's (see below)",
    )
    .argument("<head>", "result to judge, alike")
    .addOption(
      new Option("--regression <share>", "more latency or less throughput that is still allowed")
        .argParser(share)
        .default(0.1, "10%"),
    )
    .addOption(
      new Option(
        "--error-regression <points>",
        "rise of the error rate that is still allowed, in percentage points",
      )
        .argParser(share)
        .default(0.01, "1%"),
    )
    .option("--strict", "fail too while a regression beyond what is allowed cannot be ruled out", false)
    .addHelpText("after", HELP)
    .action(async (base: string, head: string, flags: Flags) => {
      const [before, after] = await readBoth(base, head);
      const comparison = compareResults(before, after);
      const regressions = regressionsIn(comparison, {
        regression: flags.regression,
        errorRate: flags.errorRegression,
      });
      const color = process.stdout.isTTY && process.stdout.hasColors() && process.env.NO_COLOR === undefined;
      const width = process.stdout.isTTY ? process.stdout.columns : 120;
      process.stdout.write(renderComparisonText(comparison, { color, width }));
      process.stdout.write(conclusion(comparison, regressions, flags));
      done(exitCode(comparison, regressions, flags.strict));
    });
}

interface Flags {
  readonly regression: number;
  readonly errorRegression: number;
  readonly strict: boolean;
}

const HELP = `
Read too are the JSON results of ${IMPORTED_TITLES.join(", ")}. They hold no distributions,
so that figures stand against figures and none is called better or worse.

Exit codes:
  0  nothing is shown to be worse than allowed
  1  internal error
  2  bad usage, or a file that cannot be read
  3  a figure is worse than allowed
  4  not comparable; with --strict also: worse than allowed cannot be ruled out`;

function exitCode({ incomparable }: Comparison, { beyond, open }: Regressions, strict: boolean): number {
  if (incomparable !== undefined) return EXIT_CODES.inconclusive;
  if (beyond.length > 0) return EXIT_CODES.violated;
  return strict && open.length > 0 ? EXIT_CODES.inconclusive : EXIT_CODES.met;
}

function conclusion(comparison: Comparison, { beyond, open }: Regressions, flags: Flags): string {
  if (comparison.incomparable !== undefined) return "";
  if (comparison.imported !== undefined) {
    return "\n? Nothing is decided: another tool's figures have no intervals, and its definitions are not quite ours.\n";
  }
  const allowed = `${percent(flags.regression)} (error_rate: ${percentagePoints(flags.errorRegression)})`;
  if (beyond.length > 0) {
    return `\n✗ REGRESSED beyond ${allowed}:\n${beyond.map((one) => `  ${regressionSentence(one)}\n`).join("")}`;
  }
  const undecided =
    open.length === 0
      ? "that is ruled out for every figure."
      : `for ${open.length} ${open.length === 1 ? "figure" : "figures"} it cannot be ruled out either.`;
  const symbol = open.length > 0 && flags.strict ? "?" : "✓";
  return `\n${symbol} Nothing is shown to be worse by more than ${allowed}; ${undecided}\n`;
}

function share(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*(%?)$/.exec(text.trim());
  if (match === null) throw new InvalidArgumentError("It is no share; write it as 10% or 0.1.");
  return match[2] === "%" ? Number(match[1]) / 100 : Number(match[1]);
}

/** Both mistakes at once, as mistakes of usage: the files are what was given. */
async function readBoth(base: string, head: string): Promise<[Result, Result]> {
  const given = [
    ["BASE", base],
    ["HEAD", head],
  ] as const;
  const mistakes: Mistake[] = [];
  const results: Result[] = [];
  for (const [field, path] of given) {
    try {
      results.push(await readResult(path));
    } catch (error) {
      if (!(error instanceof GoodputError)) throw error;
      mistakes.push({ field, message: `${error.message} ${error.hint ?? ""}`.trim() });
    }
  }
  if (mistakes.length > 0) throw new ConfigError(mistakes);
  return [results[0]!, results[1]!];
}
