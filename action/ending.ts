/**
 * How the run ended: the one value that log, summary, comment, outputs and exit code are made from, so
 * that they cannot disagree.
 */
import { type Conclusion, type ObjectiveResult, type Outcome, plainText, type Result } from "../src/index.ts";
import type { FailOn } from "./inputs.ts";

export type Ending = Measured | Stopped;

export interface Measured {
  readonly kind: "measured";
  readonly conclusion: Conclusion;
  readonly result: Result;
  readonly files: { readonly result: string; readonly html: string };
}

/** There is no result, only reasons why, each a line that is safe to print. */
export interface Stopped {
  readonly kind: "stopped";
  readonly conclusion: Conclusion;
  readonly reasons: readonly string[];
}

/** Every objective was met in a valid run; where nothing was judged, nothing passed. */
export function passed({ conclusion }: Ending): boolean {
  return conclusion === "met";
}

/** What the user said fails the step; what nobody could want to go unnoticed always does. */
export function fails(ending: Ending, failOn: ReadonlySet<FailOn>): boolean {
  const ground = GROUNDS[ending.conclusion];
  if (ground === "always") return true;
  if (ground !== "never" && failOn.has(ground)) return true;
  // The conclusion is one word, but an invalid run may be in violation too.
  return ending.kind === "measured" && ending.result.verdict === "violated" && failOn.has("slo");
}

export function headline({ conclusion }: Ending): string {
  return HEADLINES[conclusion];
}

/** What stands behind the headline, each a line that is safe to print. */
export function reasons(ending: Ending): readonly string[] {
  if (ending.kind === "stopped") return ending.reasons;
  const { result } = ending;
  return [
    ...result.findings
      .filter(({ level }) => level === "invalid")
      .map(({ at, happened, advice }) => `${at === undefined ? "" : `${at}: `}${happened} ${advice}`),
    ...objectivesThat("violated", result).map(
      ({ level, objective, observed, unit }) => `${level}: ${objective}, was ${figure(observed, unit)}`,
    ),
    ...objectivesThat("inconclusive", result).map(
      ({ level, objective, reason }) =>
        `${level}: ${objective}, inconclusive: ${reason ?? "no reason given"}`,
    ),
  ].map((line) => plainText(line));
}

/** "concurrency 4: ttft_p95 < 500ms" for each that was violated. */
export function failedObjectives(result: Result): readonly string[] {
  return objectivesThat("violated", result).map(({ level, objective }) =>
    plainText(`${level}: ${objective}`),
  );
}

function objectivesThat(outcome: Outcome, { levels }: Result): (ObjectiveResult & { level: string })[] {
  return levels.flatMap(({ name, objectives }) =>
    objectives
      .filter((objective) => objective.outcome === outcome)
      .map((objective) => ({ ...objective, level: name })),
  );
}

/** Three digits say how far off it was; the exact figures are in the reports. */
function figure(value: number | undefined, unit: ObjectiveResult["unit"]): string {
  if (value === undefined) return "not measured";
  return unit === "ratio" ? `${digits(value * 100)} %` : `${digits(value)} ${unit}`;
}

function digits(value: number): string {
  return String(Number(value.toPrecision(3)));
}

const GROUNDS: Readonly<Record<Conclusion, FailOn | "always" | "never">> = {
  met: "never",
  measured: "never",
  violated: "slo",
  inconclusive: "inconclusive",
  invalid: "invalid",
  unreachable: "error",
  cancelled: "always",
  config: "always",
  error: "always",
};

const HEADLINES: Readonly<Record<Conclusion, string>> = {
  met: "objectives met",
  measured: "measured, no objectives given",
  violated: "objectives violated",
  inconclusive: "inconclusive, too few samples to say",
  invalid: "invalid, this run may not be believed",
  unreachable: "the service could not be measured",
  cancelled: "cancelled",
  config: "mistakes in the inputs",
  error: "the run failed",
};
