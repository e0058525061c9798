import { type ModelSource, modelSource } from "./inference/model-file.ts";

/** Everything the server can be told; `serve` takes the same, the environment is only one way to say it. */
export interface ServerConfig {
  /** 0 takes any free port. */
  readonly port: number;
  readonly host: string;
  readonly model: ModelSource;
  /** Requests computed at the same time. */
  readonly slots: number;
  /** Tokens a prompt and its answer may have together. */
  readonly contextSize: number;
  /** Measured when undefined. */
  readonly threads: number | undefined;
  /** Requests that may wait for a slot before further ones are refused. */
  readonly queueLimit: number;
  readonly gpu: "auto" | "cuda" | "vulkan" | "metal" | false;
  readonly bodyLimitBytes: number;
  /** How long running requests may go on after the server was told to stop. */
  readonly shutdownMs: number;
  /** Tokens per second that one request is to exceed; health and benchmark are judged by it. */
  readonly targetTokensPerSecond: number;
  /** Nothing is logged but the failure that ends the server. */
  readonly quiet: boolean;
}

export const DEFAULT_CONFIG: ServerConfig = {
  port: 8085,
  host: "0.0.0.0",
  model: modelSource(undefined),
  slots: 8,
  contextSize: 4096,
  threads: undefined,
  queueLimit: 128,
  gpu: "auto",
  bodyLimitBytes: 1024 * 1024,
  shutdownMs: 10_000,
  targetTokensPerSecond: 5,
  quiet: false,
};

/** Mistakes in the environment, all of them in one message. */
export class ConfigError extends Error {
  readonly mistakes: readonly string[];

  constructor(mistakes: readonly string[]) {
    super(mistakes.join("\n"));
    this.name = "ConfigError";
    this.mistakes = mistakes;
  }
}

/** Reads the configuration from environment variables; what is not set keeps its default. */
export function readConfig(env: Readonly<Record<string, string | undefined>>): ServerConfig {
  const mistakes: string[] = [];
  const integer = (name: string, least: number, most: number): number | undefined => {
    const text = env[name]?.trim();
    if (text === undefined || text === "") return undefined;
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= least && value <= most) return value;
    mistakes.push(`${name}: ${JSON.stringify(text)} is not a whole number from ${least} to ${most}.`);
    return undefined;
  };
  const config: ServerConfig = {
    port: integer("PORT", 0, 65_535) ?? DEFAULT_CONFIG.port,
    host: env.HOST?.trim() || DEFAULT_CONFIG.host,
    model: modelSource(env.MODEL?.trim()),
    slots: integer("SLOTS", 1, 256) ?? DEFAULT_CONFIG.slots,
    contextSize: integer("CONTEXT_SIZE", 64, 1_048_576) ?? DEFAULT_CONFIG.contextSize,
    threads: integer("THREADS", 1, 1024) ?? DEFAULT_CONFIG.threads,
    queueLimit: integer("QUEUE_LIMIT", 0, 100_000) ?? DEFAULT_CONFIG.queueLimit,
    gpu: readGpu(env.GPU, mistakes),
    bodyLimitBytes: integer("BODY_LIMIT_BYTES", 1024, 2 ** 30) ?? DEFAULT_CONFIG.bodyLimitBytes,
    shutdownMs: integer("SHUTDOWN_MS", 0, 3_600_000) ?? DEFAULT_CONFIG.shutdownMs,
    targetTokensPerSecond: readTarget(env.TARGET_TOKENS_PER_SECOND, mistakes),
    quiet: /^(1|true|yes|on)$/i.test(env.QUIET ?? ""),
  };
  if (mistakes.length > 0) throw new ConfigError(mistakes);
  return config;
}

function readTarget(text: string | undefined, mistakes: string[]): number {
  const value = text?.trim() ?? "";
  if (value === "") return DEFAULT_CONFIG.targetTokensPerSecond;
  if (/^\d+(\.\d+)?$/.test(value)) return Number(value);
  mistakes.push(`TARGET_TOKENS_PER_SECOND: ${JSON.stringify(text)} is not a number from 0 up.`);
  return DEFAULT_CONFIG.targetTokensPerSecond;
}

function readGpu(text: string | undefined, mistakes: string[]): ServerConfig["gpu"] {
  const value = text?.trim().toLowerCase() ?? "";
  if (value === "") return DEFAULT_CONFIG.gpu;
  if (["0", "false", "off", "no", "none"].includes(value)) return false;
  if (value === "auto" || value === "cuda" || value === "vulkan" || value === "metal") return value;
  mistakes.push(`GPU: ${JSON.stringify(text)} is not one of auto, cuda, vulkan, metal, off.`);
  return DEFAULT_CONFIG.gpu;
}
