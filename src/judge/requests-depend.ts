import type { Finding } from "../result.ts";
import type { LevelSummary } from "../summarize/summary.ts";
import { figuresOfSummary } from "./level-figures.ts";

/** From here on it is worth a word. */
const WORTH_A_WORD = 0.5;
/** What it is looked at in; the p95 is what most objectives speak of. */
const CONFIDENCE = 0.95;

/** Requests that are slow together: fewer independent ones than were sent, and wider intervals. */
export function requestsDepend(summary: LevelSummary): Omit<Finding, "at"> | undefined {
  const figures = figuresOfSummary(summary);
  const [worst] = (["ttft", "e2e"] as const)
    .flatMap((metric) => {
      const statistic = { kind: "quantile", q: 0.95 } as const;
      const estimate = figures.estimate({ kind: "latency", metric, statistic });
      if (estimate === undefined) return [];
      const effective = Math.floor(estimate.worthAt(CONFIDENCE).effective);
      return [{ metric, effective, samples: estimate.samples }];
    })
    .sort((a, b) => a.effective / a.samples - b.effective / b.samples);
  if (worst === undefined || worst.effective >= WORTH_A_WORD * worst.samples) return undefined;
  const { metric, effective, samples } = worst;
  return {
    code: "requests_depend",
    level: "note",
    touches: ["ttft", "e2e"],
    happened: `Requests depend on each other: for ${metric}_p95, ${samples.toLocaleString("en")} count as ${Math.max(1, effective).toLocaleString("en")}.`,
    matters:
      "They wait for each other, or share what makes them slow together, so that intervals are as wide as of that many.",
    advice: "Measure longer, at a lower rate, or with no more requests in flight than the service has slots.",
  };
}
