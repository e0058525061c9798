import { randomUUID } from "node:crypto";
import { bodyParser } from "@koa/bodyparser";
import Router from "@koa/router";
import Koa, { type Context, type Middleware, type Next } from "koa";
import type { Logger } from "pino";
import type { Agent } from "./agent/agent.ts";
import type { AgentConfig } from "./agent/agent-config.ts";
import { agentAnalysisRoutes } from "./agent/analysis/routes.ts";
import { agentMetricsRoutes } from "./agent/collect/routes.ts";
import { workflowRoutes } from "./agent/workflows/routes.ts";
import type { Workflows } from "./agent/workflows/workflow.ts";
import { DEFAULT_CONFIG } from "./config.ts";
import { dashboardPage, dashboardRoutes } from "./dashboard/routes.ts";
import { type AuthOptions, authenticate, authorize } from "./http/auth.ts";
import { allowOrigins } from "./http/cors.ts";
import { docsRoutes } from "./http/docs-routes.ts";
import { ApiError, errorBody, openaiErrorBody, toApiError } from "./http/errors.ts";
import { openapiDocument } from "./http/openapi/document.ts";
import { operations } from "./http/openapi/operations.ts";
import { limitRate, type RateLimit } from "./http/rate-limit.ts";
import { logRequests } from "./http/request-log.ts";
import { rootRoutes } from "./http/root-routes.ts";
import { analysisRoutes } from "./load-tests/analysis/routes.ts";
import { compareRoutes } from "./load-tests/comparison/routes.ts";
import { exportRoutes } from "./load-tests/exports/routes.ts";
import { recommendRoutes } from "./load-tests/recommendation/routes.ts";
import { type RunRouteDeps, runRoutes } from "./load-tests/runs/routes.ts";
import { type RunSocket, runSocketRoutes } from "./load-tests/runs/run-socket.ts";
import { type VirtualUserRouteDeps, virtualUserRoutes } from "./load-tests/virtual-users/routes.ts";
import { benchmarkRoutes } from "./model/benchmark/routes.ts";
import { healthRoutes } from "./model/health-routes.ts";
import { inferenceRoutes } from "./model/inference-routes.ts";
import { metricsRoutes } from "./model/metrics-routes.ts";
import type { RouteDeps } from "./model/model-deps.ts";
import { modelRoutes } from "./model/model-routes.ts";
import { openaiRoutes } from "./model/openai/routes.ts";
import type { Targets } from "./settings/targets.ts";

export interface AppDeps extends RouteDeps, AuthOptions {
  readonly log: Logger;
  readonly bodyLimitBytes: number;
  readonly rateLimit?: RateLimit | undefined;
  readonly trustedProxies?: number;
  /** The page that browsers get at the root, instead of the server's own. */
  readonly dashboard?: Middleware | undefined;
  /** What load tests need; without it the server has its model's routes alone. */
  readonly loadTests?: LoadTestDeps;
  /** Milliseconds, for what is allowed per minute. */
  readonly now?: () => number;
}

export interface LoadTestDeps
  extends RunRouteDeps,
    Omit<VirtualUserRouteDeps, "virtualUsers">,
    Partial<Pick<VirtualUserRouteDeps, "virtualUsers">> {
  readonly targets: Targets;
  readonly runSocket: Pick<RunSocket, "stats">;
  /** What watches inference servers. */
  readonly agent: Agent;
  readonly agentConfig: AgentConfig;
  /** What is changed on them, and by whose leave. */
  readonly workflows: Workflows;
}

/** The whole server but for its port: what a request passes through, from top to bottom. */
export function createApp(deps: AppDeps): Koa {
  const { log, corsOrigins = ["*"], trustedProxies = 0 } = deps;
  const router = createRouter(deps);
  const app = new Koa();
  // What happens outside of a request, such as a socket that breaks while it is written to.
  app.on("error", (error: Error) => log.debug({ error: error.message }, "connection failed"));

  app.use(identify);
  app.use(logRequests(log, trustedProxies));
  app.use(harden);
  app.use(allowOrigins(corsOrigins));
  app.use(answerErrors(log));
  app.use(authenticate({ ...deps, corsOrigins }));
  app.use(limitRate(deps.rateLimit, deps.now));
  app.use(authorize(deps));
  app.use(readBody(deps.bodyLimitBytes));
  app.use(router.routes());
  app.use(router.allowedMethods());
  return app;
}

/** Every route there is; each has an entry in `operations` too. */
export function createRouter(deps: AppDeps): Router {
  const { loadTests, apiKey, basicAuth, rateLimit, version } = deps;
  const dashboard = deps.dashboard ?? (loadTests && dashboardPage);
  const openapi = openapiDocument(operations, {
    version,
    apiKey: apiKey !== undefined,
    basicAuth: basicAuth !== undefined,
    rateLimit: rateLimit !== undefined,
  });
  const router = new Router();
  for (const routes of [
    rootRoutes({ version, dashboard }),
    docsRoutes({ openapi }),
    healthRoutes(deps),
    metricsRoutes(deps),
    inferenceRoutes(deps),
    openaiRoutes(deps),
    benchmarkRoutes(deps),
    modelRoutes(deps),
    ...(loadTests === undefined ? [] : loadTestRoutes(loadTests)),
  ]) {
    router.use(routes.routes());
  }
  return router;
}

function loadTestRoutes(deps: LoadTestDeps): Router[] {
  return [
    runRoutes(deps),
    runSocketRoutes(deps),
    exportRoutes(deps),
    analysisRoutes(deps),
    compareRoutes(deps),
    recommendRoutes(deps),
    virtualUserRoutes({ virtualUsers: DEFAULT_CONFIG.virtualUsers, ...deps }),
    agentMetricsRoutes({ ...deps, ...deps.agentConfig }),
    agentAnalysisRoutes(deps),
    workflowRoutes(deps),
    dashboardRoutes(),
  ];
}

/** A name for each request, the client's own where it can be trusted in a header and a log line. */
async function identify(ctx: Context, next: Next): Promise<void> {
  const given = ctx.get("X-Request-ID");
  ctx.state.requestId = /^[\w.:-]{1,128}$/.test(given) ? given : randomUUID();
  ctx.set("X-Request-ID", ctx.state.requestId);
  await next();
}

/** Answers are data: nobody is to guess at their type, run or frame them. Pages say otherwise for themselves. */
async function harden(ctx: Context, next: Next): Promise<void> {
  ctx.set("X-Content-Type-Options", "nosniff");
  ctx.set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
  await next();
}

function answerErrors(log: Logger): Middleware {
  return async (ctx, next) => {
    try {
      await next();
      refuseUnknown(ctx);
    } catch (thrown) {
      const error = toApiError(thrown);
      if (error.status >= 500 && error.status !== 503) {
        log.error({ request_id: ctx.state.requestId, err: error.cause ?? error }, error.message);
      }
      // The stream has begun, so all that is left to say is that it ends here.
      if (ctx.res.headersSent) {
        ctx.res.destroy();
        return;
      }
      ctx.status = error.status;
      ctx.set({ ...error.headers });
      ctx.body = ctx.path.startsWith("/v1/") ? openaiErrorBody(error) : errorBody(error, ctx.state.requestId);
    }
  };
}

/** The router leaves what it does not know without a body, and says in `Allow` what it does know. */
function refuseUnknown(ctx: Context): void {
  if (ctx.respond === false || ctx.body !== undefined) return;
  if (ctx.status === 404) throw new ApiError("NOT_FOUND", `There is nothing at ${ctx.method} ${ctx.path}.`);
  if (ctx.status === 405 || ctx.status === 501) {
    throw new ApiError(
      "METHOD_NOT_ALLOWED",
      `${ctx.path} takes ${ctx.response.get("Allow")}, not ${ctx.method}.`,
    );
  }
}

function readBody(limit: number): Middleware {
  return bodyParser({
    enableTypes: ["json", "form", "text"],
    jsonLimit: limit,
    formLimit: limit,
    textLimit: limit,
    // OpenAI's API has no other type, whatever a hurried client calls its body.
    detectJSON: (ctx) => ctx.path.startsWith("/v1/"),
  }) as Middleware;
}
