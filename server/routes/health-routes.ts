import Router from "@koa/router";
import { gibibytes, rounded } from "../rounding.ts";
import { LEAST_MEMORY_BYTES } from "../system-sampler.ts";
import type { RouteDeps } from "./route-deps.ts";

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

  // Strict: 200 only when a request sent now would be computed.
  router.get("/health/ready", (ctx) => {
    const { state } = deps.models.state;
    const ready = state === "ready" && deps.system.memorySufficient;
    ctx.status = ready ? 200 : 503;
    ctx.body = { status: state === "ready" && !ready ? "memory_insufficient" : state };
  });

  router.get("/", (ctx) => {
    ctx.body = { status: "healthy", service: "goodput", version: deps.version, docs: "/docs" };
  });

  return router;
}

/** The same fields in sickness and in health. */
function health({ models, telemetry, system, targetTokensPerSecond }: RouteDeps) {
  const { state } = models.state;
  const { memorySufficient, availableBytes } = system;
  const average = telemetry.averageTokensPerSecond;
  return {
    status: state === "ready" && memorySufficient ? "healthy" : "unhealthy",
    model_ready: state === "ready",
    model_state: state,
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
