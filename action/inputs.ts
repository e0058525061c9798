/**
 * The inputs of action.yml: those that say what to measure go to the plan as they are, the others say
 * how to tell it. An empty input is an input not given.
 */
import { getInput } from "@actions/core";
import { closest } from "fastest-levenshtein";
import type { Mistake } from "../src/index.ts";

export const PLAN_INPUTS = [
  "url",
  "model",
  "protocol",
  "slo",
  "concurrency",
  "rate",
  "arrivals",
  "burstiness",
  "max-concurrency",
  "requests",
  "duration",
  "warmup",
  "input-tokens",
  "output-tokens",
  "seed",
  "timeout",
  "confidence",
] as const;

export const ACTION_INPUTS = [
  "api-key",
  "config",
  "fail-on",
  "comment",
  "comment-id",
  "summary",
  "output-dir",
  "github-token",
  "pr-number",
] as const;

export type FailOn = "slo" | "invalid" | "inconclusive" | "error";
export type CommentMode = "always" | "on-failure" | "off";

export interface Inputs {
  /** What to measure, by name and still unread. */
  readonly plan: Readonly<Record<string, string>>;
  readonly apiKey: string;
  readonly config: string;
  readonly failOn: ReadonlySet<FailOn>;
  readonly comment: CommentMode;
  readonly commentId: string;
  readonly summary: boolean;
  readonly outputDir: string;
  readonly githubToken: string;
  readonly prNumber: number | undefined;
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

  return {
    plan: Object.fromEntries(
      PLAN_INPUTS.map((name) => [name, getInput(name)] as const).filter(([, text]) => text !== ""),
    ),
    apiKey: getInput("api-key"),
    config: getInput("config"),
    failOn: read(
      "fail-on",
      parseFailOn,
      "none, or some of slo, invalid, inconclusive and error, for example slo,invalid",
      new Set(["slo", "invalid", "error"]),
    ),
    comment: read(
      "comment",
      word(["always", "on-failure", "off"]),
      "always, on-failure or off, for example on-failure",
      "always",
    ),
    commentId: read(
      "comment-id",
      matching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/),
      "up to 64 letters, digits, dots, dashes or underscores, for example chat-api",
      "goodput",
    ),
    summary: read("summary", word(["true", "false"]), "true or false, for example true", "true") === "true",
    outputDir: getInput("output-dir") || "goodput-report",
    githubToken: getInput("github-token"),
    prNumber: read("pr-number", parseNumber, "the number of a pull request, for example 42", undefined),
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
  const words = text.split(",").map((part) => word(["slo", "invalid", "inconclusive", "error"])(part.trim()));
  return words.every((known) => known !== undefined) ? new Set(words) : undefined;
}

/**
 * The runner only warns of an input that action.yml does not have, and the run would quietly be another
 * one. The value stays unsaid, for the name that was mistyped may be that of the key.
 */
function unknownInputs(): Mistake[] {
  const known: readonly string[] = [...PLAN_INPUTS, ...ACTION_INPUTS];
  return Object.keys(process.env)
    .filter((variable) => variable.startsWith("INPUT_"))
    .map((variable) => variable.slice("INPUT_".length).toLowerCase())
    .filter((name) => !known.includes(name))
    .map((name) => ({ field: name, message: `is not an input; did you mean ${closest(name, known)}?` }));
}
