import type { Plan } from "../plan/plan.ts";
import type { Finding } from "../result.ts";
import type { LevelSummary } from "../summarize/summary.ts";
import { formatMs, NS_PER_MS } from "../units.ts";

/** Arrivals that `max-concurrency` held back: the server had not ended enough of those before them. */
export function capReached(_plan: Plan, { requests, latencies }: LevelSummary): Finding | undefined {
  const held = requests.filter((request) => request.held !== undefined && request.held > 0);
  if (held.length === 0) return undefined;
  const longest = latencies.held.max;
  const mean = held.reduce((sum, request) => sum + request.held!, 0) / held.length;
  return {
    code: "cap_reached",
    level: "note",
    touches: ["ttft", "e2e", "concurrency"],
    happened: `${held.length} of ${requests.length} arrivals found max-concurrency in flight and waited for ${formatMs(mean / NS_PER_MS)} on average, ${formatMs(longest / NS_PER_MS)} at most.`,
    matters:
      "Their waiting is in ttft and e2e, since users would have waited: the server had not ended enough requests.",
    advice: "Raise max-concurrency where no such limit stands before the server in use, or lower the rate.",
  };
}
