import { holds, isUpperLimit } from "../plan/objective.ts";
import type { Plan } from "../plan/plan.ts";
import { completedOf, type LevelSummary } from "../summarize/summary.ts";
import type { Doubt } from "./doubt.ts";

/** Answers whose chunks came in bundles: their gaps say what was held back on the way, not how the model writes. */
export function chunksTogether(_plan: Plan, summary: LevelSummary): Doubt | undefined {
  const several = completedOf(summary).filter(({ chunks }) => chunks !== undefined);
  const together = several.filter(({ chunks }) => chunks !== "apart");
  if (2 * together.length <= several.length) return undefined;
  const longest = several.reduce((most, { longestGap = 0 }) => Math.max(most, longestGap), 0);
  const whole = together.filter(({ chunks }) => chunks === "whole").length;
  return {
    finding: {
      code: "chunks_together",
      touches: ["itl", "tpot", "goodput_ratio"],
      happened: [
        `In ${together.length} of ${several.length} answers most chunks came together with others.`,
        ...(whole > 0
          ? [`${whole} came whole: their ttft is that of the whole answer, and equals e2e.`]
          : []),
      ].join(" "),
      matters:
        "A proxy before the server, or the server itself, holds chunks back, or this machine was too busy to read them one by one: gaps between chunks and time per token are not the model's.",
      advice:
        "Turn off buffering and compression of streams in the proxy (nginx: proxy_buffering off), or judge e2e alone.",
    },
    truth: (figure, { op, limit }) => {
      if (figure.kind === "goodput_ratio") {
        const ofTpot = figure.criteria.filter(({ metric }) => metric === "tpot");
        if (ofTpot.length === 0) return undefined;
        return ofTpot.every((criterion) => isUpperLimit(criterion.op)) ? "lower" : "either";
      }
      if (figure.kind !== "latency") return undefined;
      // From the first chunk to the last bundles can only have taken time away.
      if (figure.metric === "tpot") return "higher";
      if (figure.metric !== "itl") return undefined;
      switch (figure.statistic.kind) {
        case "mean":
        case "min":
          return "higher";
        case "max":
          return holds(longest, op, limit) ? "either" : "higher";
        case "quantile":
          return "either";
      }
    },
  };
}
