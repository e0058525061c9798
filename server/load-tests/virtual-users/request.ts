import { ConfigError, parseConfig } from "../../../src/index.ts";
import type { VirtualUserDefaults } from "../../config.ts";
import { ApiError } from "../../http/errors.ts";
import type { Targets } from "../../settings/targets.ts";
import type { RunRequest } from "../runs/run-request.ts";
import { DEFAULT_WAIT, type VirtualUsersBody } from "./body.ts";
import { DEFAULT_DATASET, findPrompts } from "./dataset.ts";
import { findTarget } from "./target.ts";

export interface VirtualUserOptions {
  readonly targets: Pick<Targets, "check" | "get">;
  /** Where the request says nothing. */
  readonly defaults: VirtualUserDefaults;
  /** Whose files may be used as prompts; undefined: none. */
  readonly datasetsDir?: string | undefined;
}

/** What is stored of such a run, beside what every run has. */
export interface VirtualUserConfig {
  readonly user: number;
  readonly spawnrate: number;
  readonly duration: number;
  readonly tokenizer: string | null;
  readonly dataset: string;
  /** What the prompts really were. */
  readonly prompts: string;
  readonly wait_min: number;
  readonly wait_max: number;
  readonly max_tokens: number;
}

/** Asks the target whether it is there. @throws ApiError with what is wrong, before anything is stored. */
export async function virtualUsersRequest(
  body: VirtualUsersBody,
  { targets, defaults, datasetsDir }: VirtualUserOptions,
): Promise<RunRequest> {
  const url = body.url ?? defaults.url;
  if (url === undefined) {
    const message = "is required where LOCUST_HOST is not set: the server to test";
    throw new ApiError("VALIDATION_ERROR", `url: ${message}`, { details: [{ field: "url", message }] });
  }
  const dataset = body.dataset ?? DEFAULT_DATASET;
  const prompts = await findPrompts(dataset, datasetsDir);
  const apiKey = body.api_key ?? defaults.apiKey;
  const { model } = await findTarget(targets, url, { model: body.model ?? defaults.model, apiKey });
  const config: VirtualUserConfig = {
    user: body.user ?? body.users ?? 100,
    spawnrate: body.spawnrate ?? body.spawn_rate ?? 100,
    duration: body.duration ?? 60,
    tokenizer: body.tokenizer ?? defaults.tokenizer ?? null,
    dataset,
    prompts: prompts.told,
    wait_min: body.wait_min ?? DEFAULT_WAIT[0],
    wait_max: body.wait_max ?? DEFAULT_WAIT[1],
    max_tokens: body.max_tokens ?? 128,
  };
  const plan = planOf(url, model, config, prompts.source);
  checkPlan(plan);
  return {
    run: {
      kind: "virtual_users",
      serverUrl: url,
      model,
      adapter: "openai",
      framework: undefined,
      config: { ...config },
      notes: body.notes ?? "",
    },
    plan,
    ...(apiKey !== undefined && { apiKey }),
  };
}

/** Fixed, so that two runs send prompts of the same lengths in the same order. */
const SEED = 1;

function planOf(url: string, model: string, config: VirtualUserConfig, prompts: string) {
  return {
    url,
    model,
    users: config.user,
    "spawn-rate": config.spawnrate,
    "think-time": `${config.wait_min}s-${config.wait_max}s`,
    duration: config.duration,
    "output-tokens": config.max_tokens,
    prompts,
    stream: true,
    // The time is that of the load from its first request on.
    warmup: 0,
    seed: SEED,
  };
}

/** What the API's own checks let through and the engine does not. */
function checkPlan(plan: Readonly<Record<string, unknown>>): void {
  try {
    parseConfig(plan, (key) => API_NAMES[key] ?? key);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const details = error.mistakes.map(({ field, message }) => ({ field: field.split(" ")[0]!, message }));
    const message = details.map((detail) => `${detail.field}: ${detail.message}`).join("; ");
    throw new ApiError("VALIDATION_ERROR", message, { details });
  }
}

const API_NAMES: Readonly<Record<string, string>> = {
  users: "user",
  "spawn-rate": "spawnrate",
  "think-time": "wait_min",
  "output-tokens": "max_tokens",
  prompts: "dataset",
};
