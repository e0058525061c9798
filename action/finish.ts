import { type Result, writeReports } from "../src/index.ts";
import type { Baseline } from "./baseline.ts";
import { type Measured, measuredEnding, regressionsOf } from "./ending.ts";
import type { Inputs } from "./inputs.ts";
import { originOfThisRun } from "./origin.ts";
import { redactAll } from "./secrets.ts";

/** What was measured → the result as it is told: where it was measured, against what, without secrets, on disk. */
export async function finish(measured: Result, inputs: Inputs, baseline: Baseline = {}): Promise<Measured> {
  const origin = measured.origin ?? originOfThisRun();
  const result = redactAll(against(baseline, origin === undefined ? measured : { ...measured, origin }));
  const regressions = regressionsOf(result, inputs.regression);
  const { result: path, html } = await writeReports(result, inputs.outputDir, regressions);
  return measuredEnding(result, inputs.regression, { result: path, html }, baseline.firstRun);
}

function against({ refused, note }: Baseline, result: Result): Result {
  const noted: Result = note === undefined ? result : { ...result, findings: [...result.findings, note] };
  // A baseline that was measured in the run itself goes before a stored one.
  if (refused === undefined || result.comparison !== undefined) return noted;
  const { run_id, started_at, target } = refused.result;
  return {
    ...noted,
    comparison: {
      kind: "stored",
      baseline: { run_id, started_at, url: target.url, model: target.model },
      incomparable: refused.reason,
      levels: [],
    },
  };
}
