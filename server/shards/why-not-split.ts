import type { Plan } from "../../src/index.ts";

/**
 * Why a plan is done by one machine; undefined when it can be split. A part of the load sees a part of the answers:
 * what is decided on the way by what was measured would be decided otherwise by each shard.
 */
export function whyNotSplit({ exploration, baseline, control, workload }: Plan): string | undefined {
  if (exploration !== undefined) return "its levels follow from what earlier ones measured";
  if (baseline !== undefined) return "it alternates between two targets";
  if (control.untilDecisive) return "it ends as soon as its objectives are decided";
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
