import {
  ConfigError,
  conclusionOf,
  conclusionOfError,
  GoodputError,
  type Mistake,
  type Plan,
  parseConfig,
  plainText,
  type Result,
  readConfigFile,
  runPlan,
  writeReports,
} from "../src/index.ts";
import type { Ending } from "./ending.ts";
import type { Inputs } from "./inputs.ts";
import { printProgress } from "./progress.ts";
import { redact } from "./secrets.ts";

/** Inputs → plan → load → result and its files. Never rejects: whatever goes wrong is an ending too. */
export async function measure(inputs: Inputs, signal: AbortSignal): Promise<Ending> {
  try {
    const plan = await planFrom(inputs);
    const measured = await runPlan(plan, {
      ...(inputs.apiKey !== "" && { apiKey: inputs.apiKey }),
      outDir: inputs.outputDir,
      signal,
      onProgress: printProgress(),
    });
    const result = redactResult(measured);
    const files = await writeReports(result, inputs.outputDir);
    return { kind: "measured", conclusion: conclusionOf(result), result, files };
  } catch (thrown) {
    return {
      kind: "stopped",
      conclusion: signal.aborted ? "cancelled" : conclusionOfError(thrown),
      // Once more at the end, for taking invisible characters out may have put a secret together.
      reasons: explain(thrown).map((line) => redact(plainText(redact(line)))),
    };
  }
}

/** Input before config file before default; every mistake of all of them in one error. */
async function planFrom(inputs: Inputs): Promise<Plan> {
  const file = await readFileOf(inputs);
  const where = (key: string): string =>
    key in inputs.plan || !(key in file.values) ? key : `${inputs.config}: ${key}`;
  const mistakes = [...inputs.mistakes, ...file.mistakes];
  try {
    const plan = parseConfig({ ...file.values, ...inputs.plan }, where);
    if (mistakes.length === 0) return plan;
  } catch (thrown) {
    if (!(thrown instanceof ConfigError)) throw thrown;
    // What is missing may stand in the file that could not be read.
    const missingCounts = file.mistakes.length === 0;
    mistakes.push(...thrown.mistakes.filter(({ value }) => missingCounts || value !== undefined));
  }
  throw new ConfigError(mistakes);
}

async function readFileOf({
  config,
}: Inputs): Promise<{ values: Record<string, unknown>; mistakes: readonly Mistake[] }> {
  if (config === "") return { values: {}, mistakes: [] };
  try {
    return { values: await readConfigFile(config), mistakes: [] };
  } catch (thrown) {
    if (thrown instanceof ConfigError) return { values: {}, mistakes: thrown.mistakes };
    throw thrown;
  }
}

/** In every text of the result at once, so that no report can forget it. */
function redactResult(result: Result): Result {
  return JSON.parse(JSON.stringify(result), (_, value: unknown) =>
    typeof value === "string" ? redact(value) : value,
  );
}

/** An expected error says what to do; an unexpected one says where it happened. */
function explain(thrown: unknown): string[] {
  if (thrown instanceof GoodputError) {
    return [...thrown.message.split("\n"), ...(thrown.hint === undefined ? [] : [thrown.hint])];
  }
  const trace = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
  return ["This is a mistake in Goodput itself.", ...trace.split("\n").slice(0, 6)];
}
