import { createHash } from "node:crypto";
import { closest, distance } from "fastest-levenshtein";
import * as z from "zod/mini";
import { ConfigError, type Mistake } from "../errors.ts";
import { planOf } from "./build-plan.ts";
import {
  checkUrl,
  choice,
  confidence,
  count,
  duration,
  flag,
  lines,
  list,
  metricsUrl,
  objectiveLines,
  parsed,
  positive,
  salt,
  share,
  single,
  text,
} from "./fields.ts";
import { parseObjectives } from "./objective.ts";
import { parseLengths } from "./parse-lengths.ts";
import { parseRange, parseStages } from "./parse-stages.ts";
import { ARRIVALS, type Plan, PROMPT_CACHES, PROTOCOLS, type Target, TRACE_FORMATS } from "./plan.ts";

/**
 * What a user may set, under the same names everywhere: flags of the command line, keys of a config file,
 * inputs of the Action. Values may come as text (flags, inputs) or typed (YAML); both read alike.
 */
const runConfig = z.strictObject({
  url: text("an http or https URL without user or password, for example http://localhost:8085", checkUrl),
  model: z.optional(text("the name of a model that the target serves")),
  protocol: z.optional(choice(PROTOCOLS)),
  stream: z.optional(flag()),
  // Load.
  concurrency: z.optional(list(count(1), "requests in flight, for example 8 or 1,4,8")),
  rate: z.optional(list(positive(), "requests per second, for example 50 or 10,20,40")),
  arrivals: z.optional(choice(ARRIVALS)),
  burstiness: z.optional(single(positive(), "a number above 0; 1 is Poisson, below 1 burstier")),
  "max-concurrency": z.optional(single(count(1), "the most requests in flight, for example 200")),
  "rate-stages": z.optional(parsed(parseStages)),
  "concurrency-stages": z.optional(parsed(parseStages)),
  users: z.optional(single(count(1), "a number of virtual users, for example 100")),
  "spawn-rate": z.optional(single(positive(), "users that come per second, for example 10")),
  "think-time": z.optional(parsed(parseRange)),
  trace: z.optional(text("a trace file: Mooncake JSONL, Azure CSV or BurstGPT CSV")),
  "trace-format": z.optional(choice(TRACE_FORMATS)),
  "trace-scale": z.optional(
    single(positive(), "what the trace's gaps are multiplied by; 0.5 is twice as fast"),
  ),
  search: z.optional(choice(["rate", "concurrency"] as const)),
  "search-start": z.optional(single(positive(), "the load to begin with, for example 1")),
  "search-max": z.optional(single(positive(), "the highest load to try, for example 500")),
  "search-tolerance": z.optional(single(positive(), "how close to find it, as a share, for example 0.1")),
  sweep: z.optional(single(count(1), "how many rates to measure between one at a time and saturation")),
  // Workload.
  prompts: z.optional(text('"synthetic", "builtin", or a JSONL, CSV, ShareGPT JSON or text file')),
  "input-tokens": z.optional(parsed(parseLengths)),
  "output-tokens": z.optional(parsed(parseLengths)),
  "prefix-tokens": z.optional(single(count(0), "tokens that all prompts begin with, for example 1000")),
  turns: z.optional(single(count(1), "turns of a conversation, for example 3")),
  "turn-think": z.optional(parsed(parseRange)),
  tokenizer: z.optional(text("a tokenizer.json file")),
  "ignore-eos": z.optional(flag()),
  seed: z.optional(single(count(0), "a whole number from 0 on, for example 1")),
  "prompt-cache": z.optional(choice(PROMPT_CACHES)),
  "prompt-salt": z.optional(
    single(salt(), "up to 200 letters, digits, dots and dashes, for example 1f0c9a3e"),
  ),
  // When it ends.
  requests: z.optional(single(count(1), "requests per load level, for example 500")),
  duration: z.optional(single(duration(), "how long each load level lasts, for example 30s or 2m")),
  warmup: z.optional(single(count(0), "requests before each level, left out of the figures, for example 10")),
  timeout: z.optional(single(duration(), "the longest one request may take, for example 60s")),
  until: z.optional(choice(["done", "decisive"] as const)),
  "max-tokens": z.optional(single(count(1), "output tokens after which the run ends, for example 100000")),
  "max-errors": z.optional(single(count(1), "failed requests after which a level ends, for example 10")),
  "max-error-rate": z.optional(single(share(), "a share of failed requests, for example 10%")),
  "stop-on-overload": z.optional(flag()),
  // Verdict.
  slo: z.optional(lines()),
  confidence: z.optional(single(confidence(), 'above 0.5 and below 1, for example 0.95, or "none"')),
  "baseline-url": z.optional(
    text("an http or https URL to measure beside the target, without user or password", checkUrl),
  ),
  "baseline-model": z.optional(text("the name of a model that the baseline serves")),
  "metrics-url": z.optional(list(metricsUrl(), 'URLs of Prometheus pages, or "off"')),
});

/** Every key that can be set, in the order help prints them. */
export const CONFIG_KEYS = Object.keys(runConfig.shape) as readonly ConfigKey[];
export type ConfigKey = keyof typeof runConfig.shape;

/**
 * Turns what the user gave into a plan.
 * `where` tells the user's own name for a key: "--rate", "goodput.yaml: rate".
 * @throws ConfigError with all mistakes at once.
 */
export function parseConfig(raw: Readonly<Record<string, unknown>>, where: (key: string) => string): Plan {
  const parsed = runConfig.safeParse(raw);
  const objectives = parseObjectives(objectiveLines(raw.slo));
  const mistakes = [
    ...(parsed.success ? [] : parsed.error.issues.flatMap((issue) => issueMistakes(issue, raw, where))),
    ...objectives.mistakes.map((mistake) => ({
      ...mistake,
      field: mistake.field.replace("slo", where("slo")),
    })),
    ...contradictions(raw, where),
  ];
  if (!parsed.success || mistakes.length > 0) throw new ConfigError(mistakes);
  return planOf(parsed.data, objectives.objectives);
}

/**
 * SHA-256 of everything that shapes the load and the verdict; not of addresses, nor of the salt, which every run has
 * another of. Warm prompts are those that earlier versions sent, whose plans have no word for them.
 */
export function planHash(plan: Plan): string {
  const { target, baseline, metricsUrls: _, promptSalt: __, ...rest } = plan;
  const { promptCache, ...workload } = rest.workload;
  const named = (one: Target) => ({ model: one.model, protocol: one.protocol });
  return createHash("sha256")
    .update(
      JSON.stringify({
        ...rest,
        workload: promptCache === "cold" ? { ...workload, promptCache } : workload,
        target: named(target),
        ...(baseline && { baseline: named(baseline) }),
      }),
    )
    .digest("hex");
}

/** Settings as they were read, each right by itself. */
export type Config = z.output<typeof runConfig>;

/** What each key is right about by itself and wrong about beside another. */
function contradictions(raw: Readonly<Record<string, unknown>>, where: (key: string) => string): Mistake[] {
  const has = (key: ConfigKey) => raw[key] !== undefined;
  const mistakes: Mistake[] = [];
  const refuse = (key: ConfigKey, message: string) =>
    mistakes.push({ field: where(key), value: String(raw[key]), message });
  const chosen = LOAD_KEYS.filter(has);
  for (const key of chosen.slice(1)) {
    refuse(
      key,
      `cannot go with ${where(chosen[0]!)}: a run has one kind of load, one of ${LOAD_KEYS.join(", ")}.`,
    );
  }
  for (const [key, needed] of NEEDS) {
    if (has(key) && !needed.some(has)) refuse(key, `needs ${needed.map(where).join(" or ")}.`);
  }
  if (has("burstiness") && raw.arrivals !== "gamma")
    refuse("burstiness", `needs ${where("arrivals")} gamma.`);
  if (has("search") && !has("slo"))
    refuse("search", `needs ${where("slo")}: it looks for the load that meets them.`);
  if (raw.until === "decisive" && !has("slo")) refuse("until", `needs ${where("slo")} to decide on.`);
  if (raw.until === "decisive" && !has("requests")) {
    refuse("until", `needs ${where("requests")}: the most requests a level may take to decide.`);
  }
  if (has("prompt-salt") && raw["prompt-cache"] === "warm")
    refuse(
      "prompt-salt",
      `cannot go with ${where("prompt-cache")} warm, which sends the prompts of the seed alone.`,
    );
  if (has("trace") && has("prompts"))
    refuse("prompts", `cannot go with ${where("trace")}, which has lengths of its own.`);
  return mistakes;
}

/** What kind of load a run has: at most one of these. */
const LOAD_KEYS = [
  "concurrency",
  "rate",
  "rate-stages",
  "concurrency-stages",
  "users",
  "trace",
  "search",
  "sweep",
] as const satisfies readonly ConfigKey[];

/** Settings that mean nothing without one of others. */
const NEEDS: readonly (readonly [ConfigKey, readonly ConfigKey[]])[] = [
  ["arrivals", ["rate", "rate-stages", "search", "sweep"]],
  ["burstiness", ["rate", "rate-stages", "search", "sweep"]],
  ["max-concurrency", ["rate", "rate-stages", "trace", "sweep"]],
  ["spawn-rate", ["users"]],
  ["think-time", ["users"]],
  ["trace-format", ["trace"]],
  ["trace-scale", ["trace"]],
  ["search-start", ["search"]],
  ["search-max", ["search"]],
  ["search-tolerance", ["search"]],
  ["turn-think", ["turns"]],
  ["baseline-model", ["baseline-url"]],
];

function issueMistakes(
  issue: z.core.$ZodIssue,
  raw: Readonly<Record<string, unknown>>,
  where: (key: string) => string,
): Mistake[] {
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => {
      const near = closest(key, [...CONFIG_KEYS]);
      const hint =
        distance(key, near) <= 3 ? `did you mean ${near}?` : `known are ${CONFIG_KEYS.join(", ")}.`;
      return { field: where(key), message: `is not known; ${hint}` };
    });
  }
  const key = String(issue.path[0]);
  const value = raw[key];
  if (value === undefined)
    return [{ field: where(key), message: `is required: ${REQUIRED[key] ?? "a value"}.` }];
  return [{ field: where(key), value: asText(value), message: issue.message }];
}

const REQUIRED: Readonly<Record<string, string>> = {
  url: "the address of the endpoint to test, for example http://localhost:8085",
};

function asText(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
