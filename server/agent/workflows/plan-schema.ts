import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join, resolve } from "node:path";
import { z } from "zod";
import { isMetadataHost } from "../../../src/index.ts";
import type { Environment } from "../../settings/config-error.ts";
import type { Hook } from "./instance-plan.ts";

const DAY_MS = 86_400_000;
const DEFAULT_READY_TIMEOUT_MS = 10 * 60_000;
const DEFAULT_HOOK_TIMEOUT_MS = 5 * 60_000;
const DEFAULT_MAX_REGRESSION = 0.1;

const HOOK_KEYS = ["command", "webhook", "headers_env", "timeout"];

/** What stands below an instance's id; secrets are taken from `env`, programs looked for from `folder` on. */
export function planSchema(env: Environment, folder: string) {
  const variable = z.string(wrong("the name of an environment variable, and never a secret itself"));
  const secret = variable.transform((name, context) => {
    const value = env[name]?.trim();
    if (value) return value;
    // Not by its name, since by mistake that may be the secret itself.
    return refuse(context, "names an environment variable that is not set");
  });
  const hook = (what = EITHER) => hookSchema(secret, env, folder, what);
  return z.strictObject(
    {
      metrics_url: address("the address of its Prometheus page").optional(),
      load: z.record(
        z.string(),
        z.unknown(),
        wrong("what is measured before and after, in the settings of the config file"),
      ),
      max_regression: share().default(DEFAULT_MAX_REGRESSION),
      api_key_env: secret.optional(),
      ready_url: address("an address that answers with 2xx when the instance is ready").optional(),
      ready_timeout: duration().default(DEFAULT_READY_TIMEOUT_MS),
      hooks: z.strictObject(
        {
          read: hook().optional(),
          apply: hook("what puts the change on the instance; without it nothing can be rolled back"),
          rollback: hook("what undoes `apply`, which is never called without it"),
          rollout: hook().optional(),
        },
        wrong("`apply` and `rollback`, and if you like `read` and `rollout`"),
      ),
    },
    wrong("the settings of an instance: load and hooks at least"),
  );
}

/** The keys that may stand at a place below an instance's id. */
export function keysAt(path: readonly PropertyKey[]): readonly string[] {
  const schema = planSchema({}, ".");
  if (path.length === 0) return Object.keys(schema.shape);
  return path.length === 1 ? Object.keys(schema.shape.hooks.shape) : HOOK_KEYS;
}

function hookSchema(secret: z.ZodType<string>, env: Environment, folder: string, what: string) {
  const program = z
    .array(z.string(wrong("a text; quote what looks like a number")), wrong(COMMAND))
    .superRefine((argv, context) => {
      const mistake = argv.some((word) => word.includes("\0"))
        ? "holds a NUL character"
        : programMistake(argv[0] ?? "", env, folder);
      if (mistake !== undefined) refuse(context, mistake);
    });
  return z
    .strictObject(
      {
        command: program.optional(),
        webhook: address("an address to post to").optional(),
        headers_env: z
          .record(z.string(), secret.superRefine(checkHeaderValue), wrong("names of variables by header"))
          .superRefine((headers, context) => {
            for (const name of Object.keys(headers)) {
              if (!HEADER_NAME.test(name)) refuse(context, "is no header's name", [name]);
              else if (OWN_HEADER.test(name)) refuse(context, "is set by the server itself", [name]);
            }
          })
          .optional(),
        timeout: duration().default(DEFAULT_HOOK_TIMEOUT_MS),
      },
      { error: ({ input }) => (input === undefined ? `is required: ${what}` : `should be ${EITHER}`) },
    )
    .transform(({ command, webhook, headers_env: headers = {}, timeout: timeoutMs }, context): Hook => {
      if (command !== undefined && webhook === undefined) {
        if (Object.keys(headers).length === 0) return { kind: "command", argv: command, timeoutMs };
        return refuse(context, "is for a webhook; a command has the environment", ["headers_env"]);
      }
      if (webhook !== undefined && command === undefined)
        return { kind: "webhook", url: webhook, headers, timeoutMs };
      return refuse(context, `must be ${EITHER}`);
    });
}

const EITHER = "either `command: [program, arguments…]` or `webhook: https://…`";
const COMMAND = "a list of a program and its arguments, as in [./apply.sh, --now]; there is no shell";
const HEADER_NAME = /^[\w!#$%&'*+.^`|~-]+$/;
const OWN_HEADER =
  /^(?:content-(?:type|length)|host|user-agent|connection|keep-alive|transfer-encoding|upgrade|expect|te|trailer)$/i;

function checkHeaderValue(value: string, context: z.core.$RefinementCtx): void {
  if (/[^\t\x20-\x7e\x80-\xff]/.test(value)) refuse(context, "names a value that cannot stand in a header");
}

/** Told at the start, rather than when an operator has approved a change. */
function programMistake(program: string, env: Environment, folder: string): string | undefined {
  if (program === "") return `should be ${COMMAND}`;
  const quoted = JSON.stringify(program);
  if (/[/\\]/.test(program)) {
    return isProgram(resolve(folder, program))
      ? undefined
      : `${quoted} is no file that may be executed; relative paths begin at this file's folder`;
  }
  // Where names have extensions that nobody writes, only running it tells.
  const known =
    process.platform === "win32" || folders(env.PATH).some((path) => isProgram(join(path, program)));
  if (known) return undefined;
  const near = isProgram(join(folder, program)) ? `; one beside this file is ./${program}` : "";
  return `${quoted} is nowhere in PATH${near}`;
}

function folders(path: string | undefined): readonly string[] {
  return (path ?? "").split(delimiter).filter((folder) => folder !== "");
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

function address(what: string) {
  const message = wrong(`${what}: http or https, without user and password`);
  return z.string(message).superRefine((text, context) => {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    const right = url && /^https?:$/.test(url.protocol) && url.username === "" && url.password === "";
    if (!right) refuse(context, message.error({ input: text }));
    else if (isMetadataHost(url.hostname))
      refuse(context, "is a link-local or metadata address, which is never asked");
  });
}

/** Milliseconds; a bare number is seconds, as in the config file. */
function duration() {
  const right = "should be a time of up to a day, for example 30s, 10m or 90";
  return z.unknown().transform((value, context) => {
    const [, number, unit = "s"] = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h)?$/.exec(String(value).trim()) ?? [];
    const ms = Math.round(Number(number) * (MS_PER[unit] ?? Number.NaN));
    return ms >= 1 && ms <= DAY_MS ? ms : refuse(context, right);
  });
}

const MS_PER: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** "10%" and 0.1 alike. */
function share() {
  const right = "should be a share above 0 and up to 100%, for example 10% or 0.1";
  return z.unknown().transform((value, context) => {
    const [, number, percent] = /^(\d+(?:\.\d+)?)\s*(%)?$/.exec(String(value).trim()) ?? [];
    const ratio = Number(number) / (percent === undefined ? 1 : 100);
    return ratio > 0 && ratio <= 1 ? ratio : refuse(context, right);
  });
}

function wrong(what: string) {
  return {
    error: ({ input }: { readonly input?: unknown }) =>
      input === undefined ? `is required: ${what}` : `should be ${what}`,
  };
}

function refuse(context: z.core.$RefinementCtx, message: string, path: PropertyKey[] = []): never {
  context.addIssue({ code: "custom", message, path });
  return z.NEVER;
}
