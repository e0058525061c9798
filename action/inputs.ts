/**
 * The inputs of action.yml: every setting of the config file, which go to the plan as they are, and those
 * that say how to run it and how to tell it. An empty input is an input not given.
 */
import { getInput } from "@actions/core";
import { closest } from "fastest-levenshtein";
import { CONFIG_KEYS, type Mistake, type Part } from "../src/index.ts";

export const ACTION_INPUTS = [
  "mode",
  "results",
  "allow-missing-shards",
  "api-key",
  "baseline-api-key",
  "config",
  "shard",
  "server-command",
  "wait-for-ready",
  "baseline",
  "regression",
  "fail-on",
  "comment",
  "comment-id",
  "section",
  "check",
  "summary",
  "charts",
  "output-dir",
  "github-token",
  "pr-number",
  "use-proxy",
  "allow-untrusted",
] as const;

const GROUNDS = ["slo", "regression", "invalid", "inconclusive", "error"] as const;
const MODES = ["run", "merge", "report"] as const;
const COMMENT_MODES = ["always", "on-failure", "on-change", "off"] as const;
const CHECK_MODES = ["auto", "on", "off"] as const;
const CHART_MODES = ["auto", "mermaid", "unicode", "none"] as const;

/** What can fail the step. */
export type FailOn = (typeof GROUNDS)[number];
/** Measure; put the parts of several jobs together; tell what another workflow has measured. */
export type Mode = (typeof MODES)[number];
export type CommentMode = (typeof COMMENT_MODES)[number];
export type CheckMode = (typeof CHECK_MODES)[number];
export type ChartMode = (typeof CHART_MODES)[number];

export interface Inputs {
  /** What to measure, by name and still unread. */
  readonly plan: Readonly<Record<string, string>>;
  readonly mode: Mode;
  /** Where merge and report find what was measured: files or folders. */
  readonly results: readonly string[];
  readonly allowMissingShards: boolean;
  readonly apiKey: string;
  readonly baselineApiKey: string;
  readonly config: string;
  readonly shard: Part | undefined;
  readonly serverCommand: string;
  /** How long; 0: not at all. */
  readonly waitForReadyMs: number;
  readonly baseline: string;
  /** More latency or less throughput than the baseline's that is still allowed, as a share. */
  readonly regression: number;
  readonly failOn: ReadonlySet<FailOn>;
  readonly comment: CommentMode;
  readonly commentId: string;
  /** This job's part of the comment, for jobs that share one. */
  readonly section: string;
  readonly check: CheckMode;
  readonly summary: boolean;
  readonly charts: ChartMode;
  readonly outputDir: string;
  readonly githubToken: string;
  readonly prNumber: number | undefined;
  readonly useProxy: boolean;
  /** Measure for code of a fork although the job has the base repository's secrets. */
  readonly allowUntrusted: boolean;
  /** Where a value was wrong its default stands above, so that the mistakes can still be reported. */
  readonly mistakes: readonly Mistake[];
}

export function readInputs(): Inputs {
  const mistakes = unknownInputs();

  function read<T>(
    name: ActionInput,
    parse: (text: string) => T | undefined,
    right: string,
    otherwise: T,
  ): T {
    const text = getInput(name);
    if (text === "") return otherwise;
    const value = parse(text);
    if (value === undefined) mistakes.push({ field: name, value: text, message: `should be ${right}.` });
    return value ?? otherwise;
  }
  const oneOf = <const T extends string>(name: ActionInput, words: readonly T[], otherwise: T): T =>
    read(name, word(words), `${listed(words)}, for example ${words[1]}`, otherwise);
  const flag = (name: ActionInput, otherwise: boolean): boolean =>
    read(name, word(["true", "false"]), `true or false, for example ${!otherwise}`, String(otherwise)) ===
    "true";

  const mode = oneOf("mode", MODES, "run");
  const results = linesOf(getInput("results"));
  if (mode !== "run" && results.length === 0) {
    mistakes.push({
      field: "results",
      message: `is needed in mode ${mode}: the folders to read, one a line.`,
    });
  }
  const serverCommand = getInput("server-command");
  return {
    plan: Object.fromEntries(
      CONFIG_KEYS.map((name) => [name, getInput(name)] as const).filter(([, text]) => text !== ""),
    ),
    mode,
    results,
    allowMissingShards: flag("allow-missing-shards", false),
    apiKey: getInput("api-key"),
    baselineApiKey: getInput("baseline-api-key"),
    config: getInput("config"),
    shard: read("shard", parseShard, "i/n with i from 1 to n, for example 2/4", undefined),
    serverCommand,
    waitForReadyMs: read(
      "wait-for-ready",
      parseWait,
      "the longest time to wait, for example 120s, or off",
      serverCommand === "" ? 0 : 120_000,
    ),
    baseline: getInput("baseline"),
    regression: read("regression", parseShare, "a share, for example 10%", 0.1),
    failOn: read(
      "fail-on",
      parseFailOn,
      `none, or some of ${listed(GROUNDS)}, for example slo,invalid`,
      new Set(["slo", "regression", "invalid", "error"]),
    ),
    comment: oneOf("comment", COMMENT_MODES, "always"),
    commentId: read(
      "comment-id",
      matching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/),
      "up to 64 letters, digits, dots, dashes or underscores, for example chat-api",
      "goodput",
    ),
    section: read(
      "section",
      matching(/^[\p{L}\p{N}][\p{L}\p{N} ._/:()-]{0,63}$/u),
      "up to 64 letters, digits, spaces or ._/:()-, for example gpu-a10",
      process.env.GITHUB_JOB || "load-test",
    ),
    check: oneOf("check", CHECK_MODES, "auto"),
    summary: flag("summary", true),
    charts: oneOf("charts", CHART_MODES, "auto"),
    outputDir: getInput("output-dir") || "goodput-report",
    githubToken: getInput("github-token"),
    prNumber: read("pr-number", parseNumber, "the number of a pull request, for example 42", undefined),
    useProxy: flag("use-proxy", false),
    allowUntrusted: flag("allow-untrusted", false),
    mistakes,
  };
}

type ActionInput = (typeof ACTION_INPUTS)[number];

function word<const T extends string>(words: readonly T[]): (text: string) => T | undefined {
  return (text) => words.find((candidate) => candidate === text);
}

function matching(pattern: RegExp): (text: string) => string | undefined {
  return (text) => (pattern.test(text) ? text : undefined);
}

function parseNumber(text: string): number | undefined {
  return /^[1-9]\d{0,14}$/.test(text) ? Number(text) : undefined;
}

function parseFailOn(text: string): ReadonlySet<FailOn> | undefined {
  if (text === "none") return new Set();
  const words = text.split(",").map((part) => word(GROUNDS)(part.trim()));
  return words.every((known) => known !== undefined) ? new Set(words) : undefined;
}

function parseShard(text: string): Part | undefined {
  const [index, of] = /^(\d{1,6})\/(\d{1,6})$/.exec(text)?.slice(1).map(Number) ?? [];
  return index !== undefined && of !== undefined && index >= 1 && index <= of
    ? { index: index - 1, of }
    : undefined;
}

function parseShare(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*(%?)$/.exec(text);
  return match === null ? undefined : Number(match[1]) / (match[2] === "%" ? 100 : 1);
}

function parseWait(text: string): number | undefined {
  if (text === "off") return 0;
  const match = /^(\d+(?:\.\d+)?)\s*(s|m)$/.exec(text);
  return match === null ? undefined : Number(match[1]) * (match[2] === "m" ? 60_000 : 1_000);
}

function linesOf(text: string): string[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
}

function listed(words: readonly string[]): string {
  return `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}

/**
 * The runner only warns of an input that action.yml does not have, and the run would quietly be another
 * one. The value stays unsaid, for the name that was mistyped may be that of the key.
 */
function unknownInputs(): Mistake[] {
  const known: readonly string[] = [...CONFIG_KEYS, ...ACTION_INPUTS];
  return Object.keys(process.env)
    .filter((variable) => variable.startsWith("INPUT_"))
    .map((variable) => variable.slice("INPUT_".length).toLowerCase())
    .filter((name) => !known.includes(name))
    .map((name) => ({ field: name, message: `is not an input; did you mean ${closest(name, known)}?` }));
}
