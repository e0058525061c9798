import type { Workflow } from "../../server/agent/workflows/workflow.ts";
import { momentOf } from "./stored-runs.ts";

/** A workflow as it is once it waits for approval. */
export function newWorkflow(number: number, changes: Partial<Workflow> = {}): Workflow {
  const at = momentOf(number);
  return {
    workflowId: `wf-00000000-0000-4000-8000-${String(number).padStart(12, "0")}`,
    type: "optimization",
    instanceId: "vllm-1",
    instanceType: "vllm",
    status: "PENDING_APPROVAL",
    mode: "applied",
    analysis: { source: "metrics", bottlenecks: [] },
    optimizations: [],
    change: {
      state: "not_applied",
      configChanges: { max_num_seqs: 64 },
      engineArgs: ["--max-num-seqs", "64"],
      previousConfig: undefined,
      restored: undefined,
    },
    beforeRunId: undefined,
    afterRunId: undefined,
    judgement: undefined,
    stages: [
      { name: "ANALYSIS", status: "COMPLETED", startedAt: at, completedAt: at, message: "1 bottleneck." },
      { name: "APPROVAL", status: "IN_PROGRESS", startedAt: at },
    ],
    approval: undefined,
    rejection: undefined,
    error: undefined,
    createdAt: at,
    updatedAt: at,
    ...changes,
  };
}

/** What ids may be that come in an address or a body. */
export const HOSTILE_IDS: readonly string[] = [
  "",
  "' or 1=1 --",
  '"; drop table agent_workflows; -- $1 ? \\',
  "%",
  "a/b?c#d",
  "\u{1f600} \u2028",
  "__proto__",
  // Of letters that no compression makes short.
  Array.from({ length: 10_000 }, (_, index) => String.fromCharCode(0x4e00 + ((index * 7919) % 20_000))).join(
    "",
  ),
];
