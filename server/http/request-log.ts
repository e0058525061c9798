import { isIP } from "node:net";
import type { Context, Middleware } from "koa";
import type { Logger } from "pino";

/** Probes, scrapers and the parts of pages come every few seconds and would fill the log with themselves. */
const QUIET =
  /^\/(?:health|metrics|docs|redoc|openapi\.json|dashboard|api\/v1\/(?:benchmark\/)?health)(?:\/|$)/;

/** Notes every request as it comes and when its answer is over, which for a stream is long after its middleware. */
export function logRequests(log: Logger, trustedProxies: number): Middleware {
  return async (ctx, next) => {
    const startedAt = performance.now();
    const client_ip = clientIp(ctx, trustedProxies);
    ctx.state.clientIp = client_ip;
    // Never the query: keys of targets may come in it.
    const fields = { request_id: ctx.state.requestId, method: ctx.method, path: ctx.path, client_ip };
    const quiet = QUIET.test(ctx.path);
    log[quiet ? "debug" : "info"]({ event: "request_started", ...fields });
    ctx.res.once("close", () => {
      const status = ctx.res.statusCode;
      log[quiet && status < 400 ? "debug" : "info"]({
        event: "request_completed",
        ...fields,
        status,
        duration_ms: Math.round((performance.now() - startedAt) * 1000) / 1000,
        complete: ctx.res.writableFinished,
      });
    });
    await next();
  };
}

/** Who sent a request: the address of the connection, or what the outermost of our own proxies saw. */
function clientIp(ctx: Context, trustedProxies: number): string {
  const direct = ctx.req.socket.remoteAddress ?? "";
  // Each proxy adds whom it saw at the end; what stands further left is the client's own say.
  const seen =
    trustedProxies === 0 ? "" : (ctx.get("X-Forwarded-For").split(",").at(-trustedProxies) ?? "").trim();
  return plain(isIP(seen) === 0 ? direct : seen);
}

/** An IPv4 client of a socket that speaks both is the same client. */
function plain(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, "");
}
