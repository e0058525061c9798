import { GoodputError } from "./errors.ts";
import type { Result } from "./result.ts";

/** A run in one word, the same for an exit code, a check on a pull request and a table's head. */
export type Conclusion =
  | "met"
  | "violated"
  | "inconclusive"
  | "invalid"
  | "cancelled"
  /** No objective was given. */
  | "measured"
  | "config"
  | "unreachable"
  | "error";

/** An invalid run is neither met nor violated: what it measured may not be believed. */
export function conclusionOf(result: Pick<Result, "state" | "valid" | "verdict">): Conclusion {
  if (result.state === "cancelled") return "cancelled";
  if (!result.valid) return "invalid";
  return result.verdict ?? "measured";
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
