import { randomUUID } from "node:crypto";
import { bodyParser } from "@koa/bodyparser";
import Router from "@koa/router";
import Koa, { type Context, type Middleware, type Next } from "koa";
import type { Logger } from "pino";
import { ApiError, errorBody, openaiErrorBody, toApiError } from "./errors.ts";
import { benchmarkRoutes } from "./routes/benchmark-routes.ts";
import { healthRoutes } from "./routes/health-routes.ts";
import { inferenceRoutes } from "./routes/inference-routes.ts";
import { metricsRoutes } from "./routes/metrics-routes.ts";
import { openaiRoutes } from "./routes/openai-routes.ts";
import type { RouteDeps } from "./routes/route-deps.ts";

export interface AppDeps extends RouteDeps {
  readonly log: Logger;
  readonly bodyLimitBytes: number;
}

/** The whole server but for its port: what a request passes through, from top to bottom. */
export function createApp(deps: AppDeps): Koa {
  const router = new Router();
  for (const routes of [
    healthRoutes(deps),
    metricsRoutes(deps),
    inferenceRoutes(deps),
    openaiRoutes(deps),
    benchmarkRoutes(deps),
  ]) {
    router.use(routes.routes());
  }
  const app = new Koa();
  // What happens outside of a request, such as a socket that breaks while it is written to.
  app.on("error", (error: Error) => deps.log.debug({ error: error.message }, "connection failed"));

  app.use(identify);
  app.use(logRequests(deps.log));
  app.use(answerErrors(deps.log));
  app.use(readBody(deps.bodyLimitBytes));
  app.use(router.routes());
  app.use(router.allowedMethods());
  return app;
}

/** A name for each request, the client's own where it can be trusted in a header and a log line. */
async function identify(ctx: Context, next: Next): Promise<void> {
  const given = ctx.get("X-Request-ID");
  ctx.state.requestId = /^[\w.:-]{1,128}$/.test(given) ? given : randomUUID();
  ctx.set("X-Request-ID", ctx.state.requestId);
  await next();
}

/** Written when the response is over, since a stream is over long after its middleware. */
function logRequests(log: Logger): Middleware {
  return async (ctx, next) => {
    const started = performance.now();
    ctx.res.once("close", () => {
      const fields = {
        request_id: ctx.state.requestId,
        method: ctx.method,
        path: ctx.path,
        status: ctx.res.statusCode,
        duration_ms: Math.round((performance.now() - started) * 1000) / 1000,
        complete: ctx.res.writableFinished,
      };
      // Probes and scrapers come every few seconds and would fill the log with themselves.
      if (ctx.method === "GET" && ctx.res.statusCode < 400) log.debug(fields, "request");
      else log.info(fields, "request");
    });
    await next();
  };
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
