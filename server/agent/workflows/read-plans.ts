import { readFile } from "node:fs/promises";
import { dirname, isAbsolute, resolve } from "node:path";
import { closest, distance } from "fastest-levenshtein";
import { parseDocument } from "yaml";
import type { z } from "zod";
import { parseConfig, ConfigError as SettingsError } from "../../../src/index.ts";
import { ConfigError, type Environment } from "../../settings/config-error.ts";
import type { InstancePlan } from "./instance-plan.ts";
import { keysAt, planSchema } from "./plan-schema.ts";

/**
 * What the file that WORKFLOWS_FILE names, YAML or JSON, says about each instance.
 * @throws ConfigError with all mistakes of the file at once.
 */
export async function readInstancePlans(
  path: string,
  env: Environment,
): Promise<ReadonlyMap<string, InstancePlan>> {
  const file = await readDocument(path);
  const mistakes = Object.keys(file)
    .filter((key) => key !== "instances")
    .map((key) => `${key}: ${unknown(key, ["instances"])}`);
  const plans = new Map<string, InstancePlan>();
  if (!isRecord(file.instances)) {
    mistakes.push("instances: should be the settings of each instance, below its id");
  } else {
    const folder = hookFolder(path);
    const schema = planSchema(env, folder);
    for (const [id, given] of Object.entries(file.instances)) {
      const plan = readPlan(id, given, schema, folder, mistakes);
      if (plan !== undefined) plans.set(id, plan);
    }
  }
  if (mistakes.length > 0)
    throw new ConfigError(mistakes.map((mistake) => sentence(`${path}: ${hidden(mistake)}`)));
  return plans;
}

/** The folder that hooks run in. */
export function hookFolder(path: string): string {
  return dirname(resolve(path));
}

/** What no log, no row and no answer may show. */
export function secretsOfPlans(plans: ReadonlyMap<string, InstancePlan>): readonly string[] {
  return [...plans.values()].flatMap(({ apiKey, hooks }) => [
    ...(apiKey === undefined ? [] : [apiKey]),
    ...[hooks.read, hooks.apply, hooks.rollback, hooks.rollout].flatMap((hook) =>
      // "Bearer" before a token is no part of it.
      hook?.kind === "webhook"
        ? Object.values(hook.headers).flatMap((value) => [value, lastWord(value)])
        : [],
    ),
  ]);
}

function readPlan(
  id: string,
  given: unknown,
  schema: ReturnType<typeof planSchema>,
  folder: string,
  mistakes: string[],
): InstancePlan | undefined {
  const place = `instances.${id}`;
  const before = mistakes.length;
  if (!/^[^\p{Cc}]{1,200}$/u.test(id) || id.trim() !== id) {
    mistakes.push(
      `${place}: should be an instance's id of 1 to 200 characters, without spaces around it or controls`,
    );
  }
  const read = schema.safeParse(given);
  for (const issue of read.error?.issues ?? []) mistakes.push(...described(issue, given, place));
  const load = isRecord(given) && isRecord(given.load) ? fromFolder(given.load, folder) : undefined;
  if (load !== undefined) mistakes.push(...loadMistakes(load, `${place}.load`));
  if (!read.success || load === undefined || mistakes.length > before) return undefined;
  const { data } = read;
  return {
    instanceId: id,
    metricsUrl: data.metrics_url,
    load,
    maxRegression: data.max_regression,
    apiKey: data.api_key_env,
    readyUrl: data.ready_url ?? modelsUrl(String(load.url)),
    readyTimeoutMs: data.ready_timeout,
    hooks: {
      read: data.hooks.read,
      apply: data.hooks.apply,
      rollback: data.hooks.rollback,
      rollout: data.hooks.rollout,
    },
  };
}

async function readDocument(path: string): Promise<Readonly<Record<string, unknown>>> {
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    const reason = error.code === "ENOENT" ? "there is no such file" : `cannot be read: ${error.message}`;
    throw new ConfigError([`WORKFLOWS_FILE: ${path}: ${reason}.`]);
  });
  const document = parseDocument(text);
  const mistakes = document.errors.map(({ linePos, message }) => {
    const where = linePos === undefined ? "" : `line ${linePos[0].line}, column ${linePos[0].col}: `;
    return sentence(`${path}: ${where}${message.split("\n")[0]?.replace(/ at line \d+, column \d+:$/, "")}`);
  });
  if (mistakes.length > 0) throw new ConfigError(mistakes);
  let value: unknown;
  try {
    value = document.toJS();
  } catch (error) {
    // Aliases of nothing, or of more than there can be.
    throw new ConfigError([sentence(`${path}: ${(error as Error).message}`)]);
  }
  if (isRecord(value)) return value;
  throw new ConfigError([
    `${path}: should hold \`instances:\` and below it each instance's id and settings.`,
  ]);
}

/** Kinds of load that do not send the same before and after, so that nothing could be compared. */
const INCOMPARABLE = ["search", "sweep", "baseline-url", "baseline-model"];

function loadMistakes(load: Readonly<Record<string, unknown>>, place: string): string[] {
  const refused = INCOMPARABLE.filter((key) => load[key] !== undefined).map(
    (key) =>
      `${place}.${key}: cannot be measured alike before and after; give a load such as concurrency or rate`,
  );
  try {
    parseConfig(load, (key) => `${place}.${key}`);
    return refused;
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    const told = error.mistakes.map(({ field, value, message }) =>
      [`${field}:`, ...(value === undefined ? [] : [JSON.stringify(value)]), message.replace(/\.$/, "")].join(
        " ",
      ),
    );
    return [...refused, ...told];
  }
}

/** Files that the load names are looked for beside this one, wherever the server was started. */
function fromFolder(load: Readonly<Record<string, unknown>>, folder: string): Record<string, unknown> {
  const resolved = { ...load };
  for (const key of ["prompts", "trace", "tokenizer"]) {
    const value = load[key];
    const builtIn = key === "prompts" && (value === "synthetic" || value === "builtin");
    if (typeof value === "string" && value.trim() !== "" && !builtIn && !isAbsolute(value)) {
      resolved[key] = resolve(folder, value.trim());
    }
  }
  return resolved;
}

function described(issue: z.core.$ZodIssue, given: unknown, place: string): string[] {
  const field = [place, ...issue.path.map(String)].join(".");
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => `${field}.${key}: ${unknown(key, keysAt(issue.path))}`);
  }
  const value = valueAt(given, issue.path);
  // What stands where the name of a secret's variable should be may be the secret.
  const shown = issue.path.some((part) => /_env$/.test(String(part))) ? undefined : value;
  const quoted = ["string", "number", "boolean"].includes(typeof shown)
    ? `${JSON.stringify(shown).slice(0, 200)} `
    : "";
  return [`${field}: ${quoted}${issue.message}`];
}

function unknown(key: string, known: readonly string[]): string {
  const near = closest(key, [...known]);
  return `is not known; ${distance(key, near) <= 3 ? `did you mean ${near}?` : `known are ${known.join(", ")}`}`;
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (inner, key) =>
      typeof inner === "object" && inner !== null ? (inner as Record<PropertyKey, unknown>)[key] : undefined,
    value,
  );
}

/** Where servers of OpenAI's API list their models, whatever of the API the address names already. */
function modelsUrl(url: string): string {
  const { origin, pathname } = new URL(url.trim());
  return `${origin}${pathname.replace(/\/v\d+\w*(?:\/.*)?$/, "").replace(/\/+$/, "")}/v1/models`;
}

/** An address may have been given with a password, which is one of the mistakes. */
function hidden(mistake: string): string {
  return mistake.replaceAll(/\/\/[^\s/@"]*@/g, "//***@");
}

function sentence(text: string): string {
  return /[.?!]$/.test(text) ? text : `${text}.`;
}

function lastWord(value: string): string {
  return value.split(/\s+/).at(-1) ?? value;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
