import { type ComparableFigure, figureName, type Subject } from "../plan/objective.ts";
import type { Plan } from "../plan/plan.ts";
import type { Finding } from "../result.ts";
import type { LevelSummary } from "../summarize/summary.ts";
import { figuresOfSummary } from "./level-figures.ts";

/** From here on it is worth a word. */
const WORTH_A_WORD = 0.5;
/** What it is looked at in; the p95 is what most objectives speak of. */
const CONFIDENCE = 0.95;

const P95 = { kind: "quantile", q: 0.95 } as const;
/** Where no objective speaks of a latency. */
const USUAL = [
  { kind: "latency", metric: "ttft", statistic: P95 },
  { kind: "latency", metric: "e2e", statistic: P95 },
] as const;

/** Requests that are slow together: fewer independent ones than were sent, and wider intervals. */
export function requestsDepend(plan: Plan, summary: LevelSummary): Omit<Finding, "at"> | undefined {
  const figures = figuresOfSummary(summary);
  const judged = plan.objectives
    .map(({ subject }) => (subject.kind === "regression" ? subject.of : subject))
    .filter(isOfRequests);
  const [worst] = (judged.length > 0 ? judged : USUAL)
    .flatMap((figure) => {
      const estimate = figures.estimate(figure);
      if (estimate === undefined) return [];
      const effective = Math.floor(estimate.worthAt(CONFIDENCE).effective);
      return [{ figure, effective, samples: estimate.samples }];
    })
    .sort((a, b) => a.effective / a.samples - b.effective / b.samples);
  if (worst === undefined || worst.effective >= WORTH_A_WORD * worst.samples) return undefined;
  const { figure, effective, samples } = worst;
  return {
    code: "requests_depend",
    level: "note",
    touches: ["ttft", "ttft_sent", "tpot", "e2e"],
    happened: `Requests depend on each other: for ${figureName(figure)}, ${samples.toLocaleString("en")} count as ${Math.max(1, effective).toLocaleString("en")}.`,
    matters:
      "They wait for each other, or share what makes them slow together, so that intervals are as wide as of that many.",
    advice: "Measure longer, at a lower rate, or with no more requests in flight than the service has slots.",
  };
}

/** Of gaps there are many to a request. */
function isOfRequests(figure: Subject): figure is ComparableFigure & { kind: "latency" } {
  return (
    figure.kind === "latency" &&
    figure.metric !== "itl" &&
    (figure.statistic.kind === "quantile" || figure.statistic.kind === "mean")
  );
}
