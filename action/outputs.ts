import { resolve } from "node:path";
import { setOutput } from "@actions/core";
import type { Result } from "../src/index.ts";
import { type Ending, failedObjectives, passed, regressionLines } from "./ending.ts";

/** The outputs of action.yml. */
export const OUTPUTS = [
  "conclusion",
  "passed",
  "results",
  "report-path",
  "results-path",
  "failed-slos",
  "regressions",
  "comment-url",
  "check-url",
  "ttft-p95-ms",
  "tpot-p95-ms",
  "e2e-p95-ms",
  "error-rate",
  "output-throughput",
] as const;

export type Output = (typeof OUTPUTS)[number];

/** A job's outputs together may have a mebibyte. */
const RESULTS_MAX_CHARS = 100_000;

export function writeOutputs(ending: Ending): void {
  set("conclusion", ending.conclusion);
  set("passed", String(passed(ending)));
  if (ending.kind === "stopped") {
    set("results", JSON.stringify({ conclusion: ending.conclusion, passed: false, levels: [] }));
    return;
  }
  set("results", resultsJson(ending.conclusion, ending.result));
  set("report-path", resolve(ending.files.html));
  set("results-path", resolve(ending.files.result));
  set("failed-slos", failedObjectives(ending.result).join("\n"));
  set("regressions", regressionLines(ending).join("\n"));
  for (const [name, value] of Object.entries(headlineFigures(ending.result))) {
    // A figure that was not measured stays empty: 0 would be a claim.
    if (value !== undefined) set(name as Output, String(rounded(value)));
  }
}

export function writeUrl(of: "comment-url" | "check-url", url: string): void {
  set(of, url);
}

function set(name: Output, value: string): void {
  setOutput(name, value);
}

/** Of the last level, which by custom is the one with the highest load. */
function headlineFigures(result: Result): Partial<Record<Output, number | undefined>> {
  const metrics = result.levels.at(-1)?.metrics;
  return {
    "ttft-p95-ms": metrics?.ttft?.p95,
    "tpot-p95-ms": metrics?.tpot?.p95,
    "e2e-p95-ms": metrics?.e2e?.p95,
    "error-rate": metrics?.error_rate,
    "output-throughput": metrics?.output_throughput,
  };
}

/** The keys mean what they mean in result.json; the whole of it is at `results-path`. */
function resultsJson(conclusion: Ending["conclusion"], result: Result): string {
  const head = { conclusion, passed: conclusion === "met", run_id: result.run_id, valid: result.valid };
  const levels = result.levels.map(({ name, requests, metrics, objectives }) => ({
    name,
    requests: { issued: requests.issued, completed: requests.completed, failed: requests.failed },
    metrics: {
      ttft_p95: rounded(metrics.ttft?.p95),
      tpot_p95: rounded(metrics.tpot?.p95),
      e2e_p95: rounded(metrics.e2e?.p95),
      error_rate: rounded(metrics.error_rate),
      request_throughput: rounded(metrics.request_throughput),
      output_throughput: rounded(metrics.output_throughput),
      goodput: rounded(metrics.goodput),
    },
    objectives: objectives.map(({ objective, observed, outcome, invalid }) => ({
      objective,
      observed: rounded(observed),
      outcome,
      ...(invalid !== undefined && { invalid }),
    })),
  }));
  const json = JSON.stringify({ ...head, levels });
  return json.length <= RESULTS_MAX_CHARS ? json : JSON.stringify({ ...head, levels: [], truncated: true });
}

/** A nanosecond of a millisecond figure, a millionth of a ratio. */
function rounded(value: number | undefined): number | undefined {
  return value === undefined ? undefined : Math.round(value * 1e6) / 1e6;
}
