import {
  type Comparison,
  percent,
  percentagePoints,
  plainText,
  type Result,
  regressionSentence,
  regressionsIn,
  worseningOf,
} from "../../../src/index.ts";
import type { MeasuredRun } from "../../store/run-store.ts";
import type { Judgement } from "./workflow.ts";

/** More failures than before that are always allowed, as for a pull request: one percentage point. */
const ALLOWED_ERROR_RATE = 0.01;

export interface MeasuredChange {
  readonly before: Result;
  readonly after: Result;
  /** Of the two, as compareResults gives it. */
  readonly comparison: Comparison;
  /** How much worse any figure may become, as a share. */
  readonly maxRegression: number;
}

/** Whether a change may stay, by the same statistics as a pull request. */
export function judgeChange({ before, after, comparison, maxRegression }: MeasuredChange): Judgement {
  if (comparison.incomparable !== undefined) return notMeasured(comparison.incomparable);
  const changes = comparison.levels.flatMap(({ name, changes }) =>
    changes.map((change) => ({ level: name, change, allowed: maxRegression })),
  );
  if (changes.length === 0) return notMeasured("The two load tests have no figure in common.");

  const allowed = { regression: maxRegression, errorRate: ALLOWED_ERROR_RATE };
  const { beyond, open } = regressionsIn(comparison, allowed);
  const broken = brokenObjectives(before, after);
  const worst = beyond.toSorted((a, b) => worseBy(b.change) - worseBy(a.change));
  if (broken.length > 0 || worst.length > 0) {
    const regressed = worst.map((one) => `${regressionSentence(one)}, where ${sizeOf(one)} is allowed.`);
    return { outcome: "regressed", reasons: [...broken, ...regressed] };
  }

  const better = changes.filter(({ change }) => change.change === "better");
  const worse = changes.filter(({ change }) => change.change === "worse");
  const improved = better.toSorted((a, b) => worseBy(a.change) - worseBy(b.change)).map(improvementSentence);
  const within = worse.map((one) => `${regressionSentence(one)}, which is allowed.`);
  const limit = `Nothing is shown to be worse by more than ${percent(maxRegression)}`;
  const doubt =
    open.length === 0
      ? "that is ruled out for every figure"
      : `for ${open.length} of ${changes.length} figures it cannot be ruled out`;
  return {
    outcome: better.length > 0 && worse.length === 0 ? "better" : "no_regression",
    reasons: [...within, `${limit}; ${doubt}.`, ...improved],
  };
}

export function notMeasured(reason: string): Judgement {
  return { outcome: "not_measured", reasons: [reason] };
}

export function isGood({ outcome }: Judgement): boolean {
  return outcome === "better" || outcome === "no_regression";
}

/** The gravest reasons in a line; a comparison may have a sentence for each of its figures. */
export function inShort({ reasons }: Judgement): string {
  const more = reasons.length - REASONS_SHOWN;
  return `${reasons.slice(0, REASONS_SHOWN).join(" ")}${more > 0 ? ` And ${more} more.` : ""}`;
}

const REASONS_SHOWN = 3;

/** Why nothing can be held against a run or be held against something; undefined when it can be believed. */
export function whyUnusable(run: MeasuredRun | undefined, which: "before" | "after"): string | undefined {
  const name = `The load test ${which} the change`;
  if (run === undefined) return `${name} was deleted.`;
  if (run.status === "cancelled") return `${name} was stopped.`;
  if (run.status !== "completed" || run.result === undefined) {
    return `${name} failed: ${plainText(run.error?.message ?? "it measured nothing.", MESSAGE_CHARACTERS)}`;
  }
  if (run.result.valid) return undefined;
  const finding = run.result.findings.find(({ level }) => level === "invalid");
  const why = finding === undefined ? "" : `: ${finding.happened} ${finding.advice}`;
  return plainText(`${name} may not be believed${why || "."}`, MESSAGE_CHARACTERS);
}

const MESSAGE_CHARACTERS = 600;

/** Objectives that were met before and are violated after, level by level. */
function brokenObjectives(before: Result, after: Result): readonly string[] {
  return after.levels.flatMap(({ name, objectives }) => {
    const level = before.levels.find((one) => one.name === name);
    return objectives
      .filter(({ outcome }) => outcome === "violated")
      .filter(({ objective }) =>
        level?.objectives.some((one) => one.objective === objective && one.outcome === "met"),
      )
      .map(({ objective }) =>
        plainText(`${objective} at ${name} was met before, and is violated after.`, MESSAGE_CHARACTERS),
      );
  });
}

type LevelChange = Parameters<typeof regressionSentence>[0];

function worseBy(change: LevelChange["change"]): number {
  return worseningOf(change).observed ?? 0;
}

function sizeOf({ change, allowed }: LevelChange): string {
  return change.unit === "ratio" ? percentagePoints(allowed) : percent(allowed);
}

/** "ttft_p95 at concurrency 4 is better by 23 %, at least 12 %." */
function improvementSentence({ level, change }: LevelChange): string {
  const { observed, interval } = worseningOf(change);
  const size = change.unit === "ratio" ? percentagePoints : percent;
  const estimate = observed === undefined ? "" : ` by ${size(-observed)}`;
  const least = interval[1] === undefined ? "" : `, at least ${size(-interval[1])}`;
  return `${change.metric} at ${plainText(level, 100)} is better${estimate}${least}.`;
}
