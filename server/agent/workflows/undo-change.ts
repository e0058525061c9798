import { isDeepStrictEqual } from "node:util";
import { hookInput, readConfig } from "./instance-config.ts";
import type { HookEvent, InstancePlan, RunHook } from "./instance-plan.ts";
import { Interruption } from "./measure-load.ts";
import { begin, end, skipRest } from "./stages.ts";
import type { StoredWorkflow } from "./stored-workflow.ts";
import type { Workflow } from "./workflow.ts";

/** What it takes to change an instance. */
export interface InstanceWork {
  readonly one: StoredWorkflow;
  readonly plan: InstancePlan;
  readonly runHook: RunHook;
  readonly waitUntilReady: (plan: InstancePlan, signal: AbortSignal) => Promise<void>;
  /** Aborted when the server stops. */
  readonly signal: AbortSignal;
}

/** A step that did not succeed; the message is for people. */
export class StepFailure extends Error {}

/** Rejects with a StepFailure, or with an Interruption when the server stops; without such a hook it is done. */
export async function callHook(event: HookEvent, work: InstanceWork): Promise<void> {
  const hook = work.plan.hooks[event];
  if (hook === undefined) return;
  await step(work, () => work.runHook(hook, hookInput(event, work.one.is), work.signal));
}

/** Rejects like a hook. */
export function becomeReady(work: InstanceWork): Promise<void> {
  return step(work, () => work.waitUntilReady(work.plan, work.signal));
}

/** Rejects like a hook. */
export function readInstance(work: InstanceWork): ReturnType<typeof readConfig> {
  const { plan, one, runHook, signal } = work;
  return step(work, () => readConfig(plan, one.is, runHook, signal));
}

/** Puts the previous configuration back and looks whether it is there; `endsAs` is for when that succeeds. */
export async function undoChange(
  work: InstanceWork,
  error: NonNullable<Workflow["error"]>,
  endsAs: "ROLLED_BACK" | "FAILED",
): Promise<void> {
  const { one } = work;
  const at = one.timestamp();
  const ended = skipRest(
    end(one.is.stages, "FAILED", at, error.message),
    at,
    "The change is undone.",
    "COMPLETION",
  );
  await one.saveAnyhow({
    change: { ...one.is.change, state: "rolling_back" },
    error,
    stages: begin(ended, "COMPLETION", at),
  });
  try {
    await callHook("rollback", work);
    await becomeReady(work);
  } catch (failure) {
    if (!(failure instanceof StepFailure)) throw failure;
    const message = `The change could not be undone. ${failure.message}`;
    await one.saveAnyhow({
      status: "FAILED",
      change: { ...one.is.change, state: "rollback_failed" },
      error: { ...error, message: `${error.message} ${message}` },
      stages: end(one.is.stages, "FAILED", one.timestamp(), message),
    });
    return;
  }
  const { restored, told } = await whetherRestored(work);
  await one.saveAnyhow({
    status: endsAs,
    change: { ...one.is.change, state: "rolled_back", restored },
    ...(restored === false && { error: { ...error, message: `${error.message} ${told}` } }),
    stages: end(one.is.stages, "COMPLETED", one.timestamp(), told),
  });
}

async function whetherRestored(
  work: InstanceWork,
): Promise<{ readonly restored: boolean | undefined; readonly told: string }> {
  const { previousConfig } = work.one.is.change;
  if (previousConfig === undefined) {
    return {
      restored: undefined,
      told: "The change was undone; nobody told what the configuration was before.",
    };
  }
  try {
    const config = await readInstance(work);
    const restored = isDeepStrictEqual(config, previousConfig);
    const told = restored
      ? "The change was undone, and the configuration is as it was before."
      : "The change was undone, but the configuration is not as it was before.";
    return { restored, told };
  } catch (failure) {
    if (!(failure instanceof StepFailure)) throw failure;
    return { restored: undefined, told: `The change was undone. ${failure.message}` };
  }
}

/** Each of them says by itself what it is that failed. */
async function step<Value>({ signal }: InstanceWork, work: () => Promise<Value>): Promise<Value> {
  if (signal.aborted) throw new Interruption();
  try {
    return await work();
  } catch (cause) {
    if (signal.aborted) throw new Interruption();
    throw new StepFailure((cause as Error).message, { cause });
  }
}
