import { Command, Option } from "commander";
import {
  CONFIG_KEYS,
  ConfigError,
  type ConfigKey,
  conclusionOf,
  type Mistake,
  parseConfig,
  readConfigFile,
  runPlan,
  writeReports,
} from "../index.ts";
import { EXIT_CODES, EXIT_CODES_HELP } from "./exit-codes.ts";
import { parseExports, writeExports } from "./exports.ts";
import { progressView } from "./progress.ts";
import { terminalReport } from "./terminal-report.ts";

const FLAGS: Readonly<Record<ConfigKey, readonly [argument: string, help: string]>> = {
  url: ["<url>", "endpoint to test: http://host, or http://host/v1"],
  model: ["<name>", "model to ask for; by default the first one that the endpoint lists"],
  protocol: ["<name>", "openai-chat (default) or openai-completions"],
  concurrency: [
    "<n,…>",
    "closed loop: requests in flight, one or more levels, for example 1,4,8 (default 1)",
  ],
  rate: ["<n,…>", "open loop: requests per second, one or more levels"],
  arrivals: ["<kind>", "of an open loop: poisson (default), constant or gamma"],
  burstiness: ["<x>", "shape of gamma arrivals: 1 is Poisson, below 1 burstier"],
  "max-concurrency": ["<n>", "most requests in flight in an open loop"],
  requests: ["<n>", "requests per level (default 100, unless --duration is given)"],
  duration: ["<time>", "how long each level lasts, for example 30s"],
  warmup: ["<n>", "requests before each level, left out of the figures (default: one per slot, at least 3)"],
  "input-tokens": ["<n>", "tokens per prompt (default 256)"],
  "output-tokens": ["<n>", "most tokens per answer (default 128)"],
  seed: ["<n>", "the same seed sends the same prompts at the same moments (default 1)"],
  timeout: ["<time>", "longest one request may take (default 120s)"],
  slo: ["<objective>", "for example 'ttft_p95 < 500ms'; may be given more than once"],
  confidence: ["<x>", "of each bound of an interval (default 0.95), or none"],
};

interface Flags extends Readonly<Record<string, unknown>> {
  readonly config: string | undefined;
  readonly apiKeyEnv: string | undefined;
  readonly out: string;
  readonly export: readonly string[] | undefined;
  readonly progress: boolean;
}

export function runCommand(done: (exitCode: number) => void): Command {
  const command = new Command("run").description("put load on an endpoint and judge it by its objectives");
  for (const key of CONFIG_KEYS) {
    const [argument, help] = FLAGS[key];
    const option = new Option(`--${key} ${argument}`, help);
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
    .addOption(
      new Option(
        "--export <format=file>",
        "one more report: text, markdown, html, json, csv or junit",
      ).argParser(collect),
    )
    .option("--no-progress", "show no progress")
    .addHelpText("after", EXIT_CODES_HELP)
    .action(async (flags: Flags) => done(await run(flags)));
}

async function run(flags: Flags): Promise<number> {
  const file = flags.config === undefined ? {} : await readConfigFile(flags.config);
  const given = Object.fromEntries(
    CONFIG_KEYS.map((key) => [key, flags[camelCase(key)]]).filter(([, value]) => value !== undefined),
  );
  const where = (key: string) => (key in given || !(key in file) ? `--${key}` : `${flags.config}: ${key}`);
  const [plan, apiKey, exports] = together(
    () => parseConfig({ ...file, ...given }, where),
    () => apiKeyFrom(flags.apiKeyEnv),
    () => parseExports(flags.export ?? []),
  );

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
      ...(progress && { onProgress: progress.update }),
    });
    progress?.stop();
    const paths = await writeReports(result, flags.out);
    await writeExports(result, exports);
    process.stdout.write(`${terminalReport(result)}\n`);
    process.stdout.write(`Report: ${paths.html}\n`);
    return EXIT_CODES[conclusionOf(result)];
  } finally {
    progress?.stop();
    process.off("SIGINT", onSigint);
  }
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

function apiKeyFrom(name: string | undefined): string | undefined {
  if (name === undefined) return undefined;
  const key = process.env[name];
  if (key !== undefined && key !== "") return key;
  throw new ConfigError([
    { field: "--api-key-env", value: name, message: "names a variable that is not set." },
  ]);
}

function collect(value: string, earlier: readonly string[] | undefined): readonly string[] {
  return [...(earlier ?? []), value];
}

function camelCase(key: string): string {
  return key.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}
