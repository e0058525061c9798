import Router from "@koa/router";
import { gibibytes, rounded } from "../http/rounding.ts";
import type { RouteDeps } from "./model-deps.ts";
import { type ModelState, progressOf, retryAfter } from "./model-holder.ts";
import { LEAST_MEMORY_BYTES } from "./system-sampler.ts";

/** Whether the process lives, whether it can answer, and what it is. */
export function healthRoutes(deps: RouteDeps): Router {
  const router = new Router();

  router.get("/health", (ctx) => {
    const body = health(deps);
    ctx.status = body.status === "healthy" ? 200 : 503;
    ctx.body = body;
  });

  router.get("/health/live", (ctx) => {
    ctx.body = { status: "alive" };
  });

  // Strict: 200 only when all that this server was told to have would take a request sent now.
  router.get("/health/ready", (ctx) => {
    const { state: model } = deps.models;
    const modelReady = model.state === "ready" || model.state === "none";
    const ready = modelReady && deps.system.memorySufficient;
    ctx.status = ready ? 200 : 503;
    const retry = retryAfterOf(model);
    if (!ready && retry !== undefined) ctx.set("Retry-After", retry);
    ctx.body = {
      status: !modelReady ? model.state : ready ? "ready" : "memory_insufficient",
      ...(model.state === "none" && { model: "none" }),
      ...(model.state === "loading" && progressOf(model.step)),
    };
  });

  return router;
}

/** A model that failed to load stays so, and a server that closes comes back under another name if at all. */
function retryAfterOf(model: ModelState): string | undefined {
  if (model.state === "loading") return retryAfter(model.step);
  return model.state === "ready" || model.state === "none" ? "5" : undefined;
}

/** The same fields in sickness and in health. */
function health({ models, telemetry, system, targetTokensPerSecond }: RouteDeps) {
  const model = models.state;
  const { state } = model;
  const { memorySufficient, availableBytes } = system;
  const average = telemetry.averageTokensPerSecond;
  return {
    status: (state === "ready" || state === "none") && memorySufficient ? "healthy" : "unhealthy",
    model_ready: state === "ready",
    model_state: state,
    ...(model.state === "loading" ? progressOf(model.step) : { phase: null, progress: null }),
    model_error: model.state === "failed" ? model.error.message : null,
    gpu_available: system.gpu !== undefined,
    memory_sufficient: memorySufficient,
    memory_available_gb: gibibytes(availableBytes),
    memory_required_gb: gibibytes(LEAST_MEMORY_BYTES),
    last_inference: telemetry.lastInferenceAt?.toISOString() ?? null,
    // Slow is not unhealthy: restarting a slow server, as orchestrators do, makes it no faster.
    performance_ok: average === undefined ? null : average > targetTokensPerSecond,
    avg_tokens_per_second: average === undefined ? null : rounded(average, 2),
    target_tokens_per_second: targetTokensPerSecond,
  };
}
