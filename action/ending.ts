/**
 * How the run ended: the one value that log, summary, comment, check, outputs and exit code are made from, so
 * that they cannot disagree.
 */
import {
  type Conclusion,
  conclusionOf,
  describeVerdict,
  isRegression,
  type ObjectiveResult,
  type Outcome,
  plainText,
  type Regressed,
  type Regressions,
  type Result,
  regressionSentence,
  regressionsIn,
} from "../src/index.ts";
import type { FailOn } from "./inputs.ts";

export type Ending = Measured | Stopped;

/** "skipped": what must not or cannot be measured here, such as a fork without the key. */
export type EndingConclusion = Conclusion | "skipped";

export interface Measured {
  readonly kind: "measured";
  readonly conclusion: Conclusion;
  readonly result: Result;
  /** Against the baseline, all figures together; absent where nothing was compared. */
  readonly regressions?: Regressions;
  /** A baseline was asked for, and there is none yet. */
  readonly firstRun?: boolean;
  readonly files: { readonly result: string; readonly html: string };
}

/** There is no result, only reasons why, each a line that is safe to print. */
export interface Stopped {
  readonly kind: "stopped";
  readonly conclusion: EndingConclusion;
  readonly reasons: readonly string[];
}

/** More failures than the baseline's that are always allowed: one percentage point. */
const ALLOWED_ERROR_RATE = 0.01;

/**
 * What is worse than the baseline by more than is allowed; absent where nothing was compared.
 * @param regression what a figure may be worse than the baseline's, as a share.
 */
export function regressionsOf({ comparison }: Result, regression: number): Regressions | undefined {
  if (comparison === undefined || comparison.incomparable !== undefined) return undefined;
  return regressionsIn(comparison, { regression, errorRate: ALLOWED_ERROR_RATE });
}

/** @param regression what a figure may be worse than the baseline's, as a share. */
export function measuredEnding(
  result: Result,
  regression: number,
  files: Measured["files"],
  firstRun = false,
): Measured {
  const regressions = regressionsOf(result, regression);
  return {
    kind: "measured",
    conclusion: conclusionOf(result, regressions),
    result,
    ...(regressions && { regressions }),
    ...(firstRun && { firstRun }),
    files,
  };
}

/** Every objective was met in a valid run and nothing regressed; where nothing was judged, nothing passed. */
export function passed({ conclusion }: Ending): boolean {
  return conclusion === "met";
}

/** What the user said fails the step; what nobody could want to go unnoticed always does. */
export function fails(ending: Ending, failOn: ReadonlySet<FailOn>): boolean {
  const ground = GROUNDS[ending.conclusion];
  if (ground === "always") return true;
  if (ground !== "never" && failOn.has(ground)) return true;
  if (ending.kind === "stopped") return false;
  // The conclusion is one word, but an invalid run may be in violation too, and a violating one regressed.
  const violated = ending.result.levels.flatMap(({ objectives }) =>
    objectives.filter(({ outcome, invalid }) => outcome === "violated" && invalid === undefined),
  );
  const exploring = ending.result.verdict !== "violated";
  if (!exploring && failOn.has("slo") && violated.some((objective) => !isRegression(objective))) return true;
  return failOn.has("regression") && regressionLines(ending).length > 0;
}

export function headline({ conclusion }: Ending): string {
  return HEADLINES[conclusion];
}

/** A word never stands without its symbol, and one word has one symbol everywhere. */
export function isConclusion(word: string): word is EndingConclusion {
  return Object.hasOwn(SYMBOLS, word);
}

export function symbolOf(conclusion: EndingConclusion): string {
  return SYMBOLS[conclusion];
}

/** As long as a list of checks shows it. */
const TITLE_MAX_CHARS = 140;

/** The check run in one line, safe to print: "Objectives violated: concurrency 16: ttft_p95 < 400ms, was 493 ms". */
export function checkTitle(ending: Ending): string {
  const name = capitalized(headline(ending));
  const all = telling(ending);
  if (all.length === 0) return name;
  const more = all.length > 1 ? ` (and ${all.length - 1} more)` : "";
  return `${plainText(`${name}: ${all[0]}`, TITLE_MAX_CHARS - more.length)}${more}`;
}

/** Lines of one kind only, so that "and 3 more" is three more of it. */
function telling(ending: Ending): readonly string[] {
  if (ending.kind === "stopped") {
    return ending.conclusion === "config" ? ending.reasons : ending.reasons.slice(0, 1);
  }
  const { result, regressions } = ending;
  switch (ending.conclusion) {
    case "violated":
      return violationLines(result);
    case "regressed":
      return regressionLines(ending);
    case "invalid":
      return invalidLines(result);
    default:
      return [describeVerdict(result, regressions).summary];
  }
}

/** What stands behind the headline, each a line that is safe to print. */
export function reasons(ending: Ending): readonly string[] {
  if (ending.kind === "stopped") return ending.reasons;
  const { result } = ending;
  return [
    ...invalidLines(result),
    ...violationLines(result),
    ...(ending.regressions?.beyond ?? []).map((one) => regressionSentence(one)),
    ...objectivesThat("inconclusive", result).map(
      ({ level, objective, reason }) =>
        `${level}: ${objective}, inconclusive: ${reason ?? "no reason given"}`,
    ),
  ].map((line) => plainText(line));
}

function invalidLines({ findings }: Result): readonly string[] {
  return findings
    .filter(({ level }) => level === "invalid")
    .map(({ at, happened, advice }) => `${at === undefined ? "" : `${at}: `}${happened} ${advice}`);
}

function violationLines(result: Result): readonly string[] {
  return objectivesThat("violated", result).map(
    ({ level, objective, observed, unit, limit }) =>
      `${level}: ${objective}, was ${figure(observed, unit, limit)}`,
  );
}

/** Every figure that is worse than allowed, by its objective or by the comparison as a whole. */
export function regressionLines({ result, regressions }: Measured): readonly string[] {
  const judged = result.verdict === "violated" ? objectivesThat("violated", result).filter(isRegression) : [];
  return [
    ...judged.map(({ level, objective }) => `${level}: ${objective}`),
    ...(regressions?.beyond ?? []).map((one: Regressed) => regressionSentence(one)),
  ].map((line) => plainText(line));
}

/** "concurrency 4: ttft_p95 < 500ms" for each that was violated. */
export function failedObjectives(result: Result): readonly string[] {
  return objectivesThat("violated", result).map(({ level, objective }) =>
    plainText(`${level}: ${objective}`),
  );
}

/** Outcomes that may not be believed are none; why is in the findings. */
function objectivesThat(outcome: Outcome, { levels }: Result): (ObjectiveResult & { level: string })[] {
  return levels.flatMap(({ name, objectives }) =>
    objectives
      .filter((objective) => objective.outcome === outcome && objective.invalid === undefined)
      .map((objective) => ({ ...objective, level: name })),
  );
}

/** Three digits say how far off it was, and more where they would put it on the limit itself. */
function figure(value: number | undefined, unit: ObjectiveResult["unit"], limit: number): string {
  if (value === undefined) return "not measured";
  const factor = unit === "ratio" ? 100 : 1;
  const shown = [3, 4, 5, 6].map((digits) => Number((value * factor).toPrecision(digits)));
  const apart = shown.find((one) => Math.sign(one - limit * factor) === Math.sign(value - limit));
  return `${apart ?? shown[0]!} ${unit === "ratio" ? "%" : unit}`;
}

function capitalized(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1);
}

const GROUNDS: Readonly<Record<EndingConclusion, FailOn | "always" | "never">> = {
  met: "never",
  measured: "never",
  skipped: "never",
  violated: "slo",
  regressed: "regression",
  inconclusive: "inconclusive",
  invalid: "invalid",
  unreachable: "error",
  cancelled: "always",
  config: "always",
  error: "always",
};

const SYMBOLS: Readonly<Record<EndingConclusion, string>> = {
  met: "✅",
  measured: "📏",
  violated: "❌",
  regressed: "🔻",
  inconclusive: "⚠️",
  invalid: "🚫",
  skipped: "⏭️",
  cancelled: "⏹️",
  unreachable: "❌",
  config: "❌",
  error: "❌",
};

const HEADLINES: Readonly<Record<EndingConclusion, string>> = {
  met: "objectives met",
  measured: "measured, no objectives given",
  violated: "objectives violated",
  regressed: "worse than the baseline",
  skipped: "skipped",
  inconclusive: "inconclusive, too few samples to say",
  invalid: "invalid, this run may not be believed",
  unreachable: "the service could not be measured",
  cancelled: "cancelled",
  config: "mistakes in the inputs",
  error: "the run failed",
};
