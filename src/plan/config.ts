import { createHash } from "node:crypto";
import { closest, distance } from "fastest-levenshtein";
import type * as z from "zod/mini";
import { ConfigError, type Mistake } from "../errors.ts";
import { planOf } from "./build-plan.ts";
import { objectiveLines } from "./fields.ts";
import { parseObjectives } from "./objective.ts";
import type { Plan, Target } from "./plan.ts";
import { CONFIG_KEYS, type ConfigKey, runConfig } from "./run-config.ts";

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
