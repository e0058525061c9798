import { STAGES, type Stage, type StageName, type Workflow } from "./workflow.ts";

/** 0 to 1: the stages that are over, of all there are, and the part of the one that is in progress. */
export function workflowProgress({ status, stages }: Pick<Workflow, "status" | "stages">): number {
  if (status === "COMPLETED") return 1;
  // What is skipped because a workflow has failed or was rejected has brought it no further.
  const reached = stages.slice(0, lastBegun(stages) + 1);
  return reached.reduce((sum, stage) => sum + partOf(stage), 0) / STAGES.length;
}

/** The last one that has begun; of what was skipped none has. */
export function currentStage(stages: readonly Stage[]): StageName {
  return stages[lastBegun(stages)]?.name ?? STAGES[0];
}

function lastBegun(stages: readonly Stage[]): number {
  return stages.findLastIndex(({ status }) => status !== "SKIPPED");
}

function partOf({ status, progress = 0 }: Stage): number {
  switch (status) {
    case "COMPLETED":
    case "SKIPPED":
      return 1;
    case "IN_PROGRESS":
      return Math.min(1, Math.max(0, progress));
    case "FAILED":
      return 0;
    default:
      return status satisfies never;
  }
}
