import { type AgentConfig, DEFAULT_AGENT_CONFIG, readAgentConfig } from "./agent/agent-config.ts";
import { type BasicCredentials, readApiKey, readBasicAuth } from "./http/auth.ts";
import { readOrigins } from "./http/cors.ts";
import { type RateLimit, readRateLimit } from "./http/rate-limit.ts";
import { type ModelSource, modelSource } from "./inference/model-file.ts";
import { ConfigError, type Environment } from "./settings/config-error.ts";
import { readAllowedTargets } from "./settings/targets.ts";
import { type StoreConfig, storeConfig } from "./store/store-config.ts";

export { ConfigError } from "./settings/config-error.ts";

/** Everything the server can be told; `serve` takes the same, the environment is only one way to say it. */
export interface ServerConfig {
  /** 0 takes any free port. */
  readonly port: number;
  readonly host: string;
  /** None: a server for load tests alone. */
  readonly model: ModelSource | { readonly kind: "none" };
  /** Requests computed at the same time; by the memory there is, up to 8, when undefined. */
  readonly slots: number | undefined;
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
  /** Where runs are kept. */
  readonly store: StoreConfig;
  /** Runs keep their records below it. */
  readonly dataDir: string;
  /** Whose files virtual users may take prompts from; undefined: none. */
  readonly datasetsDir: string | undefined;
  /** As DOCKER_HOST says it; the engine's usual socket when undefined. */
  readonly dockerHost: string | undefined;
  /** Load tests at the same time: two on one machine measure each other. */
  readonly runConcurrency: number;
  /** Parts of a load test, each done by a `goodput worker`; 1: the server does it itself. */
  readonly runShards: number;
  /** Opens what changes state or makes a model run; undefined: all of it is open. */
  readonly apiKey: string | undefined;
  /** Opens `/api/v1/benchmarks` and `/api/v1/generate`; undefined: they are open. */
  readonly basicAuth: BasicCredentials | undefined;
  readonly rateLimit: RateLimit | undefined;
  /** Proxies in front of this server whose X-Forwarded-For holds. */
  readonly trustedProxies: number;
  /** Hosts and networks that may be load-tested; undefined: all but metadata addresses. */
  readonly allowedTargets: readonly string[] | undefined;
  /** Whose pages may read answers; "*" for everybody's. */
  readonly corsOrigins: readonly string[];
  /** Who the server says it is to those who watch inference servers with it, how often it reads them, and how it may change them. */
  readonly agent: AgentConfig;
  /** What a run of virtual users has where its request says nothing. */
  readonly virtualUsers: VirtualUserDefaults;
}

export interface VirtualUserDefaults {
  readonly url: string | undefined;
  readonly model: string | undefined;
  readonly tokenizer: string | undefined;
  /** Sent to targets as a Bearer token. */
  readonly apiKey: string | undefined;
}

export const DEFAULT_CONFIG: ServerConfig = {
  port: 8085,
  host: "0.0.0.0",
  model: modelSource(undefined),
  slots: undefined,
  contextSize: 4096,
  threads: undefined,
  queueLimit: 128,
  gpu: "auto",
  bodyLimitBytes: 1024 * 1024,
  shutdownMs: 10_000,
  targetTokensPerSecond: 5,
  quiet: false,
  store: { kind: "sqlite", path: "benchmarks.db" },
  dataDir: "goodput-data",
  datasetsDir: undefined,
  dockerHost: undefined,
  runConcurrency: 1,
  runShards: 1,
  apiKey: undefined,
  basicAuth: undefined,
  rateLimit: undefined,
  trustedProxies: 0,
  allowedTargets: undefined,
  corsOrigins: ["*"],
  agent: DEFAULT_AGENT_CONFIG,
  virtualUsers: { url: undefined, model: undefined, tokenizer: undefined, apiKey: undefined },
};

/** Reads the configuration from environment variables; what is not set keeps its default. */
export function readConfig(env: Environment): ServerConfig {
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
    model: readModel(env),
    slots: integer("SLOTS", 1, 256) ?? DEFAULT_CONFIG.slots,
    contextSize: integer("CONTEXT_SIZE", 64, 1_048_576) ?? DEFAULT_CONFIG.contextSize,
    threads: integer("THREADS", 1, 1024) ?? DEFAULT_CONFIG.threads,
    queueLimit: integer("QUEUE_LIMIT", 0, 100_000) ?? DEFAULT_CONFIG.queueLimit,
    gpu: readGpu(env.GPU, mistakes),
    bodyLimitBytes: integer("BODY_LIMIT_BYTES", 1024, 2 ** 30) ?? DEFAULT_CONFIG.bodyLimitBytes,
    shutdownMs: integer("SHUTDOWN_MS", 0, 3_600_000) ?? DEFAULT_CONFIG.shutdownMs,
    targetTokensPerSecond: readTarget(env.TARGET_TOKENS_PER_SECOND, mistakes),
    quiet: /^(1|true|yes|on)$/i.test(env.QUIET ?? ""),
    store: readStore(env, mistakes),
    dataDir: env.DATA_DIR?.trim() || DEFAULT_CONFIG.dataDir,
    datasetsDir: env.DATASETS_DIR?.trim() || undefined,
    dockerHost: env.DOCKER_HOST?.trim() || undefined,
    runConcurrency: integer("RUN_CONCURRENCY", 1, 64) ?? DEFAULT_CONFIG.runConcurrency,
    runShards: integer("RUN_SHARDS", 1, 256) ?? DEFAULT_CONFIG.runShards,
    apiKey: readApiKey(env, mistakes),
    basicAuth: readBasicAuth(env, mistakes),
    rateLimit: readRateLimit(env, mistakes),
    trustedProxies: integer("TRUST_PROXY", 0, 16) ?? DEFAULT_CONFIG.trustedProxies,
    allowedTargets: readAllowedTargets(env, mistakes),
    corsOrigins: readOrigins(env, mistakes),
    agent: readAgentConfig(env, mistakes),
    virtualUsers: {
      url: env.LOCUST_HOST?.trim() || undefined,
      model: env.LOCUST_MODEL?.trim() || undefined,
      tokenizer: env.LOCUST_TOKENIZER?.trim() || undefined,
      apiKey: env.API_AUTH_TOKEN?.trim() || undefined,
    },
  };
  if (config.runShards > 1 && config.store.kind !== "postgres") {
    mistakes.push(
      `RUN_SHARDS: ${config.runShards} needs PostgreSQL, through which workers take their shards: set DATABASE_URL or DB_HOST.`,
    );
  }
  if (mistakes.length > 0) throw new ConfigError(mistakes);
  return config;
}

/** Everything in the configuration that no log and no answer may show. */
export function secretsOf({ apiKey, basicAuth, store, virtualUsers }: ServerConfig): readonly string[] {
  const connection = store.kind === "postgres" ? store.connection : undefined;
  const databasePassword =
    typeof connection === "string" ? decodeURIComponent(new URL(connection).password) : connection?.password;
  return [apiKey, basicAuth?.password, databasePassword, virtualUsers.apiKey].filter(
    (secret) => secret !== undefined,
  );
}

function readModel(env: Environment): ServerConfig["model"] {
  const text = env.MODEL?.trim();
  if (/^(?:off|none)$/i.test(text ?? "")) return { kind: "none" };
  return modelSource(text, env.MODELS_DIR?.trim() || undefined);
}

/** Its mistakes come all at once, like those of everything else here. */
function readStore(env: Environment, mistakes: string[]): StoreConfig {
  try {
    return storeConfig(env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    mistakes.push(...error.mistakes);
    return DEFAULT_CONFIG.store;
  }
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
