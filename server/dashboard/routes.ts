import { createHash } from "node:crypto";
import { existsSync, readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import Router from "@koa/router";
import type { Context, Middleware } from "koa";
import { z } from "zod";
import type { Operation } from "../http/openapi/operation.ts";

/** The page for people, for `GET /`. */
export const dashboardPage: Middleware = async (ctx) => {
  ctx.set("Content-Security-Policy", POLICY);
  ctx.set("Referrer-Policy", "no-referrer");
  await answer(ctx, "index.html");
};

/** What the page is made of. */
export function dashboardRoutes(): Router {
  const router = new Router();
  router.get("/dashboard/:name", async (ctx, next) => {
    const { name } = ctx.params as { readonly name: string };
    if (!PLACES.has(name) || name === "index.html") return next();
    await answer(ctx, name);
  });
  return router;
}

export const dashboardOperations: readonly Operation[] = [
  {
    method: "get",
    path: "/dashboard/{name}",
    summary: "Fetch a part of the dashboard",
    tags: ["Health"],
    params: z.object({ name: z.string() }),
    answers: {
      200: { description: "A script, a style or a picture.", contentType: "application/octet-stream" },
      404: { description: "There is no such part." },
    },
  },
];

/**
 * Scripts and styles come from this server alone and none stands in the page; and no script, wherever it came
 * from, may make HTML of a text.
 */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join("; ");

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
};

/** A packed build has them beside it. */
const OWN = ["dashboard/", "./static/"]
  .map((folder) => new URL(folder, import.meta.url))
  .find((folder) => existsSync(folder))!;
const require = createRequire(import.meta.url);

/** Where each file lies; what has no place here is not served, whatever its name. */
const PLACES: ReadonlyMap<string, string> = new Map([
  ...readdirSync(OWN).map((name) => [name, fileURLToPath(new URL(name, OWN))] as const),
  ...["uPlot.esm.js", "uPlot.min.css"].map((name) => [name, require.resolve(`uplot/dist/${name}`)] as const),
]);

interface Asset {
  readonly bytes: Buffer;
  readonly tag: string;
}

const loaded = new Map<string, Promise<Asset>>();

/** Names stay the same from version to version, so that a browser asks each time whether it has the right one. */
async function answer(ctx: Context, name: string): Promise<void> {
  const { bytes, tag } = await assetOf(name);
  ctx.status = 200;
  ctx.set("ETag", tag);
  ctx.set("Cache-Control", "no-cache");
  if (ctx.fresh) {
    ctx.status = 304;
    return;
  }
  ctx.set("Content-Type", TYPES[extname(name)] ?? "application/octet-stream");
  ctx.body = bytes;
}

/** Read once, when it is first asked for. */
function assetOf(name: string): Promise<Asset> {
  const known = loaded.get(name);
  if (known !== undefined) return known;
  const asset = readFile(PLACES.get(name)!).then((bytes) => ({
    bytes,
    tag: `"${createHash("sha256").update(bytes).digest("hex").slice(0, 16)}"`,
  }));
  loaded.set(name, asset);
  asset.catch(() => loaded.delete(name));
  return asset;
}
