import { isDeepStrictEqual } from "node:util";
import { ConfigError, parseConfig } from "../../../src/index.ts";
import { ApiError, type ErrorDetail } from "../../http/errors.ts";
import {
  ADAPTERS,
  goodputThresholds,
  type LoadTestBody,
  loadTestBody,
  NESTED,
  validationConfig,
} from "./load-test-body.ts";
import type { RunRequest } from "./run-request.ts";
import { unknownKeys } from "./unknown-keys.ts";

export interface LoadTest {
  readonly body: LoadTestBody;
  readonly request: RunRequest;
  /** What was given and has no effect: ignored in silence it would be a trap. */
  readonly warnings: readonly string[];
}

/** Reads a body, flat or nested. @throws ApiError VALIDATION_ERROR with all mistakes at once. */
export function readLoadTest(given: object): LoadTest {
  const { merged, moved, conflicts } = flattened({ ...given });
  const parsed = loadTestBody.safeParse(merged);
  const details = [
    ...conflicts,
    ...(parsed.error?.issues ?? [])
      // What came from `config` is told of under the name it had there.
      .filter(({ path }) => !moved.has(String(path[0])))
      .map(({ path, message }) => ({
        field: path.length === 0 ? "body" : path.map(String).join("."),
        message,
      })),
  ];
  if (!parsed.success || details.length > 0) throw refused(details);
  const body = parsed.data;
  const plan = planOf(body);
  try {
    parseConfig(plan, (key) => API_NAMES[key] ?? key);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw refused(error.mistakes.map(({ field, message }) => ({ field: field.split(" ")[0]!, message })));
  }
  const { server_url: serverUrl, model, adapter, framework, api_key: apiKey } = body;
  return {
    body,
    warnings: warningsOf(given),
    request: {
      run: {
        kind: "load_test",
        serverUrl,
        model,
        adapter,
        framework: framework ?? undefined,
        config: configOf(body),
        notes: "",
      },
      plan,
      ...(apiKey && { apiKey }),
    },
  };
}

/**
 * The objectives that goodput is counted by: all thresholds together, then each by itself, so that the result
 * tells which of them were kept.
 */
export function goodputObjectives(thresholds: LoadTestBody["goodput_thresholds"]): string[] {
  const criteria = (["ttft", "tpot", "e2e"] as const).flatMap((metric) => {
    const limit = thresholds?.[`${metric}_ms`];
    return limit == null ? [] : [`${metric} < ${limit}ms`];
  });
  if (criteria.length === 0) return [];
  const lines = [criteria.join(", "), ...(criteria.length > 1 ? criteria : [])];
  return lines.map((line) => `goodput_ratio(${line}) >= 95%`);
}

/** Fixed, so that two runs send prompts of the same lengths and, but for their first words, the same texts. */
const SEED = 1;
const DEFAULT_REQUESTS = 100;

function planOf(body: LoadTestBody): Readonly<Record<string, unknown>> {
  const slo = goodputObjectives(body.goodput_thresholds);
  const requests = requestsOf(body);
  return {
    url: body.server_url,
    model: body.model,
    protocol: ADAPTERS[body.adapter],
    concurrency: body.concurrency,
    ...(requests !== undefined && { requests }),
    ...(body.duration_seconds != null && { duration: body.duration_seconds }),
    "input-tokens": body.input_len,
    "output-tokens": body.output_len,
    stream: body.stream,
    warmup: body.warmup,
    timeout: body.timeout,
    seed: SEED,
    "prompt-cache": body.prompt_cache,
    ...(slo.length > 0 && { slo }),
  };
}

/** A level ends after its requests or its time, whichever comes first; only its time, where no number is given. */
function requestsOf({ num_prompts, duration_seconds }: LoadTestBody): number | undefined {
  return num_prompts ?? (duration_seconds == null ? DEFAULT_REQUESTS : undefined);
}

/** The engine's names for what the API calls otherwise. */
const API_NAMES: Readonly<Record<string, string>> = {
  url: "server_url",
  protocol: "adapter",
  requests: "num_prompts",
  "input-tokens": "input_len",
  "output-tokens": "output_len",
  "prompt-cache": "prompt_cache",
  duration: "duration_seconds",
  slo: "goodput_thresholds",
};

/** What is stored and told again, in the flat form. */
function configOf(body: LoadTestBody): Readonly<Record<string, unknown>> {
  const num_prompts = requestsOf(body);
  return {
    concurrency: body.concurrency,
    ...(num_prompts !== undefined && { num_prompts }),
    ...(body.duration_seconds != null && { duration_seconds: body.duration_seconds }),
    input_len: body.input_len,
    output_len: body.output_len,
    stream: body.stream,
    warmup: body.warmup,
    ...(body.prompt_cache === "warm" && { prompt_cache: body.prompt_cache }),
    timeout: body.timeout,
    ...(body.goodput_thresholds && { goodput_thresholds: known(goodputThresholds, body.goodput_thresholds) }),
    ...(body.validation_config && { validation_config: known(validationConfig, body.validation_config) }),
    ...(body.framework_config && { framework_config: withoutSecrets(body.framework_config) }),
    ...(body.vllm_config && { vllm_config: withoutSecrets(body.vllm_config) }),
    ...(body.api_key && { api_key: HIDDEN }),
  };
}

const HIDDEN = "***";
const SECRET = /key|token$|secret|password|credential|auth/i;

function withoutSecrets(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutSecrets);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [
      name,
      SECRET.test(name) && typeof inner === "string" ? HIDDEN : withoutSecrets(inner),
    ]),
  );
}

interface Shaped {
  readonly shape: Readonly<Record<string, unknown>>;
}

function known({ shape }: Shaped, value: object): object {
  return Object.fromEntries(Object.entries(value).filter(([name]) => name in shape));
}

/** Moves what stands in `config` to where the flat form has it. */
function flattened(given: Readonly<Record<string, unknown>>) {
  const merged: Record<string, unknown> = { ...given };
  const moved = new Set<string>();
  const conflicts: ErrorDetail[] = [];
  const { config } = given;
  if (typeof config !== "object" || config === null || Array.isArray(config))
    return { merged, moved, conflicts };
  for (const [nested, flat] of Object.entries(NESTED)) {
    const value = (config as Readonly<Record<string, unknown>>)[nested];
    if (value === undefined) continue;
    if (given[flat] === undefined) {
      merged[flat] = value;
      moved.add(flat);
    } else if (!isDeepStrictEqual(given[flat], value)) {
      const message = `is ${JSON.stringify(given[flat])}, and config.${nested} is ${JSON.stringify(value)}: give one of them, or both alike`;
      conflicts.push({ field: flat, message }, { field: `config.${nested}`, message: `contradicts ${flat}` });
    }
  }
  return { merged, moved, conflicts };
}

function warningsOf(given: object): string[] {
  const { goodput_thresholds, validation_config, config } = given as Readonly<Record<string, unknown>>;
  return [
    ...unknownKeys(given, Object.keys(loadTestBody.shape)),
    ...unknownKeys(goodput_thresholds, Object.keys(goodputThresholds.shape), "goodput_thresholds."),
    ...unknownKeys(validation_config, Object.keys(validationConfig.shape), "validation_config."),
    ...unknownKeys(config, Object.keys(NESTED), "config."),
  ];
}

function refused(details: readonly ErrorDetail[]): ApiError {
  const message = details.map(({ field, message }) => `${field}: ${message}`).join("; ");
  return new ApiError("VALIDATION_ERROR", message, { details });
}
