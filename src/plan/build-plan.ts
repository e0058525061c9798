import { NS_PER_S } from "../units.ts";
import type { Objective } from "./objective.ts";
import type { Exploration, Level, Load, OpenLoop, Plan, Workload } from "./plan.ts";
import type { Config } from "./run-config.ts";
import { defaultWarmup } from "./warmup.ts";

const DEFAULTS = {
  protocol: "openai-chat",
  concurrency: 1,
  arrivals: "poisson",
  burstiness: 1,
  requests: 100,
  inputTokens: 256,
  outputTokens: 128,
  seed: 1,
  promptCache: "cold",
  timeoutNs: 120 * NS_PER_S,
  confidence: 0.95,
  /** Between answers of a virtual user. */
  think: { minNs: 0.5 * NS_PER_S, maxNs: 5 * NS_PER_S },
  searchMax: 1024,
  searchTolerance: 0.1,
  /** Requests in flight that saturate most single servers. */
  saturation: 256,
} as const;

/** What the settings amount to, with a default for each that was not given. */
export function planOf(config: Config, objectives: readonly Objective[]): Plan {
  const exploration = explorationOf(config);
  return {
    target: {
      url: config.url,
      ...(config.model !== undefined && { model: config.model }),
      protocol: config.protocol ?? DEFAULTS.protocol,
    },
    ...(config["baseline-url"] !== undefined && {
      baseline: {
        url: config["baseline-url"],
        ...(config["baseline-model"] !== undefined && { model: config["baseline-model"] }),
        protocol: config.protocol ?? DEFAULTS.protocol,
      },
    }),
    levels: exploration === undefined ? loads(config).map((load, index) => levelOf(config, load, index)) : [],
    ...(exploration && { exploration }),
    workload: workloadOf(config),
    timeoutNs: config.timeout ?? DEFAULTS.timeoutNs,
    seed: config.seed ?? DEFAULTS.seed,
    ...(config["prompt-salt"] !== undefined && { promptSalt: config["prompt-salt"] }),
    objectives,
    confidence: config.confidence ?? DEFAULTS.confidence,
    control: {
      untilDecisive: config.until === "decisive",
      ...(config["max-tokens"] !== undefined && { maxTokens: config["max-tokens"] }),
      ...(config["max-errors"] !== undefined && { maxErrors: config["max-errors"] }),
      ...(config["max-error-rate"] !== undefined && { maxErrorRate: config["max-error-rate"] }),
      stopOnOverload: config["stop-on-overload"] ?? exploration?.kind === "search",
    },
    metricsUrls: metricsUrlsOf(config),
  };
}

function levelOf(config: Config, load: Load, index: number): Level {
  const stop = stopOf(config, load);
  return { index, load, stop, warmupRequests: config.warmup ?? defaultWarmup(load, stop) };
}

function stopOf(config: Config, load?: Load): Level["stop"] {
  const stop = {
    ...(config.requests !== undefined && { requests: config.requests }),
    ...(config.duration !== undefined && { durationNs: config.duration }),
  };
  if (load?.kind === "stages") {
    return { ...stop, durationNs: load.stages.reduce((sum, { durationNs }) => sum + durationNs, 0) };
  }
  // A trace has an end of its own.
  return Object.keys(stop).length > 0 || load?.kind === "replay" ? stop : { requests: DEFAULTS.requests };
}

function loads(config: Config): Load[] {
  const maxConcurrency = config["max-concurrency"];
  const openLoop: OpenLoop = {
    arrivals: config.arrivals ?? DEFAULTS.arrivals,
    burstiness: config.burstiness ?? DEFAULTS.burstiness,
    ...(maxConcurrency !== undefined && { maxConcurrency }),
  };
  if (config.rate !== undefined) {
    return config.rate.map((requestsPerSecond) => ({ kind: "open", requestsPerSecond, ...openLoop }));
  }
  for (const quantity of ["rate", "concurrency"] as const) {
    const stages = config[`${quantity}-stages`];
    if (stages !== undefined) return [{ kind: "stages", of: quantity, stages, ...openLoop }];
  }
  if (config.users !== undefined) {
    const { users } = config;
    const spawnPerSecond = config["spawn-rate"] ?? users;
    return [{ kind: "users", users, spawnPerSecond, think: config["think-time"] ?? DEFAULTS.think }];
  }
  if (config.trace !== undefined)
    return [{ kind: "replay", ...(maxConcurrency !== undefined && { maxConcurrency }) }];
  return (config.concurrency ?? [DEFAULTS.concurrency]).map((concurrency) => ({
    kind: "closed",
    concurrency,
  }));
}

function explorationOf(config: Config): Exploration | undefined {
  const level = {
    stop: stopOf(config),
    ...(config.warmup !== undefined && { warmupRequests: config.warmup }),
    arrivals: config.arrivals ?? DEFAULTS.arrivals,
    burstiness: config.burstiness ?? DEFAULTS.burstiness,
  };
  if (config.search !== undefined) {
    return {
      kind: "search",
      of: config.search,
      start: config["search-start"] ?? 1,
      max: config["search-max"] ?? DEFAULTS.searchMax,
      tolerance: config["search-tolerance"] ?? DEFAULTS.searchTolerance,
      level,
    };
  }
  if (config.sweep === undefined) return undefined;
  return {
    kind: "sweep",
    rates: config.sweep,
    maxConcurrency: config["max-concurrency"] ?? DEFAULTS.saturation,
    level,
  };
}

function workloadOf(config: Config): Workload {
  const prompts = config.prompts ?? "synthetic";
  return {
    input: config["input-tokens"] ?? { kind: "fixed", tokens: DEFAULTS.inputTokens },
    output: config["output-tokens"] ?? { kind: "fixed", tokens: DEFAULTS.outputTokens },
    prompts:
      prompts === "synthetic" || prompts === "builtin" ? { kind: prompts } : { kind: "file", path: prompts },
    prefixTokens: config["prefix-tokens"] ?? 0,
    turns: config.turns ?? 1,
    turnThink: config["turn-think"] ?? { minNs: 0, maxNs: 0 },
    promptCache: config["prompt-cache"] ?? DEFAULTS.promptCache,
    ignoreEos: config["ignore-eos"] ?? false,
    stream: config.stream ?? true,
    ...(config.tokenizer !== undefined && { tokenizer: config.tokenizer }),
    ...(config.trace !== undefined && {
      trace: {
        path: config.trace,
        format: config["trace-format"] ?? "auto",
        timeScale: config["trace-scale"] ?? 1,
      },
    }),
  };
}

/** By default the page that most engines have beside their API; a target without one is no failure. */
function metricsUrlsOf(config: Config): readonly string[] {
  const urls = config["metrics-url"];
  if (urls === undefined) return [new URL("/metrics", config.url).href];
  return urls.filter((url) => url !== "off");
}
