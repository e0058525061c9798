/**
 * Builds what `npm pack` ships, into `build/`: Node strips no types below node_modules, and the hundreds of files
 * that a command would load cost it more time to start than what is in them. So the command line, the library
 * and the programs that they start as threads and processes are bundles beside each other in one folder, with
 * what they share in chunks, and with the packages that a load test itself needs. Those that only the server
 * has stay packages. `--out DIR` builds elsewhere.
 */
import { execFileSync } from "node:child_process";
import { copyFileSync, cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { rolldown } from "rolldown";
import { DOCS_ASSETS, DOCS_LICENCES } from "../server/http/docs-assets.ts";
import { licenses, packageFolder } from "./licenses.ts";

const { values } = parseArgs({ options: { out: { type: "string", default: "build" } } });
const out = values.out;
rmSync(out, { recursive: true, force: true });

/** By the names that the sources start them under, but for the command line and the library. */
const PROGRAMS = {
  goodput: "src/cli/bin.ts",
  index: "src/index.ts",
  "generator-thread": "src/run/generator-thread.ts",
  "scripted/child": "src/scripted/child.ts",
  "run-process": "server/load-tests/runs/run-process.ts",
  "compare-thread": "server/load-tests/comparison/compare-thread.ts",
};

const { dependencies, peerDependencies } = JSON.parse(readFileSync("package.json", "utf8"));
/** Others' declarations are part of ours: it comes with the package, for who compiles against it. */
const ONLY_FOR_TYPES = ["zod"];
const packages = Object.keys({ ...dependencies, ...peerDependencies });
const bundle = await rolldown({
  input: PROGRAMS,
  platform: "node",
  external: packages
    .filter((name) => !ONLY_FOR_TYPES.includes(name))
    .map((name) => new RegExp(`^${name}(/|$)`)),
  // How undici itself leaves out its second, experimental HTTP parser when it is bundled.
  transform: { define: { esbuildDetection: "true" } },
  onLog: (level, log, handle) => handle(level === "warn" ? "error" : level, log),
});
const { output } = await bundle.write({
  dir: out,
  format: "esm",
  entryFileNames: "[name].js",
  chunkFileNames: "[name]-[hash].js",
  comments: false,
});
await bundle.close();
const modules = output.flatMap((file) => (file.type === "chunk" ? Object.keys(file.modules) : []));
const bundled = new Set(modules.map(packageFolder).filter((folder) => folder !== undefined));
writeFileSync(join(out, "LICENSES.txt"), await licenses([...bundled].sort()));

execFileSync(
  process.execPath,
  ["node_modules/typescript/bin/tsc", "-p", "tsconfig.build.json", "--outDir", join(out, "types")],
  { stdio: "inherit" },
);

// The pages of the API's documentation come from packages that only the source tree has, with their licences.
const assets = join(out, "docs-assets");
mkdirSync(assets, { recursive: true });
for (const [name, { from }] of Object.entries(DOCS_ASSETS))
  copyFileSync(`node_modules/${from}`, join(assets, name));
for (const [name, from] of Object.entries(DOCS_LICENCES))
  copyFileSync(`node_modules/${from}`, join(assets, name));

// What a browser reads is JavaScript already, and goes as it is.
cpSync("server/dashboard/static", join(out, "dashboard"), { recursive: true });
