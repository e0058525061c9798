import { ConfigError, type Mistake, type Plan, parseConfig, readConfigFile } from "../src/index.ts";
import type { Inputs } from "./inputs.ts";
import { targetMistakes } from "./target-rules.ts";

/** Input before config file before default; every mistake of all of them in one error. */
export async function planFrom(inputs: Inputs): Promise<Plan> {
  const file = await readFileOf(inputs);
  const where = (key: string): string =>
    key in inputs.plan || !(key in file.values) ? key : `${inputs.config}: ${key}`;
  const mistakes = [...inputs.mistakes, ...file.mistakes];
  try {
    const plan = parseConfig({ ...file.values, ...inputs.plan }, where);
    mistakes.push(...targetMistakes(plan, inputs, where));
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
