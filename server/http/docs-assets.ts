import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { ApiError } from "./errors.ts";

/** What the pages of the API's documentation are made of, from packages and never from another server. */
export const DOCS_ASSETS = {
  "swagger-ui-bundle.js": { from: "swagger-ui-dist/swagger-ui-bundle.js", type: "text/javascript" },
  "swagger-ui.css": { from: "swagger-ui-dist/swagger-ui.css", type: "text/css" },
  "favicon-32x32.png": { from: "swagger-ui-dist/favicon-32x32.png", type: "image/png" },
  "redoc.standalone.js": { from: "redoc/bundles/redoc.standalone.js", type: "text/javascript" },
} as const;

/** These go wherever the files above go. */
export const DOCS_LICENCES = {
  "swagger-ui.LICENSE": "swagger-ui-dist/LICENSE",
  "swagger-ui.NOTICE": "swagger-ui-dist/NOTICE",
  "swagger-ui-bundle.js.LICENSE.txt": "swagger-ui-dist/swagger-ui-bundle.js.LICENSE.txt",
  "redoc.LICENSE": "redoc/LICENSE",
  "redoc.standalone.js.LICENSE.txt": "redoc/bundles/redoc.standalone.js.LICENSE.txt",
} as const;

export type DocsAssetName = keyof typeof DOCS_ASSETS;

export interface DocsAsset {
  readonly bytes: Buffer;
  readonly type: string;
  /** Of the bytes; part of the address, so that the address never stands for anything else. */
  readonly hash: string;
}

const loaded = new Map<DocsAssetName, Promise<DocsAsset>>();

/** Read once, when it is first asked for. */
export function docsAsset(name: DocsAssetName): Promise<DocsAsset> {
  const known = loaded.get(name);
  if (known !== undefined) return known;
  const asset = load(name);
  loaded.set(name, asset);
  asset.catch(() => loaded.delete(name));
  return asset;
}

export function isDocsAsset(name: string): name is DocsAssetName {
  return Object.hasOwn(DOCS_ASSETS, name);
}

/** A packed build has them beside it; in the source tree they are where npm put them. */
async function load(name: DocsAssetName): Promise<DocsAsset> {
  const { from, type } = DOCS_ASSETS[name];
  const packed = fileURLToPath(new URL(`docs-assets/${name}`, import.meta.url));
  const bytes = await readFile(existsSync(packed) ? packed : installed(from));
  return { bytes, type, hash: createHash("sha256").update(bytes).digest("hex").slice(0, 16) };
}

function installed(from: string): string {
  try {
    return createRequire(import.meta.url).resolve(from);
  } catch (cause) {
    throw new ApiError("SERVICE_UNAVAILABLE", "The packages that show the documentation are not installed.", {
      cause,
    });
  }
}
