import { ConfigError, conclusionOfError, GoodputError } from "../src/index.ts";
import type { Ending } from "./ending.ts";
import { safeLine } from "./secrets.ts";

/** What must not or cannot be measured here; the reasons are told, and the step passes. */
export class Skipped extends Error {
  readonly reasons: readonly string[];

  constructor(reasons: readonly string[]) {
    super(reasons.join(" "));
    this.name = "Skipped";
    this.reasons = reasons;
  }
}

/** Never rejects: whatever goes wrong is an ending too. */
export async function attempt(signal: AbortSignal, make: () => Promise<Ending>): Promise<Ending> {
  try {
    if (signal.aborted) throw new GoodputError("CANCELLED", "The run was interrupted before it began.");
    return await make();
  } catch (thrown) {
    const cancelled = signal.aborted && !(thrown instanceof ConfigError);
    return {
      kind: "stopped",
      conclusion: thrown instanceof Skipped ? "skipped" : cancelled ? "cancelled" : conclusionOfError(thrown),
      reasons: explain(thrown).map((line) => safeLine(line)),
    };
  }
}

/** An expected error says what to do; an unexpected one says where it happened. */
function explain(thrown: unknown): readonly string[] {
  if (thrown instanceof Skipped) return thrown.reasons;
  if (thrown instanceof GoodputError) {
    return [...thrown.message.split("\n"), ...(thrown.hint === undefined ? [] : [thrown.hint])];
  }
  const trace = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
  return ["This is a mistake in Goodput itself.", ...trace.split("\n").slice(0, 6)];
}
