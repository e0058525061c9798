import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { Context, Middleware } from "koa";
import { type Environment, readSwitch } from "../settings/config-error.ts";
import { ApiError } from "./errors.ts";

export interface BasicCredentials {
  readonly username: string;
  readonly password: string;
}

export interface AuthOptions {
  readonly apiKey?: string | undefined;
  readonly basicAuth?: BasicCredentials | undefined;
  /** Pages that may send credentials of the browser's; never "*". */
  readonly corsOrigins?: readonly string[];
}

/** Which credentials a request needs once they are configured. */
export interface Protection {
  readonly key: boolean;
  readonly basic: boolean;
}

/** What a request changes or makes a model do needs the key; two groups of routes need a name and a password. */
export function protectionOf(method: string, path: string): Protection {
  // The router takes any case, so that another spelling must open nothing.
  const route = path.toLowerCase().replace(/\/+$/, "");
  const reads = ["GET", "HEAD", "OPTIONS"].includes(method.toUpperCase());
  return {
    key: !reads && !(method.toUpperCase() === "POST" && route === "/api/v1/benchmark/compare"),
    basic: /^\/api\/v1\/(?:benchmarks|generate)(?:\/|$)/.test(route),
  };
}

/** Notes in `ctx.state.credential` which valid credential came; what is not configured is not looked at. */
export function authenticate({ apiKey, basicAuth, corsOrigins = [] }: AuthOptions): Middleware {
  const isKey = comparison(apiKey);
  const isBasic = comparison(basicAuth && `${basicAuth.username}:${basicAuth.password}`);
  return async (ctx, next) => {
    const { scheme, value } = authorizationOf(ctx);
    const given = [ctx.get("X-API-Key"), scheme === "bearer" ? value : ""];
    // Both are compared whatever the first says, so that time tells nothing.
    const [byHeader, byBearer] = given.map(isKey);
    const byBasic = scheme === "basic" && isBasic(Buffer.from(value, "base64").toString("utf8"));
    if (byHeader || byBearer) ctx.state.credential = "key";
    else if (byBasic && !sentByForeignPage(ctx, corsOrigins)) ctx.state.credential = "basic";
    await next();
  };
}

/** 401 where a credential is needed and none came that is valid; any of the configured ones will do. */
export function authorize({ apiKey, basicAuth }: AuthOptions): Middleware {
  return async (ctx, next) => {
    const needs = protectionOf(ctx.method, ctx.path);
    const basic = needs.basic && basicAuth !== undefined;
    const key = needs.key && apiKey !== undefined;
    if ((basic || key) && ctx.state.credential === undefined) {
      throw new ApiError(
        "UNAUTHORIZED",
        basic
          ? "This needs a user name and a password, by HTTP Basic authentication."
          : "This needs the API key, as X-API-Key or as Authorization: Bearer.",
        { headers: { "WWW-Authenticate": basic ? 'Basic realm="goodput", charset="UTF-8"' : "ApiKey" } },
      );
    }
    await next();
  };
}

export function readApiKey(env: Environment, mistakes: string[]): string | undefined {
  const key = env.API_KEY?.trim() || undefined;
  if (key === undefined || /^[\x21-\x7e]+$/.test(key)) return key;
  mistakes.push("API_KEY: has characters that no HTTP header can carry; use letters, digits and signs.");
  return undefined;
}

export function readBasicAuth(env: Environment, mistakes: string[]): BasicCredentials | undefined {
  if (readSwitch("BASIC_AUTH", env.BASIC_AUTH, mistakes) !== true) return undefined;
  const username = env.API_USERNAME ?? "";
  const password = env.API_PASSWORD ?? "";
  if (username === "") mistakes.push("API_USERNAME: is needed when BASIC_AUTH is on.");
  if (username.includes(":")) mistakes.push("API_USERNAME: must have no colon, which ends the name.");
  if (password === "") mistakes.push("API_PASSWORD: is needed when BASIC_AUTH is on.");
  return { username, password };
}

/** Hashes are of one length, so that comparing them takes the same time whatever differs. */
function comparison(secret: string | undefined): (given: string) => boolean {
  if (secret === undefined) return () => false;
  const salt = randomBytes(32);
  const hash = (text: string) => createHmac("sha256", salt).update(text).digest();
  const expected = hash(secret);
  return (given) => timingSafeEqual(hash(given), expected);
}

function authorizationOf(ctx: Context): { readonly scheme: string; readonly value: string } {
  const [, scheme = "", value = ""] = /^([a-z]+) +(.*?) *$/i.exec(ctx.get("Authorization")) ?? [];
  return { scheme: scheme.toLowerCase(), value };
}

/**
 * A browser adds the password it remembers to what any page makes it send, so that from pages of elsewhere
 * it shows nobody's will; pages that are named in CORS_ORIGINS may.
 */
function sentByForeignPage(ctx: Context, origins: readonly string[]): boolean {
  return ctx.get("Sec-Fetch-Site") === "cross-site" && !origins.includes(ctx.get("Origin"));
}
