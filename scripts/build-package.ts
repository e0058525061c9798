/** Builds what `npm pack` ships: Node strips no types below node_modules, so a package holds JavaScript. */
import { execFileSync } from "node:child_process";
import { copyFileSync, cpSync, mkdirSync, rmSync } from "node:fs";
import { DOCS_ASSETS, DOCS_LICENCES } from "../server/docs-assets.ts";

rmSync("build", { recursive: true, force: true });
execFileSync(process.execPath, ["node_modules/typescript/bin/tsc", "-p", "tsconfig.build.json"], {
  stdio: "inherit",
});

// The pages of the API's documentation come from packages that only the source tree has, with their licences.
const assets = "build/server/docs-assets";
mkdirSync(assets, { recursive: true });
for (const [name, { from }] of Object.entries(DOCS_ASSETS))
  copyFileSync(`node_modules/${from}`, `${assets}/${name}`);
for (const [name, from] of Object.entries(DOCS_LICENCES))
  copyFileSync(`node_modules/${from}`, `${assets}/${name}`);

// What a browser reads is JavaScript already, and goes as it is.
cpSync("server/dashboard/static", "build/server/dashboard/static", { recursive: true });
