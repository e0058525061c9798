import { createHash } from "node:crypto";
import { closest, distance } from "fastest-levenshtein";
import * as z from "zod/mini";
import { ConfigError, type Mistake } from "../errors.ts";
import { NS_PER_S, parseDuration } from "../units.ts";
import { type Objective, parseObjectives } from "./objective.ts";
import { ARRIVALS, type Level, type Load, type Plan, PROTOCOLS } from "./plan.ts";

/**
 * What a user may set, under the same names everywhere: flags of the command line, keys of a config file,
 * inputs of the Action. Values may come as text (flags, inputs) or typed (YAML); both read alike.
 */
const runConfig = z.strictObject({
  url: text("an http or https URL without user or password, for example http://localhost:8085", checkUrl),
  model: z.optional(text("the name of a model that the target serves")),
  protocol: z.optional(choice(PROTOCOLS)),
  concurrency: z.optional(list(count(1), "requests in flight, for example 8 or 1,4,8")),
  rate: z.optional(list(positive(), "requests per second, for example 50 or 10,20,40")),
  arrivals: z.optional(choice(ARRIVALS)),
  burstiness: z.optional(single(positive(), "a number above 0; 1 is Poisson, below 1 burstier")),
  "max-concurrency": z.optional(single(count(1), "the most requests in flight, for example 200")),
  requests: z.optional(single(count(1), "requests per load level, for example 500")),
  duration: z.optional(single(duration(), "how long each load level lasts, for example 30s or 2m")),
  warmup: z.optional(single(count(0), "requests before each level, left out of the figures, for example 10")),
  "input-tokens": z.optional(single(count(1), "tokens per prompt, for example 256")),
  "output-tokens": z.optional(single(count(1), "the most tokens per answer, for example 128")),
  seed: z.optional(single(count(0), "a whole number from 0 on, for example 1")),
  timeout: z.optional(single(duration(), "the longest one request may take, for example 60s")),
  slo: z.optional(lines()),
  confidence: z.optional(single(confidence(), 'above 0.5 and below 1, for example 0.95, or "none"')),
});

/** Every key that can be set, in the order help prints them. */
export const CONFIG_KEYS = Object.keys(runConfig.shape) as readonly ConfigKey[];
export type ConfigKey = keyof typeof runConfig.shape;

export const DEFAULTS = {
  protocol: "openai-chat",
  concurrency: 1,
  arrivals: "poisson",
  burstiness: 1,
  requests: 100,
  inputTokens: 256,
  outputTokens: 128,
  seed: 1,
  timeoutNs: 120 * NS_PER_S,
  confidence: 0.95,
} as const;

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

/** SHA-256 of everything that shapes the load and the verdict; not of the target's address. */
export function planHash(plan: Plan): string {
  const { target, ...rest } = plan;
  return createHash("sha256")
    .update(JSON.stringify({ ...rest, model: target.model, protocol: target.protocol }))
    .digest("hex");
}

type Config = z.output<typeof runConfig>;

function planOf(config: Config, objectives: readonly Objective[]): Plan {
  const stop = {
    ...(config.requests !== undefined && { requests: config.requests }),
    ...(config.duration !== undefined && { durationNs: config.duration }),
  };
  const level = (load: Load, index: number): Level => ({
    index,
    load,
    stop: Object.keys(stop).length > 0 ? stop : { requests: DEFAULTS.requests },
    warmupRequests: config.warmup ?? defaultWarmup(load),
  });
  return {
    target: {
      url: config.url,
      ...(config.model !== undefined && { model: config.model }),
      protocol: config.protocol ?? DEFAULTS.protocol,
    },
    levels: loads(config).map(level),
    workload: {
      inputTokens: config["input-tokens"] ?? DEFAULTS.inputTokens,
      outputTokens: config["output-tokens"] ?? DEFAULTS.outputTokens,
    },
    timeoutNs: config.timeout ?? DEFAULTS.timeoutNs,
    seed: config.seed ?? DEFAULTS.seed,
    objectives,
    confidence: config.confidence ?? DEFAULTS.confidence,
  };
}

function loads(config: Config): Load[] {
  if (config.rate === undefined) {
    return (config.concurrency ?? [DEFAULTS.concurrency]).map((concurrency) => ({
      kind: "closed",
      concurrency,
    }));
  }
  return config.rate.map((requestsPerSecond) => ({
    kind: "open",
    requestsPerSecond,
    arrivals: config.arrivals ?? DEFAULTS.arrivals,
    burstiness: config.burstiness ?? DEFAULTS.burstiness,
    ...(config["max-concurrency"] !== undefined && { maxConcurrency: config["max-concurrency"] }),
  }));
}

/** Enough that every connection is open before the window: one per slot, or a second's worth of arrivals. */
function defaultWarmup(load: Load): number {
  return load.kind === "closed"
    ? Math.max(3, load.concurrency)
    : Math.min(50, Math.max(3, Math.ceil(load.requestsPerSecond)));
}

/** What each key is right about by itself and wrong about beside another. */
function contradictions(raw: Readonly<Record<string, unknown>>, where: (key: string) => string): Mistake[] {
  const has = (key: ConfigKey) => raw[key] !== undefined;
  const mistakes: Mistake[] = [];
  const refuse = (key: ConfigKey, message: string) =>
    mistakes.push({ field: where(key), value: String(raw[key]), message });
  if (has("rate") && has("concurrency")) {
    refuse(
      "rate",
      `cannot go with ${where("concurrency")}: a level has either a rate (open loop) or a concurrency (closed loop).`,
    );
  }
  for (const key of ["arrivals", "burstiness", "max-concurrency"] as const) {
    if (has(key) && !has("rate"))
      refuse(key, `needs ${where("rate")}: it shapes arrivals, and a closed loop has none.`);
  }
  if (has("burstiness") && has("arrivals") && raw.arrivals !== "gamma") {
    refuse("burstiness", `needs ${where("arrivals")} gamma.`);
  }
  return mistakes;
}

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

/** A list, or one text with an objective a line; empty lines and # comments are passed over. */
function objectiveLines(value: unknown): string[] {
  const texts = Array.isArray(value) ? value : value === undefined || value === null ? [] : [value];
  return texts
    .filter((text) => typeof text === "string")
    .flatMap((text) => text.split(/\r?\n|;/))
    .map((line) => line.replace(/#.*$/, "").trim())
    .filter((line) => line !== "");
}

// Fields. Each reads one value or says what would be right; `undefined` from a reader means "wrong".

type Reader<T> = (value: unknown) => T | undefined;

function field<T>(read: Reader<T>, right: string) {
  return z.pipe(
    z.unknown(),
    z.transform((value, context): T => {
      const result = read(value);
      if (result !== undefined) return result;
      context.issues.push({ code: "custom", input: value, message: `should be ${right}.` });
      return z.NEVER;
    }),
  );
}

function single<T>(read: Reader<T>, right: string) {
  return field(read, right);
}

function list<T>(read: Reader<T>, right: string) {
  return field<readonly T[]>((value) => {
    const items = Array.isArray(value) ? value : typeof value === "string" ? value.split(",") : [value];
    const read1 = items.map((item) => read(item));
    return read1.length > 0 && read1.every((item) => item !== undefined) ? (read1 as T[]) : undefined;
  }, right);
}

function text(right: string, check: (text: string) => boolean = (text) => text.trim() !== "") {
  return field((value) => (typeof value === "string" && check(value) ? value.trim() : undefined), right);
}

function choice<const T extends string>(words: readonly T[]) {
  return field((value) => words.find((word) => word === value), `one of ${words.join(", ")}`);
}

function lines() {
  return field<readonly string[]>(
    (value) =>
      typeof value === "string" || (Array.isArray(value) && value.every((item) => typeof item === "string"))
        ? objectiveLines(value)
        : undefined,
    "objectives, one a line, for example ttft_p95 < 500ms",
  );
}

function number(value: unknown): number | undefined {
  if (typeof value === "number") return value;
  return typeof value === "string" && /^\s*-?\d+(\.\d+)?\s*$/.test(value) ? Number(value) : undefined;
}

function count(min: number): Reader<number> {
  return (value) => {
    const n = number(value);
    return n !== undefined && Number.isSafeInteger(n) && n >= min ? n : undefined;
  };
}

function positive(): Reader<number> {
  return (value) => {
    const n = number(value);
    return n !== undefined && Number.isFinite(n) && n > 0 ? n : undefined;
  };
}

/** Nanoseconds; a bare number is seconds. */
function duration(): Reader<number> {
  return (value) => {
    const seconds = number(value);
    const ns =
      seconds !== undefined
        ? seconds * NS_PER_S
        : typeof value === "string"
          ? parseDuration(value)
          : undefined;
    return ns !== undefined && ns > 0 ? ns : undefined;
  };
}

function confidence(): Reader<number | "none"> {
  return (value) => {
    if (value === "none") return value;
    const n = number(value);
    return n !== undefined && n > 0.5 && n < 1 ? n : undefined;
  };
}

/** Credentials in a URL would end up in every report. */
function checkUrl(text: string): boolean {
  if (!URL.canParse(text.trim())) return false;
  const { protocol, username, password } = new URL(text.trim());
  return /^https?:$/.test(protocol) && username === "" && password === "";
}
