import Router from "@koa/router";
import type { z } from "zod";
import { ApiError } from "../../http/errors.ts";
import { parameters } from "../../http/parameters.ts";
import type { Agent } from "../agent.ts";
import { validateAgent } from "../agent-validation.ts";
import { detectBottlenecks } from "./detect-bottlenecks.ts";
import { factsOf } from "./facts.ts";
import type { FlaggedEngine } from "./optimization-rules.ts";
import { recommendOptimizations } from "./recommend-optimizations.ts";
import { type detectAnswer, detectBody, type recommendAnswer, recommendBody } from "./schemas.ts";

export { agentAnalysisOperations } from "./schemas.ts";

export interface AgentAnalysisDeps {
  readonly agent: Pick<Agent, "history">;
  /** The rules as they are unless a caller has its own. */
  readonly detect?: typeof detectBottlenecks;
  readonly recommend?: typeof recommendOptimizations;
}

/** What is wrong with an instance, and what to set differently. */
export function agentAnalysisRoutes(deps: AgentAnalysisDeps): Router {
  const { agent, detect = detectBottlenecks, recommend = recommendOptimizations } = deps;
  const router = new Router({ prefix: "/api/v1" });

  router.post("/analysis/detect-bottlenecks", (ctx) => {
    const { instance_id, metrics } = validateAgent(detectBody, parameters(ctx));
    const now = new Date().toISOString();
    ctx.body = {
      instance_id,
      bottlenecks: analysed(() => [...detect(factsOf(metrics), now)]),
      analysis_timestamp: now,
    } satisfies z.input<typeof detectAnswer>;
  });

  router.post("/optimization/recommend", async (ctx) => {
    const { instance_id, instance_type, bottlenecks, current_config } = validateAgent(
      recommendBody,
      parameters(ctx),
    );
    // A page of llama.cpp's is collected under any of the types, and other engines' flags are nothing to it.
    const seen = (await agent.history.find(instance_id))?.latest?.metrics.engine;
    const engine: FlaggedEngine = seen === "llamacpp" ? "llamacpp" : instance_type;
    const optimizations = analysed(() => recommend(bottlenecks, engine, current_config ?? {}));
    ctx.body = {
      instance_id,
      optimizations: optimizations.map(({ risks, addresses, engine_args, ...one }) => ({
        ...one,
        ...(risks && { risks: [...risks] }),
        engine_args: [...engine_args],
        addresses: [...addresses],
      })),
      recommendation_timestamp: new Date().toISOString(),
    } satisfies z.input<typeof recommendAnswer>;
  });

  return router;
}

function analysed<Value>(analyse: () => Value): Value {
  try {
    return analyse();
  } catch (cause) {
    throw new ApiError("ANALYSIS_ERROR", "The metrics could not be analysed.", { cause });
  }
}
