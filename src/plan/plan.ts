import type { Objective } from "./objective.ts";

/**
 * What will be sent, and when: complete before the first byte. The same plan gives the same bodies at the
 * same offsets, whatever the machine or the server, but for the first words of its prompts: those are the salt's.
 * Secrets are no part of it.
 */
export interface Plan {
  readonly target: Target;
  /** Measured beside the target, in alternating blocks of the same requests. */
  readonly baseline?: Target;
  /** Run one after the other, in this order. Empty where they are found on the way. */
  readonly levels: readonly Level[];
  readonly exploration?: Exploration;
  readonly workload: Workload;
  /** From the moment a request is issued. */
  readonly timeoutNs: number;
  readonly seed: number;
  /** Of an earlier run, to send its prompts again, or what all shards of a run are to have in common; absent: each run draws one. */
  readonly promptSalt?: string;
  readonly objectives: readonly Objective[];
  /** Confidence of each bound of every interval; "none" compares plain estimates. */
  readonly confidence: number | "none";
  readonly control: Control;
  /** Pages of the target's own metrics; empty: none are read. */
  readonly metricsUrls: readonly string[];
}

/** Levels that follow from what earlier ones showed. */
export type Exploration =
  /** The highest load that meets all objectives: doubling from `start`, then halving the gap down to `tolerance`. */
  | {
      readonly kind: "search";
      readonly of: "rate" | "concurrency";
      readonly start: number;
      readonly max: number;
      /** Relative width of the bracket that is narrow enough. */
      readonly tolerance: number;
      readonly level: LevelShape;
    }
  /** One at a time, then as many as `maxConcurrency` at once, then `rates` rates between what both reached. */
  | {
      readonly kind: "sweep";
      readonly rates: number;
      readonly maxConcurrency: number;
      readonly level: LevelShape;
    };

/** What all levels of an exploration share. */
export type LevelShape = Pick<Level, "stop"> & { readonly warmupRequests?: number } & Omit<
    OpenLoop,
    "maxConcurrency"
  >;

/** What ends a level before its plan is done. */
export interface Control {
  /** As soon as every objective is met or violated. */
  readonly untilDecisive: boolean;
  /** Output tokens of the whole run: a cap on spending. */
  readonly maxTokens?: number;
  readonly maxErrors?: number;
  /** 0 to 1, of at least 20 requests. */
  readonly maxErrorRate?: number;
  /** When arrivals outrun completions for good. */
  readonly stopOnOverload: boolean;
}

export interface Target {
  /** As the user gave it; the protocol adds the path. */
  readonly url: string;
  /** Absent: the first model that the target lists. */
  readonly model?: string;
  readonly protocol: ProtocolName;
}

export const PROTOCOLS = [
  "openai-chat",
  "openai-completions",
  "openai-responses",
  "openai-embeddings",
  "triton",
  "tgi",
  "ollama",
  "inference",
] as const;
export type ProtocolName = (typeof PROTOCOLS)[number];

export interface Level {
  readonly index: number;
  readonly load: Load;
  /** Whichever comes first; at least one is there. */
  readonly stop: { readonly requests?: number; readonly durationNs?: number };
  /** Sent before the window opens, and in no latency, count or ratio; of an open loop the last of them are its ramp (`rampRequests`). */
  readonly warmupRequests: number;
}

export type Load =
  /** `concurrency` requests in flight: the next one goes when one returns. */
  | { readonly kind: "closed"; readonly concurrency: number }
  /** At the planned moments, whatever the server does. */
  | ({ readonly kind: "open"; readonly requestsPerSecond: number } & OpenLoop)
  /** A rate or a concurrency that goes in a straight line from each stage's end to the next one's. */
  | ({
      readonly kind: "stages";
      readonly of: "rate" | "concurrency";
      readonly stages: readonly Stage[];
    } & OpenLoop)
  /** Users who come one after the other, ask, wait for the answer, think, and ask again. */
  | { readonly kind: "users"; readonly users: number; readonly spawnPerSecond: number; readonly think: Range }
  /** At the moments of a recorded trace. */
  | { readonly kind: "replay"; readonly maxConcurrency?: number };

export type OpenLoad = Extract<Load, { kind: "open" | "replay" }> | RateStages;
type RateStages = Extract<Load, { kind: "stages" }> & { readonly of: "rate" };

/** Whether requests are sent when they are due, and not when an earlier one has ended. */
export function isOpenLoop(load: Load): load is OpenLoad {
  return load.kind === "open" || load.kind === "replay" || (load.kind === "stages" && load.of === "rate");
}

export interface OpenLoop {
  readonly arrivals: Arrivals;
  /** Shape of the gamma distribution of gaps: 1 is Poisson, below 1 burstier, above 1 more even. */
  readonly burstiness: number;
  /** An arrival beyond it waits; its latency still counts from the planned moment. */
  readonly maxConcurrency?: number;
}

export const ARRIVALS = ["constant", "poisson", "gamma"] as const;
export type Arrivals = (typeof ARRIVALS)[number];

/** Reaches `target` (requests per second, or requests in flight) at its end; the first starts from 0. */
export interface Stage {
  readonly durationNs: number;
  readonly target: number;
}

/** Uniform between both ends, nanoseconds. */
export interface Range {
  readonly minNs: number;
  readonly maxNs: number;
}

export interface Workload {
  /** Of synthetic prompts; prompts from elsewhere have the length they have. */
  readonly input: Lengths;
  /** Of answers, at most; exactly with `ignoreEos` where the server knows it. */
  readonly output: Lengths;
  readonly prompts: PromptSource;
  /** Tokens that all synthetic prompts begin with, for prefix caches to find. */
  readonly prefixTokens: number;
  /** Turns of a synthetic conversation; each goes on with the answers before it. */
  readonly turns: number;
  /** Between an answer and the next turn. */
  readonly turnThink: Range;
  readonly promptCache: PromptCache;
  readonly ignoreEos: boolean;
  readonly stream: boolean;
  /** A `tokenizer.json` to count tokens with. */
  readonly tokenizer?: string;
  /** A recorded trace: moments and lengths. */
  readonly trace?: { readonly path: string; readonly format: TraceFormat; readonly timeScale: number };
}

/** Tokens. Drawn values are rounded and kept within `min` and `max`. */
export type Lengths =
  | { readonly kind: "fixed"; readonly tokens: number }
  | { readonly kind: "uniform"; readonly min: number; readonly max: number }
  | {
      readonly kind: "normal" | "lognormal";
      readonly mean: number;
      readonly std: number;
      readonly min: number;
      readonly max: number;
    };

export function meanLength(lengths: Lengths): number {
  switch (lengths.kind) {
    case "fixed":
      return lengths.tokens;
    case "uniform":
      return (lengths.min + lengths.max) / 2;
    case "normal":
    case "lognormal":
      return lengths.mean;
  }
}

export type PromptSource =
  | { readonly kind: "synthetic" }
  /** A small set of real questions that ships with the program. */
  | { readonly kind: "builtin" }
  | { readonly kind: "file"; readonly path: string };

export const PROMPT_CACHES = ["cold", "warm"] as const;
/**
 * Cold: synthetic prompts begin with words of the run's own, by its salt, so that no server has them in its cache.
 * Warm: they are those of the seed alone, the same in every run.
 */
export type PromptCache = (typeof PROMPT_CACHES)[number];

export const TRACE_FORMATS = ["auto", "mooncake", "azure", "burstgpt"] as const;
export type TraceFormat = (typeof TRACE_FORMATS)[number];

/** "concurrency 4", "50 req/s poisson". */
export function levelName({ load }: Level): string {
  switch (load.kind) {
    case "closed":
      return `concurrency ${load.concurrency}`;
    case "open":
      return `${load.requestsPerSecond} req/s ${load.arrivals}`;
    case "stages": {
      const unit = load.of === "rate" ? " req/s" : " in flight";
      return `stages to ${load.stages.map(({ target }) => target).join(", ")}${unit}`;
    }
    case "users":
      return `${load.users} users`;
    case "replay":
      return "trace";
  }
}
