import { decidedOnTheWay, type Plan } from "../../src/index.ts";

/**
 * Why a plan is done by one machine; undefined when it can be split. A part of the load sees a part of the answers:
 * what is decided on the way by what was measured would be decided otherwise by each shard.
 */
export function whyNotSplit(plan: Plan): string | undefined {
  const decided = decidedOnTheWay(plan);
  if (decided !== undefined) return decided;
  const { baseline, control, workload } = plan;
  if (baseline !== undefined) return "it alternates between two targets";
  const { maxTokens, maxErrors, maxErrorRate, stopOnOverload } = control;
  if ([maxTokens, maxErrors, maxErrorRate].some((limit) => limit !== undefined) || stopOnOverload) {
    return "what it has measured may end it early";
  }
  const { prompts, tokenizer, trace } = workload;
  if (prompts.kind === "file" || tokenizer !== undefined || trace !== undefined) {
    return "it reads a file of the server's machine";
  }
  return undefined;
}
