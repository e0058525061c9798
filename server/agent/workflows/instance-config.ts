import { plainText } from "../../../src/index.ts";
import type { HookEvent, HookInput, InstancePlan, RunHook } from "./instance-plan.ts";
import type { Workflow } from "./workflow.ts";

export type Config = Readonly<Record<string, unknown>>;

export function hookInput(event: HookEvent, workflow: Workflow): HookInput {
  const { change } = workflow;
  return {
    event,
    workflow_id: workflow.workflowId,
    instance_id: workflow.instanceId,
    instance_type: workflow.instanceType,
    optimizations: workflow.optimizations.map(({ type, description, config_changes, engine_args }) => ({
      type,
      description,
      config_changes,
      engine_args,
    })),
    config_changes: change.configChanges,
    engine_args: change.engineArgs,
    previous_config: change.previousConfig ?? null,
  };
}

/** What the `read` hook tells; undefined where there is none. Rejects with a sentence when it tells nothing usable. */
export async function readConfig(
  plan: InstancePlan,
  workflow: Workflow,
  runHook: RunHook,
  signal: AbortSignal,
): Promise<Config | undefined> {
  const { read } = plan.hooks;
  if (read === undefined) return undefined;
  const { text } = await runHook(read, hookInput("read", workflow), signal);
  const config = parsed(text);
  if (typeof config !== "object" || config === null || Array.isArray(config)) {
    throw new TypeError("The read hook's answer is no JSON object.");
  }
  return config as Config;
}

/** "max_batch_size: 64 (was 32)", a line for people to carry out. */
export function configDiff({ configChanges, engineArgs, previousConfig }: Workflow["change"]): string {
  const settings = Object.entries(configChanges).map(([name, value]) => {
    const known = previousConfig !== undefined && Object.hasOwn(previousConfig, name);
    return `${name}: ${JSON.stringify(value)}${known ? ` (was ${shown(previousConfig[name])})` : ""}`;
  });
  const flags = engineArgs.length === 0 ? "" : `; arguments of the engine: ${engineArgs.join(" ")}`;
  return `${settings.join(", ")}${flags}`;
}

/** What a hook has told may be long, or anything. */
function shown(value: unknown): string {
  return plainText(JSON.stringify(value), 100);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
