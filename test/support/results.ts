import type { Plan } from "../../src/plan/plan.ts";
import type { RequestRecord } from "../../src/record/record.ts";
import { RECORDS_SCHEMA } from "../../src/record/records-file.ts";
import { buildResult } from "../../src/report/build-result.ts";
import type { Result } from "../../src/result.ts";
import { summaryOf } from "./records.ts";

/** The result of a plan with one level, from its records, as a run would have written it. */
export function resultOf(plan: Plan, records: readonly RequestRecord[], stored?: Result): Result {
  const summary = summaryOf(plan, records);
  return buildResult(
    {
      schema: RECORDS_SCHEMA,
      generator: "goodput/test",
      run_id: "run-1",
      started_at: "2026-03-14T09:26:53.000Z",
      environment: { node: "v24", platform: "linux x64", cpu: "test", cores: 2 },
      model: "m",
      plan,
    },
    { head: [summary], base: [] },
    { state: "completed", durationNs: summary.record.window.end },
    stored === undefined ? {} : { stored },
  );
}
