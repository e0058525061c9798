import Router from "@koa/router";
import type { RouteDeps } from "./route-deps.ts";

/** Whether the process lives, whether it can answer, and what it is. */
export function healthRoutes({ models, telemetry, system, version }: RouteDeps): Router {
  const router = new Router();

  router.get("/health", (ctx) => {
    const modelReady = models.state.state === "ready";
    const { memorySufficient } = system;
    const healthy = modelReady && memorySufficient;
    ctx.status = healthy ? 200 : 503;
    ctx.body = {
      status: healthy ? "healthy" : "unhealthy",
      model_ready: modelReady,
      model_state: models.state.state,
      gpu_available: system.gpu !== undefined,
      memory_sufficient: memorySufficient,
      last_inference: telemetry.lastInferenceAt?.toISOString() ?? null,
    };
  });

  router.get("/health/live", (ctx) => {
    ctx.body = { status: "alive" };
  });

  router.get("/health/ready", (ctx) => {
    const { state } = models.state;
    ctx.status = state === "ready" ? 200 : 503;
    ctx.body = { status: state };
  });

  router.get("/", (ctx) => {
    ctx.body = { status: "healthy", service: "goodput", version, docs: "/docs" };
  });

  return router;
}
