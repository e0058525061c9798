import { type Plan, planHash } from "../src/index.ts";
import type { Inputs } from "./inputs.ts";

/**
 * What the jobs of a matrix have in common without telling each other: with one salt, what the plan has prompts share
 * is shared among all shards. Another attempt has another one, and so has another plan in the same matrix.
 */
export function withShardSalt(plan: Plan, { shard }: Pick<Inputs, "shard">): Plan {
  const { GITHUB_RUN_ID: run, GITHUB_RUN_ATTEMPT: attempt = "1" } = process.env;
  if (shard === undefined || run === undefined || plan.promptSalt !== undefined) return plan;
  return { ...plan, promptSalt: `${run}.${attempt}.${planHash(plan).slice(0, 8)}` };
}
