import type { Environment } from "../../settings/config-error.ts";
import type { HookInput } from "./instance-plan.ts";

/** Of the server's own settings; `PGPASSWORD` is read by its PostgreSQL client. */
const SECRET_SETTINGS = [
  "API_KEY",
  "API_USERNAME",
  "API_PASSWORD",
  "API_AUTH_TOKEN",
  "DATABASE_URL",
  "DB_PASSWORD",
  "GOODPUT_API_KEY",
  "HUGGINGFACE_TOKEN",
  "PGPASSWORD",
] as const;

/** What a command finds: the server's environment without its secrets, and what it is called for. */
export function hookEnvironment(env: Environment, input: HookInput): NodeJS.ProcessEnv {
  const kept = Object.entries(env).filter(([name]) => !isSecretSetting(name));
  return {
    ...Object.fromEntries(kept),
    GOODPUT_EVENT: input.event,
    GOODPUT_WORKFLOW_ID: input.workflow_id,
    GOODPUT_INSTANCE_ID: input.instance_id,
  };
}

/** The values that a hook is not given, and must not show if it found them elsewhere. */
export function secretsIn(env: Environment): string[] {
  const values = SECRET_SETTINGS.filter((name) => name !== "API_USERNAME").map((name) => env[name]?.trim());
  return [...values, passwordOf(env.DATABASE_URL)].filter((value) => value !== undefined);
}

function isSecretSetting(name: string): boolean {
  return SECRET_SETTINGS.some((secret) => secret === name.toUpperCase());
}

function passwordOf(address: string | undefined): string | undefined {
  if (address === undefined || !URL.canParse(address)) return undefined;
  try {
    return decodeURIComponent(new URL(address).password);
  } catch {
    // A lone percent sign is no escape; the whole address is hidden anyway.
    return new URL(address).password;
  }
}
