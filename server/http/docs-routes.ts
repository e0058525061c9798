import { createHash } from "node:crypto";
import Router from "@koa/router";
import type { Context } from "koa";
import { type DocsAssetName, docsAsset, isDocsAsset } from "./docs-assets.ts";

export interface DocsDeps {
  /** The OpenAPI document of the whole server. */
  readonly openapi: object;
}

/** `/openapi.json`, and the two pages that show it. */
export function docsRoutes({ openapi }: DocsDeps): Router {
  const router = new Router();
  const document = JSON.stringify(openapi);
  const documentTag = tagOf(document);

  router.get("/openapi.json", (ctx) => {
    if (isFresh(ctx, documentTag)) return;
    ctx.type = "application/json; charset=utf-8";
    ctx.body = document;
  });

  router.get("/docs", (ctx) => page(ctx, SWAGGER));
  router.get("/redoc", (ctx) => page(ctx, REDOC));

  router.get("/docs/assets/:name", async (ctx, next) => {
    const { name } = ctx.params as { readonly name: string };
    const own = OWN_ASSETS.get(name);
    if (own === undefined && !isDocsAsset(name)) return next();
    const asset = own ?? (await docsAsset(name as DocsAssetName));
    // The address has the hash of what it stands for; without it, it may come to stand for something else.
    if (ctx.query.v === asset.hash) ctx.set("Cache-Control", "public, max-age=31536000, immutable");
    if (isFresh(ctx, `"${asset.hash}"`)) return;
    ctx.type = asset.type;
    ctx.body = asset.bytes;
  });

  return router;
}

interface Page {
  readonly title: string;
  readonly styles: readonly string[];
  readonly scripts: readonly string[];
  readonly root: string;
  readonly policy: string;
}

// Both pages make styles as they run; scripts come from this server alone, and none stands in a page.
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
];

const SWAGGER: Page = {
  title: "Goodput API",
  styles: ["swagger-ui.css"],
  scripts: ["swagger-ui-bundle.js", "start-swagger-ui.js"],
  root: "swagger-ui",
  policy: POLICY.join("; "),
};

const REDOC: Page = {
  title: "Goodput API reference",
  styles: ["redoc.css"],
  scripts: ["redoc.standalone.js", "start-redoc.js"],
  root: "redoc",
  // Its search works in a thread made of the page's own text.
  policy: [...POLICY, "worker-src blob:"].join("; "),
};

const OWN_ASSETS = new Map(
  Object.entries({
    "start-swagger-ui.js": `SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  // Otherwise a server elsewhere would be asked whether the document is valid.
  validatorUrl: null,
  presets: [SwaggerUIBundle.presets.apis],
  layout: "BaseLayout",
});
`,
    "start-redoc.js": `Redoc.init("/openapi.json", { hideDownloadButton: false }, document.getElementById("redoc"));
`,
    // Its maker's mark would be fetched from elsewhere.
    "redoc.css": `body { margin: 0 }
img[src*="cdn.redoc.ly"] { display: none }
`,
  }).map(([name, text]) => [
    name,
    {
      bytes: Buffer.from(text),
      type: name.endsWith(".css") ? "text/css" : "text/javascript",
      hash: createHash("sha256").update(text).digest("hex").slice(0, 16),
    },
  ]),
);

async function page(ctx: Context, { title, styles, scripts, root, policy }: Page): Promise<void> {
  const address = async (name: string) => {
    const { hash } = OWN_ASSETS.get(name) ?? (await docsAsset(name as DocsAssetName));
    return `/docs/assets/${name}?v=${hash}`;
  };
  const [icon, ...rest] = await Promise.all(["favicon-32x32.png", ...styles, ...scripts].map(address));
  const html = [
    '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    `<title>${title}</title>\n<link rel="icon" href="${icon}">`,
    ...rest.slice(0, styles.length).map((href) => `<link rel="stylesheet" href="${href}">`),
    `</head>\n<body>\n<div id="${root}"></div>`,
    ...rest.slice(styles.length).map((src) => `<script src="${src}"></script>`),
    "</body>\n</html>\n",
  ].join("\n");
  ctx.set("Content-Security-Policy", policy);
  if (isFresh(ctx, tagOf(html))) return;
  ctx.type = "html";
  ctx.body = html;
}

/** Answers 304 to whom has it already. */
function isFresh(ctx: Context, tag: string): boolean {
  ctx.status = 200;
  ctx.set("ETag", tag);
  if (!ctx.res.hasHeader("Cache-Control")) ctx.set("Cache-Control", "no-cache");
  if (!ctx.fresh) return false;
  ctx.status = 304;
  return true;
}

function tagOf(text: string): string {
  return `"${createHash("sha256").update(text).digest("hex").slice(0, 16)}"`;
}
