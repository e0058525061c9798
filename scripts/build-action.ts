/**
 * Bundles the Action into `dist/`, which is committed: the runner runs what is in the repository and
 * installs nothing. The same sources give the same bytes; a test builds again and compares.
 */
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { type Plugin, rolldown } from "rolldown";

const ROOT = resolve(import.meta.dirname, "..");

export interface BuiltAction {
  /** Characters of code by package name, largest first; "goodput" is our own. */
  readonly sizes: ReadonlyMap<string, number>;
  readonly totalBytes: number;
}

export async function buildAction(outDir: string): Promise<BuiltAction> {
  const bundle = await rolldown({
    cwd: ROOT,
    input: "action/main.ts",
    platform: "node",
    // Asked for by nobody who has no tokenizer.json, and then the message says what to install.
    external: ["@huggingface/tokenizers"],
    plugins: [undiciInParts],
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

  const sizes = new Map<string, number>();
  const folders = new Map<string, string>();
  for (const [id, { renderedLength }] of Object.entries(chunk.modules)) {
    if (renderedLength === 0) continue;
    const folder = packageFolder(id);
    const name = folder === undefined ? "goodput" : folder.slice(folder.lastIndexOf("node_modules/") + 13);
    sizes.set(name, (sizes.get(name) ?? 0) + renderedLength);
    if (folder !== undefined) folders.set(folder, name);
  }

  await mkdir(outDir, { recursive: true });
  await writeFile(join(outDir, "index.js"), chunk.code);
  await writeFile(join(outDir, "LICENSES.txt"), await licenses([...folders.keys()].sort()));
  return {
    sizes: new Map([...sizes].sort(([, a], [, b]) => b - a)),
    totalBytes: Buffer.byteLength(chunk.code),
  };
}

/**
 * undici's entry loads all of it, mocks, caches and WebSockets too, and is CommonJS, so that no bundler can
 * tell what is used. This entry has what the engine and the GitHub client import, and does to the
 * dispatchers what the original does: 400 kB less in everybody's checkout.
 */
const UNDICI = `
  import api from "undici/lib/api/index.js";
  import Dispatcher from "undici/lib/dispatcher/dispatcher.js";
  Object.assign(Dispatcher.prototype, api);
  export { default as Pool } from "undici/lib/dispatcher/pool.js";
  export { default as ProxyAgent } from "undici/lib/dispatcher/proxy-agent.js";
  export { fetch } from "undici/lib/web/fetch/index.js";
`;

const undiciInParts: Plugin = {
  name: "undici-in-parts",
  resolveId: (source) => (source === "undici" ? { id: join(ROOT, "node_modules/undici/parts.js") } : null),
  load: (id) => (id === join(ROOT, "node_modules/undici/parts.js") ? UNDICI : null),
};

/** The folder of the package a module belongs to, or undefined when it is ours. */
function packageFolder(id: string): string | undefined {
  return /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(id.replaceAll("\\", "/"))?.[0];
}

/** Every licence asks that its text goes along with the code. */
async function licenses(folders: readonly string[]): Promise<string> {
  const entries = await Promise.all(
    folders.map(async (folder) => {
      const about: { name: string; version: string; license?: string } = JSON.parse(
        await readFile(join(folder, "package.json"), "utf8"),
      );
      const file = (await readdir(folder)).sort().find((name) => /^licen[cs]e(\.|$)/i.test(name));
      const text =
        file === undefined ? "(no licence text in the package)" : await readFile(join(folder, file), "utf8");
      return `${about.name} ${about.version}\n${about.license ?? "no licence named"}\n\n${text.trim()}\n`;
    }),
  );
  return entries.join(`\n${"-".repeat(80)}\n\n`);
}

if (import.meta.main) {
  const { sizes, totalBytes } = await buildAction(join(ROOT, "dist"));
  for (const [name, size] of sizes) console.log(`${String(size).padStart(9)}  ${name}`);
  console.log(`${String(totalBytes).padStart(9)}  dist/index.js`);
}
