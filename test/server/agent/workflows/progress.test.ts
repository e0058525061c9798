import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { STAGES, type Stage, WORKFLOW_STATUSES } from "../../../../server/agent/workflows/workflow.ts";
import { currentStage, workflowProgress } from "../../../../server/agent/workflows/workflow-progress.ts";

const startedAt = "2024-01-01T00:00:00.000Z";
/** The first stages of all, each as it is said. */
const stagesOf = (...said: readonly (Stage["status"] | number)[]): Stage[] =>
  said.map((one, index) => ({
    name: STAGES[index]!,
    startedAt,
    ...(typeof one === "number" ? { status: "IN_PROGRESS", progress: one } : { status: one }),
  }));

const ROWS: readonly (readonly [
  number: string,
  status: (typeof WORKFLOW_STATUSES)[number],
  stages: readonly Stage[],
  progress: number,
  current: string,
  why: string,
])[] = [
  ["[A-219]", "PENDING_APPROVAL", [], 0, "ANALYSIS", "nothing has begun"],
  [
    "[A-219]",
    "PENDING_APPROVAL",
    stagesOf("COMPLETED", "COMPLETED", "IN_PROGRESS"),
    2 / 7,
    "APPROVAL",
    "two of seven are over",
  ],
  [
    "[A-219]",
    "IN_PROGRESS",
    stagesOf("COMPLETED", "COMPLETED", "COMPLETED", 0.5),
    0.5,
    "CANARY",
    "and half of the fourth",
  ],
  [
    "[A-219]",
    "IN_PROGRESS",
    stagesOf("COMPLETED", "COMPLETED", "COMPLETED", "SKIPPED", "SKIPPED", "SKIPPED", "IN_PROGRESS"),
    6 / 7,
    "COMPLETION",
    "what is skipped is over",
  ],
  [
    "[A-219]",
    "REJECTED",
    stagesOf("COMPLETED", "COMPLETED", "COMPLETED", "SKIPPED", "SKIPPED", "SKIPPED", "SKIPPED"),
    3 / 7,
    "APPROVAL",
    "but not what is never come to",
  ],
  ["[A-219]", "COMPLETED", stagesOf("COMPLETED"), 1, "ANALYSIS", "it ended well"],
  [
    "[A-219]",
    "FAILED",
    stagesOf("COMPLETED", "COMPLETED", "COMPLETED", "FAILED"),
    3 / 7,
    "CANARY",
    "a stage that failed is not done",
  ],
];

for (const [number, status, stages, progress, current, why] of ROWS) {
  test(`${number} ${status} is ${progress.toFixed(2)} at ${current}: ${why}`, () => {
    assert.ok(Math.abs(workflowProgress({ status, stages }) - progress) < 1e-12);
    assert.equal(currentStage(stages), current);
  });
}

test("[A-219] whatever stages say of themselves, progress is between 0 and 1, and grows as they end", () => {
  const said = fc.oneof(
    fc.constantFrom("COMPLETED", "FAILED", "SKIPPED" as const),
    fc.double({ noNaN: true }),
  );
  fc.assert(
    fc.property(
      fc.array(said, { maxLength: STAGES.length - 1 }),
      fc.constantFrom(...WORKFLOW_STATUSES),
      (all, status) => {
        const before = workflowProgress({ status, stages: stagesOf(...all) });
        const after = workflowProgress({ status, stages: stagesOf(...all, "COMPLETED") });
        assert.ok(before >= 0 && before <= after && after <= 1);
      },
    ),
    { seed: 219 },
  );
});
