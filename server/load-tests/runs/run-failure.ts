import type { Result } from "../../../src/index.ts";
import type { RunFailure } from "../../store/run-store.ts";

/** Of a run that went on, or waited, when its server ended. */
export const INTERRUPTED: RunFailure = {
  code: "INTERRUPTED",
  message: "The run was interrupted: the server was shut down before it was done.",
};

export function failed(message: string): RunFailure {
  return { code: "BENCHMARK_FAILED", message };
}

/** Why a result in which no request at all was answered is a failure; undefined when one was. */
export function nothingAnswered({ levels }: Result): RunFailure | undefined {
  if (levels.some(({ requests }) => requests.completed > 0)) return undefined;
  const count = levels.reduce((sum, { requests }) => sum + requests.failed, 0);
  if (count === 0) return failed("No request was sent.");
  const reasons = new Map<string, { count: number; example: string }>();
  for (const { requests, failure_examples: examples } of levels) {
    for (const [reason, times] of Object.entries(requests.failures)) {
      const seen = reasons.get(reason);
      reasons.set(reason, {
        count: times + (seen?.count ?? 0),
        example: seen?.example ?? examples[reason] ?? "",
      });
    }
  }
  const told = [...reasons]
    .toSorted(([, a], [, b]) => b.count - a.count)
    .map(
      ([reason, { count, example }]) => `${reason} ${count} times${example === "" ? "" : ` (${example})`}`,
    );
  return failed(`None of ${count} requests was answered: ${told.join(", ")}.`);
}
