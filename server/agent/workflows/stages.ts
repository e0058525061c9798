import { STAGES, type Stage, type StageName } from "./workflow.ts";

/** Begins a stage, or begins it anew: what came after it the last time is gone. */
export function begin(stages: readonly Stage[], name: StageName, at: string): readonly Stage[] {
  const before = stages.filter((stage) => STAGES.indexOf(stage.name) < STAGES.indexOf(name));
  return [...before, { name, status: "IN_PROGRESS", startedAt: at, progress: 0 }];
}

/** Ends the stage that is in progress; where none is, all stays as it is. */
export function end(
  stages: readonly Stage[],
  status: "COMPLETED" | "FAILED",
  at: string,
  message?: string,
): readonly Stage[] {
  return inProgress(stages, ({ progress: _, ...stage }) => ({
    ...stage,
    status,
    completedAt: at,
    ...(message !== undefined && { message }),
  }));
}

/** Skips all that are still to come before `until`, or to the last. */
export function skipRest(
  stages: readonly Stage[],
  at: string,
  message: string,
  until?: StageName,
): readonly Stage[] {
  const rest = STAGES.slice(stages.length, until && STAGES.indexOf(until));
  const skipped = { status: "SKIPPED", startedAt: at, completedAt: at, message } as const;
  return [...stages, ...rest.map((name) => ({ name, ...skipped }))];
}

/** How far the stage that is in progress has come, 0 to 1. */
export function advance(stages: readonly Stage[], progress: number): readonly Stage[] {
  return inProgress(stages, (stage) => ({ ...stage, progress }));
}

function inProgress(stages: readonly Stage[], changed: (stage: Stage) => Stage): readonly Stage[] {
  return stages.map((stage) => (stage.status === "IN_PROGRESS" ? changed(stage) : stage));
}
