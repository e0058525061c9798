import type { Plan } from "./plan.ts";

/**
 * What a plan decides by what it has measured so far; undefined when nothing. A shard sees a part of the answers, and
 * would decide otherwise than the others.
 */
export function decidedOnTheWay({ exploration, control }: Plan): string | undefined {
  if (exploration !== undefined) return "its levels follow from what earlier ones measured";
  if (control.untilDecisive) return "it ends as soon as its objectives are decided";
  return undefined;
}
