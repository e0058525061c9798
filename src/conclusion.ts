import { GoodputError } from "./errors.ts";
import type { ObjectiveResult, Result } from "./result.ts";

/** A run in one word, the same for an exit code, a check on a pull request and a table's head. */
export type Conclusion =
  | "met"
  | "violated"
  /** Nothing but a comparison is violated: worse than the baseline by more than is allowed. */
  | "regressed"
  | "inconclusive"
  | "invalid"
  | "cancelled"
  /** No objective was given. */
  | "measured"
  | "config"
  | "unreachable"
  | "error";

/**
 * An invalid run is neither met nor violated: what it measured may not be believed.
 * @param regressions what a whole comparison found beyond what is allowed, where that was asked for.
 */
export function conclusionOf(
  result: Pick<Result, "state" | "valid" | "verdict" | "levels">,
  regressions?: { readonly beyond: readonly unknown[] },
): Conclusion {
  if (result.state === "cancelled") return "cancelled";
  if (!result.valid) return "invalid";
  const violated = result.levels
    .flatMap(({ objectives }) => objectives)
    .filter(({ outcome }) => outcome === "violated");
  if (result.verdict === "violated") return violated.every(isRegression) ? "regressed" : "violated";
  if (regressions !== undefined && regressions.beyond.length > 0) return "regressed";
  return result.verdict ?? "measured";
}

/** Whether an objective holds a figure against the baseline's, and not against a limit of its own. */
export function isRegression({ objective }: Pick<ObjectiveResult, "objective">): boolean {
  return objective.includes(" regression <");
}

/** What kept a run from having a result. */
export function conclusionOfError(error: unknown): Conclusion {
  if (!(error instanceof GoodputError)) return "error";
  switch (error.code) {
    case "CONFIG_INVALID":
      return "config";
    case "TARGET_UNREACHABLE":
      return "unreachable";
    case "CANCELLED":
      return "cancelled";
    case "OUTPUT_UNWRITABLE":
    case "RESULT_UNREADABLE":
      return "error";
  }
}
