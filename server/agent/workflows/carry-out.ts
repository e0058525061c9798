import { isDeepStrictEqual } from "node:util";
import { compareInThread } from "../../load-tests/comparison/compare-in-thread.ts";
import type { Runs } from "../../load-tests/runs/run-request.ts";
import { patiently } from "../../store/patiently.ts";
import type { RunStore } from "../../store/run-store.ts";
import type { Agent } from "../agent.ts";
import { reasonOf } from "../collect/collector.ts";
import { findingsIn, lookAt } from "./begin-workflow.ts";
import { configDiff } from "./instance-config.ts";
import type { InstancePlan } from "./instance-plan.ts";
import { inShort, isGood, judgeChange, notMeasured, whyUnusable } from "./judge-change.ts";
import { Interruption, LOAD_SHARE, measureLoad } from "./measure-load.ts";
import { abandon, undoInterrupted } from "./recover.ts";
import { advance, begin, end, skipRest } from "./stages.ts";
import { isHalfDone, type StoredWorkflow } from "./stored-workflow.ts";
import {
  becomeReady,
  callHook,
  type InstanceWork,
  readInstance,
  StepFailure,
  undoChange,
} from "./undo-change.ts";
import type { Judgement } from "./workflow.ts";

export interface CarryOutDeps extends Pick<InstanceWork, "runHook" | "waitUntilReady" | "signal"> {
  readonly agent: Pick<Agent, "collect" | "history">;
  readonly runs: Pick<Runs, "start" | "ended" | "stop">;
  readonly runStore: Pick<RunStore, "find">;
  readonly plans: ReadonlyMap<string, InstancePlan>;
}

type Work = InstanceWork & CarryOutDeps;

/**
 * Carries out what was approved, or what an earlier server left off, from where it is. Each step is stored before
 * it is done and after. Rejects only when nothing can be stored, and with an Interruption when the server stops.
 */
export async function carryOut(one: StoredWorkflow, deps: CarryOutDeps): Promise<void> {
  if (one.is.status === "APPROVED") await one.saveAnyhow({ status: "IN_PROGRESS" });
  const plan = deps.plans.get(one.is.instanceId);
  if (one.is.change.state === "not_applied") {
    const reason = whyAdvisory(one, plan);
    if (reason !== undefined) return advise(one, reason);
  }
  if (plan === undefined) return abandon(one);
  const work: Work = { ...deps, one, plan };
  if (isHalfDone(one.is.change)) return undoInterrupted(work);
  try {
    if (one.is.change.state === "not_applied") {
      await measureBefore(work);
      await apply(work);
    }
    const judgement = one.is.judgement ?? (await validate(work));
    if (!isGood(judgement)) {
      const message = inShort(judgement);
      return await undoChange(work, { code: judgement.outcome.toUpperCase(), message }, "ROLLED_BACK");
    }
    await rollOut(work);
    await complete(work, judgement);
  } catch (error) {
    if (error instanceof Interruption) throw error;
    await giveUp(work, error);
  }
}

/** Why people have to do it; undefined when hooks can. */
function whyAdvisory({ is: { change } }: StoredWorkflow, plan: InstancePlan | undefined): string | undefined {
  if (Object.keys(change.configChanges).length === 0 && change.engineArgs.length === 0) {
    return "There is nothing to change.";
  }
  return plan === undefined ? "No hook tells how to change this instance." : undefined;
}

async function advise(one: StoredWorkflow, reason: string): Promise<void> {
  const at = one.timestamp();
  const diff = configDiff(one.is.change);
  const told =
    diff === "" ? reason : `${reason} Nothing was changed or measured; to be set by hand: ${diff}.`;
  const skipped = skipRest(one.is.stages, at, reason, "COMPLETION");
  await one.saveAnyhow({
    status: "COMPLETED",
    mode: "advisory",
    stages: end(begin(skipped, "COMPLETION", at), "COMPLETED", at, told),
  });
}

async function measureBefore({ one, plan, runs, signal }: Work): Promise<void> {
  const stages = begin(one.is.stages, "CANARY", one.timestamp());
  await one.saveAnyhow({ mode: "applied", beforeRunId: undefined, stages });
  const reason = whyUnusable(await measureLoad(one, plan, "before", runs, signal), "before");
  if (reason !== undefined) throw new StepFailure(reason);
  await one.saveAnyhow({ stages: advance(one.is.stages, LOAD_SHARE.CANARY) });
}

async function apply(work: Work): Promise<void> {
  const { one } = work;
  const previousConfig = await readInstance(work);
  await one.saveAnyhow({ change: { ...one.is.change, previousConfig, state: "applying" } });
  await callHook("apply", work);
  await one.saveAnyhow({ change: { ...one.is.change, state: "applied" } });
}

async function validate(work: Work): Promise<Judgement> {
  const { one } = work;
  const judgement = await judged(work);
  const result = isGood(judgement) ? "COMPLETED" : "FAILED";
  const stages = end(one.is.stages, result, one.timestamp(), inShort(judgement));
  await one.saveAnyhow({ judgement, stages });
  return judgement;
}

async function judged(work: Work): Promise<Judgement> {
  const { one, plan, runs, runStore, signal } = work;
  try {
    await becomeReady(work);
  } catch (error) {
    if (error instanceof StepFailure) return notMeasured(error.message);
    throw error;
  }
  const at = one.timestamp();
  const ready = end(one.is.stages, "COMPLETED", at, "The change is applied, and the instance is ready.");
  await one.saveAnyhow({ afterRunId: undefined, stages: begin(ready, "VALIDATION", at) });
  const after = await measureLoad(one, plan, "after", runs, signal);
  const { beforeRunId } = one.is;
  const before = beforeRunId === undefined ? undefined : await patiently(() => runStore.find(beforeRunId));
  const reason = whyUnusable(before, "before") ?? whyUnusable(after, "after");
  if (reason !== undefined || !before?.result || !after?.result) return notMeasured(reason ?? "");
  const results = { before: before.result, after: after.result };
  const [comparison] = await patiently(() => compareInThread(results.before, [results.after]));
  return judgeChange({ ...results, comparison: comparison!, maxRegression: plan.maxRegression });
}

async function rollOut(work: Work): Promise<void> {
  const { one, plan } = work;
  const at = one.timestamp();
  if (plan.hooks.rollout === undefined) {
    const reason = "The change is on the whole instance already: there is no rollout hook.";
    await one.saveAnyhow({ stages: skipRest(one.is.stages, at, reason, "COMPLETION") });
    return;
  }
  await one.saveAnyhow({ stages: begin(one.is.stages, "ROLLOUT", at) });
  await callHook("rollout", work);
  await one.saveAnyhow({ stages: end(one.is.stages, "COMPLETED", one.timestamp()) });
}

async function complete(work: Work, judgement: Judgement): Promise<void> {
  const { one, plan, agent } = work;
  await one.saveAnyhow({ stages: begin(one.is.stages, "COMPLETION", one.timestamp()) });
  const there = await whatIsThere(work);
  const seen = await lookAt(one.is, { agent, plan, log: one.log });
  const left = "snapshot" in seen ? findingsIn(seen.snapshot, one.timestamp()) : [];
  const now =
    "reason" in seen
      ? `Its metrics could not be looked at again: ${seen.reason}`
      : left.length === 0
        ? "No bottleneck is found any more."
        : `Still found: ${left.map(({ type, severity }) => `${type} (${severity})`).join(", ")}.`;
  const message = `${there} ${inShort(judgement)} ${now}`;
  await one.saveAnyhow({
    status: "COMPLETED",
    stages: end(one.is.stages, "COMPLETED", one.timestamp(), message),
  });
}

/** A hook may have no setting for some of what is advised, and passes over it. */
async function whatIsThere(work: Work): Promise<string> {
  const { configChanges } = work.one.is.change;
  const config = await readInstance(work).catch((error: unknown) => {
    if (error instanceof StepFailure) return undefined;
    throw error;
  });
  if (config === undefined)
    return "The change was applied; nobody tells which settings the instance has now.";
  const names = Object.keys(configChanges);
  const there = names.filter((name) => isDeepStrictEqual(config[name], configChanges[name]));
  if (there.length === names.length) return "The change is on the instance.";
  const missing = names.filter((name) => !there.includes(name)).join(", ");
  return there.length === 0
    ? `The change was applied, but the instance tells of none of it: ${missing}.`
    : `Of the change the instance has ${there.join(", ")}, and does not tell of ${missing}.`;
}

/** Fails where nothing was applied, and undoes what was or may have been. */
async function giveUp(work: Work, cause: unknown): Promise<void> {
  const { one } = work;
  const message = cause instanceof StepFailure ? cause.message : reasonOf(cause);
  if (!(cause instanceof StepFailure)) {
    one.log.error({ event: "workflow_error", ...one.marks, err: cause }, "a step of a workflow failed");
  }
  const error = { code: "WORKFLOW_ERROR", message };
  switch (one.is.change.state) {
    case "not_applied": {
      const at = one.timestamp();
      const failed = end(one.is.stages, "FAILED", at, message);
      return void (await one.saveAnyhow({
        status: "FAILED",
        error,
        stages: skipRest(failed, at, "Nothing was applied."),
      }));
    }
    case "applying":
      return undoChange(work, error, "FAILED");
    case "applied":
      return undoChange(work, error, "ROLLED_BACK");
    case "rolling_back":
    case "rolled_back":
    case "rollback_failed":
      throw cause;
    default:
      return one.is.change.state satisfies never;
  }
}
