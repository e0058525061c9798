import type { Middleware } from "koa";
import { type Environment, readList } from "../settings/config-error.ts";

const METHODS = "GET, HEAD, POST, PUT, DELETE, OPTIONS";
const REQUEST_HEADERS = "Content-Type, Authorization, X-API-Key, X-Request-ID, Prefer";
const ANSWER_HEADERS =
  "X-Request-ID, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, Retry-After, Content-Disposition";
/** What a browser asked once, it need not ask again for ten minutes. */
const MAX_AGE_SECONDS = 600;

/** Tells browsers whose pages may read answers, and answers their question beforehand. */
export function allowOrigins(origins: readonly string[]): Middleware {
  const everybody = origins.includes("*");
  return async (ctx, next) => {
    const origin = ctx.get("Origin");
    if (!everybody) ctx.vary("Origin");
    const allowed = origin !== "" && (everybody || origins.includes(origin));
    if (allowed) {
      ctx.set("Access-Control-Allow-Origin", everybody ? "*" : origin);
      ctx.set("Access-Control-Expose-Headers", ANSWER_HEADERS);
      // Never for everybody: any page could then act as whoever looks at it.
      if (!everybody) ctx.set("Access-Control-Allow-Credentials", "true");
    }
    if (ctx.method !== "OPTIONS" || ctx.get("Access-Control-Request-Method") === "") return next();
    if (allowed) {
      ctx.set("Access-Control-Allow-Methods", METHODS);
      ctx.set("Access-Control-Allow-Headers", REQUEST_HEADERS);
      ctx.set("Access-Control-Max-Age", String(MAX_AGE_SECONDS));
    }
    ctx.status = 204;
  };
}

/** `*` for everybody, which also holds when nothing is said; `off` for nobody. */
export function readOrigins(env: Environment, mistakes: string[]): readonly string[] {
  const origins = readList(env.CORS_ORIGINS);
  if (origins.length === 0) return ["*"];
  if (origins.length === 1 && /^(?:off|none)$/i.test(origins[0]!)) return [];
  for (const origin of origins) {
    if (origin !== "*" && !isOrigin(origin)) {
      mistakes.push(`CORS_ORIGINS: ${JSON.stringify(origin)} is no origin like https://example.com:8443.`);
    }
  }
  return origins;
}

function isOrigin(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol) && new URL(text).origin === text;
}
