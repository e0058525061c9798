import { join } from "node:path";
import { Command, Option } from "commander";
import {
  COMPAT_TOOLS,
  CONFIG_KEYS,
  type CompatTool,
  ConfigError,
  type Mistake,
  type Part,
  parseConfig,
  readCompatFigures,
  readConfigFile,
  readResult,
  renderCompat,
  runPlan,
  SETTINGS,
} from "../index.ts";
import { deliver } from "./deliver.ts";
import { dryRun } from "./dry-run.ts";
import { EXIT_CODES, EXIT_CODES_HELP } from "./exit-codes.ts";
import { exportOption, parseExports } from "./exports.ts";
import { progressView } from "./progress.ts";

/** Names that people know from vLLM, GuideLLM and others, and what they are called here. */
const FAMILIAR: Readonly<Record<string, (typeof CONFIG_KEYS)[number]>> = {
  target: "url",
  "base-url": "url",
  "num-prompts": "requests",
  "max-requests": "requests",
  "max-seconds": "duration",
  "request-rate": "rate",
  goodput: "slo",
  "random-input-len": "input-tokens",
  "random-output-len": "output-tokens",
};

interface Flags extends Readonly<Record<string, unknown>> {
  readonly config: string | undefined;
  readonly apiKeyEnv: string | undefined;
  readonly baselineApiKeyEnv: string | undefined;
  readonly out: string;
  readonly export: readonly string[] | undefined;
  readonly shard: string | undefined;
  readonly threads: string | undefined;
  readonly baseline: string | undefined;
  readonly metricsCompat: CompatTool | undefined;
  readonly dryRun: boolean | undefined;
  readonly progress: boolean;
}

export function runCommand(done: (exitCode: number) => void): Command {
  const command = new Command("run").description("put load on an endpoint and judge it by its objectives");
  for (const key of CONFIG_KEYS) {
    const { argument, help } = SETTINGS[key];
    const option = new Option(`--${key} ${argument}`, help);
    command.addOption(key === "slo" ? option.argParser(collect) : option);
  }
  for (const [name, key] of Object.entries(FAMILIAR)) {
    const option = new Option(`--${name} ${SETTINGS[key].argument}`).hideHelp();
    command.addOption(key === "slo" ? option.argParser(collect) : option);
  }
  return command
    .option("-c, --config <file>", "YAML or JSON file with the same keys; flags go before it")
    .option("--api-key-env <name>", "environment variable that holds the endpoint's API key")
    .option(
      "--out <dir>",
      "folder for records.jsonl, result.json, report.md and report.html",
      "goodput-report",
    )
    .addOption(exportOption())
    .option("--shard <i/n>", "do the i-th of n parts of the plan; `goodput merge` puts them together")
    .option("--threads <n>", "threads that share the load (default 1)")
    .option("--baseline <file>", "result.json of an earlier run to compare with, or another tool's result")
    .addOption(
      new Option(
        "--metrics-compat <tool>",
        "print the figures by another tool's words and definitions too",
      ).choices(COMPAT_TOOLS),
    )
    .option("--dry-run", "print the plan and its arrivals, and send nothing")
    .option("--no-progress", "show no progress")
    .addHelpText(
      "after",
      `\nAlso known: ${Object.entries(FAMILIAR)
        .map(([name, key]) => `--${name} (${key})`)
        .join(", ")}.\n${EXIT_CODES_HELP}`,
    )
    .action(async (flags: Flags) => done(await run(flags)));
}

async function run(flags: Flags): Promise<number> {
  const file = flags.config === undefined ? {} : await readConfigFile(flags.config);
  const { given, names } = settingsOf(flags);
  const where = (key: string) => names.get(key) ?? (key in file ? `${flags.config}: ${key}` : `--${key}`);
  const [plan, apiKey, baselineApiKey, exports, shard, threads] = together(
    () => parseConfig({ ...file, ...given }, where),
    () => apiKeyFrom("--api-key-env", flags.apiKeyEnv),
    () => apiKeyFrom("--baseline-api-key-env", flags.baselineApiKeyEnv),
    () => parseExports(flags.export ?? []),
    () => parseShard(flags.shard),
    () => parseThreads(flags.threads),
  );
  const stored = flags.baseline === undefined ? undefined : await readResult(flags.baseline);
  if (flags.dryRun) {
    process.stdout.write(await dryRun(plan));
    return EXIT_CODES.met;
  }

  const interrupt = new AbortController();
  const onSigint = () => {
    // Asked twice: whoever asks does not want to wait for a report.
    if (interrupt.signal.aborted) process.exit(EXIT_CODES.cancelled);
    interrupt.abort();
  };
  process.on("SIGINT", onSigint);
  const progress = flags.progress ? progressView(process.stderr) : undefined;
  try {
    const result = await runPlan(plan, {
      outDir: flags.out,
      signal: interrupt.signal,
      ...(apiKey !== undefined && { apiKey }),
      ...(baselineApiKey !== undefined && { baselineApiKey }),
      ...(shard && { shard }),
      ...(stored && { stored }),
      threads,
      ...(progress && { onProgress: progress.update }),
    });
    progress?.stop();
    const { metricsCompat } = flags;
    return await deliver(result, flags.out, exports, async () =>
      metricsCompat === undefined
        ? ""
        : `${renderCompat(await readCompatFigures(join(flags.out, "records.jsonl"), metricsCompat))}\n`,
    );
  } finally {
    progress?.stop();
    process.off("SIGINT", onSigint);
  }
}

/** What was given as flags, under the settings' own names, and the name each was given by. */
function settingsOf(flags: Flags): { given: Record<string, unknown>; names: ReadonlyMap<string, string> } {
  const given: Record<string, unknown> = {};
  const names = new Map<string, string>();
  const flag = (name: string, key: string) => {
    const value = flags[camelCase(name)];
    if (value === undefined) return;
    if (names.has(key) && key !== "slo") {
      throw new ConfigError([
        {
          field: `--${name}`,
          value: String(value),
          message: `says what ${names.get(key)} says; give one of them.`,
        },
      ]);
    }
    given[key] =
      key === "slo" ? [...((given[key] as string[] | undefined) ?? []), ...(value as string[])] : value;
    names.set(key, `--${name}`);
  };
  for (const key of CONFIG_KEYS) flag(key, key);
  for (const [name, key] of Object.entries(FAMILIAR)) flag(name, key);
  // vLLM's default: everything at once, held back by the concurrency alone.
  if (given.rate === "inf") {
    const { rate: _, "max-concurrency": most, ...rest } = given;
    return { given: { ...rest, concurrency: most ?? given.requests ?? "1" }, names };
  }
  return { given, names };
}

/** "2/4" is the second of four parts. */
function parseShard(text: string | undefined): Part | undefined {
  if (text === undefined) return undefined;
  const [, index, of] = /^(\d+)\/(\d+)$/.exec(text) ?? [];
  const part = { index: Number(index) - 1, of: Number(of) };
  if (index !== undefined && part.index >= 0 && part.index < part.of) return part;
  throw new ConfigError([
    { field: "--shard", value: text, message: "should be i/n with i from 1 to n, for example 2/4." },
  ]);
}

function parseThreads(text = "1"): number {
  const threads = Number(text);
  if (/^\d+$/.test(text) && threads >= 1 && threads <= 256) return threads;
  throw new ConfigError([
    { field: "--threads", value: text, message: "should be a whole number from 1 on, for example 4." },
  ]);
}

/** What each reader gives, or one error with the mistakes of all of them. */
function together<T extends readonly (() => unknown)[]>(...readers: T): { [K in keyof T]: ReturnType<T[K]> } {
  const mistakes: Mistake[] = [];
  const values = readers.map((read) => {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      mistakes.push(...error.mistakes);
      return undefined;
    }
  });
  if (mistakes.length > 0) throw new ConfigError(mistakes);
  return values as { [K in keyof T]: ReturnType<T[K]> };
}

function apiKeyFrom(flag: string, name: string | undefined): string | undefined {
  if (name === undefined) return undefined;
  const key = process.env[name];
  if (key !== undefined && key !== "") return key;
  throw new ConfigError([{ field: flag, value: name, message: "names a variable that is not set." }]);
}

function collect(value: string, earlier: readonly string[] | undefined): readonly string[] {
  return [...(earlier ?? []), value];
}

function camelCase(key: string): string {
  return key.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}
