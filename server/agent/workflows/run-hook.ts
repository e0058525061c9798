import { type Clock, redactor, systemClock } from "../../../src/index.ts";
import type { Environment } from "../../settings/config-error.ts";
import type { Targets } from "../../settings/targets.ts";
import { callWebhook } from "./call-webhook.ts";
import { hookEnvironment, secretsIn } from "./hook-environment.ts";
import type { RunHook } from "./instance-plan.ts";
import { runCommand } from "./run-command.ts";

export { HookError } from "./hook-error.ts";

export interface HookRunnerOptions {
  readonly targets: Pick<Targets, "dispatcher">;
  /** The folder of the operator's file: commands run there. */
  readonly cwd: string;
  /** The server's own; commands are given it without its secrets. */
  readonly env: Environment;
  /** Beside those of the environment: what no answer and no error of a hook may show. */
  readonly secrets?: readonly string[];
  readonly clock?: Clock;
}

/** What runs the hooks of one file. */
export function createHookRunner({
  targets,
  cwd,
  env,
  secrets = [],
  clock = systemClock(),
}: HookRunnerOptions): RunHook {
  const redact = redactor([...secrets, ...secretsIn(env)]);
  const { dispatcher } = targets;
  return async (hook, input, signal) => {
    switch (hook.kind) {
      case "command": {
        const options = { cwd, env: hookEnvironment(env, input), clock, redact };
        return { text: await runCommand(hook, input, signal, options) };
      }
      case "webhook":
        return { text: await callWebhook(hook, input, signal, { dispatcher, clock, redact }) };
      default:
        return hook satisfies never;
    }
  };
}
