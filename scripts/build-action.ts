/**
 * Bundles the Action into `dist/`, which is committed: the runner runs what is in the repository and
 * installs nothing. The same sources give the same bytes; a test builds again and compares.
 * `--out DIR` builds into another folder, to try something without touching `dist/`.
 */
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join, relative, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { type OutputChunk, type Plugin, rolldown } from "rolldown";
import { licenses, packageFolder } from "./licenses.ts";

const ROOT = resolve(import.meta.dirname, "..");
/** What the runner loads, and what that loads once the process has the flags to measure with. */
const FILES = { "index.js": "action/start.ts", "main.js": "action/main.ts" };

export interface BuiltAction {
  /** Characters of code by package name, largest first; "goodput" is our own. */
  readonly sizes: ReadonlyMap<string, number>;
  /** Folders of the packages in it, below the repository; two of one name would be two copies. */
  readonly packages: readonly string[];
  readonly totalBytes: number;
}

export async function buildAction(outDir: string): Promise<BuiltAction> {
  const sizes = new Map<string, number>();
  const folders = new Set<string>();
  let totalBytes = 0;
  await mkdir(outDir, { recursive: true });
  for (const [file, input] of Object.entries(FILES)) {
    const { code, modules } = await bundled(input);
    await writeFile(join(outDir, file), code);
    totalBytes += Buffer.byteLength(code);
    for (const [id, { renderedLength }] of Object.entries(modules)) {
      if (renderedLength === 0) continue;
      const folder = packageFolder(id);
      const name = folder === undefined ? "goodput" : folder.slice(folder.lastIndexOf("node_modules/") + 13);
      sizes.set(name, (sizes.get(name) ?? 0) + renderedLength);
      if (folder !== undefined) folders.add(folder);
    }
  }
  const packages = [...folders].sort();
  await writeFile(join(outDir, "LICENSES.txt"), await licenses(packages));
  return {
    packages: packages.map((folder) => relative(ROOT, folder).replaceAll("\\", "/")),
    sizes: new Map([...sizes].sort(([, a], [, b]) => b - a)),
    totalBytes,
  };
}

async function bundled(input: string): Promise<OutputChunk> {
  const bundle = await rolldown({
    cwd: ROOT,
    input,
    platform: "node",
    // Asked for by nobody who has no tokenizer.json, and then the message says what to install.
    external: ["@huggingface/tokenizers"],
    plugins: [mainBeside, undiciInParts, scopesInUse],
    // They only define things; without this, core's import of them for `platform` brings all of them along.
    treeshake: { moduleSideEffects: [{ test: /[\\/]@actions[\\/](core|exec|io)[\\/]/, sideEffects: false }] },
    // How undici itself leaves out its second, experimental HTTP parser when it is bundled.
    transform: { define: { esbuildDetection: "true" } },
    // A name that is missing below must fail the build, not the run.
    onLog: (level, log, handle) => handle(level === "warn" ? "error" : level, log),
  });
  const { output } = await bundle.generate({
    format: "esm",
    codeSplitting: false,
    // Every licence stands in LICENSES.txt, and every comment in the sources.
    comments: false,
  });
  await bundle.close();
  const [chunk, ...others] = output;
  if (others.length > 0) throw new Error(`one file expected, got ${output.map((file) => file.fileName)}`);
  return chunk;
}

/** The first file has the second one beside it. */
const mainBeside: Plugin = {
  name: "main-beside",
  resolveId: (source) => (source === "./main.ts" ? { id: "./main.js", external: true } : null),
};

/**
 * undici's entry loads all of it, mocks, caches and WebSockets too, and is CommonJS, so that no bundler can
 * tell what is used. This entry has what the engine and the GitHub client import, and gives dispatchers, as
 * the original does, the one method that a proxy's tunnel is opened with. fetch is Node's own, which is undici
 * as well: it takes a dispatcher of this undici, that of a proxy, in the wrapper that undici has for it.
 */
const UNDICI = `
  import connect from "undici/lib/api/api-connect.js";
  import Dispatcher from "undici/lib/dispatcher/dispatcher.js";
  import Dispatcher1Wrapper from "undici/lib/dispatcher/dispatcher1-wrapper.js";
  Dispatcher.prototype.connect = connect;
  export { default as buildConnector } from "undici/lib/core/connect.js";
  export { default as Pool } from "undici/lib/dispatcher/pool.js";
  export { default as Client } from "undici/lib/dispatcher/client.js";
  export { default as ProxyAgent } from "undici/lib/dispatcher/proxy-agent.js";
  export const fetch = (url, { dispatcher, ...init } = {}) =>
    globalThis.fetch(url, dispatcher ? { ...init, dispatcher: new Dispatcher1Wrapper(dispatcher) } : init);
`;

/**
 * The HTTP parser is in undici twice, for processors with and without SIMD. Every one that a runner exists
 * for has it, and Node 24 with it.
 */
const NO_PARSER = `throw new Error("This processor has no WebAssembly SIMD, which reading HTTP needs here.");`;

const PARTS = join(ROOT, "node_modules/undici/parts.js");
const SECOND_PARSER = /[\\/]undici[\\/]lib[\\/]llhttp[\\/]llhttp-wasm\.js$/;

/** Nor does the runner itself take a proxy that speaks SOCKS, which is an experiment in undici. */
const NO_SOCKS = `module.exports = class {
  constructor() {
    throw new Error("The Action knows no SOCKS proxies: give one that speaks HTTP.");
  }
};`;
const SOCKS = /[\\/]undici[\\/]lib[\\/]dispatcher[\\/]socks5-proxy-agent\.js$/;

const undiciInParts: Plugin = {
  name: "undici-in-parts",
  resolveId: (source) => (source === "undici" ? { id: PARTS } : null),
  load(id) {
    if (id === PARTS) return UNDICI;
    if (SOCKS.test(id)) return NO_SOCKS;
    return SECOND_PARSER.test(id) ? NO_PARSER : null;
  },
};

/** Of the thousand calls that GitHub's client knows, those of the scopes that the Action calls. */
const scopesInUse: Plugin = {
  name: "scopes-in-use",
  async load(id) {
    if (!/[\\/]plugin-rest-endpoint-methods[\\/].*[\\/]endpoints\.js$/.test(id)) return null;
    const { default: all }: { default: Record<string, unknown> } = await import(pathToFileURL(id).href);
    const used = (await scopesOfGitHub()).map((scope) => {
      if (!(scope in all)) throw new Error(`GitHub's client has no rest.${scope}`);
      return [scope, all[scope]] as const;
    });
    return `export default ${JSON.stringify(Object.fromEntries(used), undefined, 2)};`;
  },
};

/** "issues" for `rest.issues.createComment(…)` and `const { issues } = ….rest;` in the Action's sources. */
async function scopesOfGitHub(): Promise<readonly string[]> {
  const scopes = new Set<string>();
  for (const file of (await readdir(join(ROOT, "action"), { recursive: true })).sort()) {
    if (!file.endsWith(".ts")) continue;
    const code = await readFile(join(ROOT, "action", file), "utf8");
    const called = [...code.matchAll(/(?<!\.)\.rest\s*\.(\w+)/g)];
    const named = [...code.matchAll(/\{ ([\w, ]+) \} = [^;{}]*(?<!\.)\.rest;/g)];
    // Whatever is reached in another way would be missing on the runner, and only there.
    if (called.length + named.length < [...code.matchAll(/(?<!\.)\.rest\b/g)].length) {
      throw new Error(`action/${file}: write rest.scope.method(…), so that its scope is bundled`);
    }
    for (const [, list] of [...called, ...named]) for (const one of list!.split(",")) scopes.add(one.trim());
  }
  return [...scopes].sort();
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { out: { type: "string", default: join(ROOT, "dist") } } });
  const { sizes, totalBytes } = await buildAction(resolve(values.out));
  for (const [name, size] of sizes) console.log(`${String(size).padStart(9)}  ${name}`);
  console.log(`${String(totalBytes).padStart(9)}  ${values.out}`);
}
