import { spawn } from "node:child_process";
import { accessSync, constants, existsSync, globSync } from "node:fs";
import { createRequire } from "node:module";
import { delimiter, dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { ModelError } from "./model-error.ts";

export interface OptimizeOptions {
  /** Where tools are looked for, and what they are started with. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** `false` builds for the processor alone. */
  readonly gpu: "auto" | "cuda" | "vulkan" | "metal" | false;
  /** The folder of node-llama-cpp; the installed one when undefined. */
  readonly packageFolder?: string;
  /** Nothing is missing, and minutes of compiling begin. */
  readonly onStart?: () => void;
  /** The share of the build that is done, up to 1. */
  readonly onProgress?: (share: number) => void;
}

/**
 * Compiles llama.cpp for this very machine from the source that node-llama-cpp carries, unless that was done
 * before. From then on every start takes that build. Throws a `ModelError` that says what is missing.
 */
export async function optimizeRuntime(options: OptimizeOptions): Promise<"built" | "already built"> {
  const folder = options.packageFolder ?? installedPackage();
  if (globSync("llama/localBuilds/*/buildDone.status", { cwd: folder }).length > 0) return "already built";
  ensureTools(options.env);
  ensureWritable(folder);
  options.onStart?.();
  await build(folder, options);
  return "built";
}

function installedPackage(): string {
  try {
    return dirname(dirname(createRequire(import.meta.url).resolve("node-llama-cpp")));
  } catch (cause) {
    throw new ModelError("RUNTIME_MISSING", "The package node-llama-cpp is not installed.", {
      hint: "Install it with: npm install node-llama-cpp",
      cause,
    });
  }
}

/** Each row is one tool by the names it goes by; on Windows the compiler is found in other ways. */
const TOOLS: readonly (readonly [string, readonly string[]])[] = [
  ["git", ["git"]],
  ["npm", ["npm"]],
  ["cmake", ["cmake"]],
  ["make", ["make", "ninja"]],
  ["C++ compiler", ["c++", "g++", "clang++"]],
];

function ensureTools(env: OptimizeOptions["env"]): void {
  const windows = process.platform === "win32";
  const folders = (env.PATH ?? env.Path ?? "").split(delimiter).filter((folder) => folder !== "");
  const has = (name: string) =>
    folders.some((folder) =>
      (windows ? [".exe", ".cmd"] : [""]).some((ending) => existsSync(join(folder, name + ending))),
    );
  const tools = windows ? TOOLS.slice(0, 3) : TOOLS;
  const missing = tools.filter(([, names]) => !names.some(has)).map(([tool]) => tool);
  if (missing.length === 0) return;
  throw new ModelError(
    "RUNTIME_MISSING",
    `llama.cpp cannot be compiled here: PATH has no ${missing.join(", no ")}.`,
    {
      hint: "Install what is missing (on Debian: apt-get install git cmake make g++), or serve without --optimize: the prebuilt libraries work as well, only slower.",
    },
  );
}

function ensureWritable(folder: string): void {
  try {
    accessSync(join(folder, "llama"), constants.W_OK);
  } catch (cause) {
    throw new ModelError("RUNTIME_MISSING", `llama.cpp cannot be compiled: ${folder} cannot be written to.`, {
      hint: "Run it once as the user who owns the folder, or serve without --optimize.",
      cause,
    });
  }
}

async function build(folder: string, { env, gpu, onProgress }: OptimizeOptions): Promise<void> {
  const nodeDir = nodeHeaders();
  const child = spawn(
    process.execPath,
    [
      ...[join(folder, "dist/cli/cli.js"), "source", "download", "--noUsageExample"],
      ...["--gpu", gpu === false ? "false" : gpu],
    ],
    {
      stdio: ["ignore", "pipe", "pipe"],
      env: {
        ...env,
        // Without it the headers of this Node are fetched from the network.
        ...(nodeDir !== undefined && { npm_config_nodedir: env.npm_config_nodedir ?? nodeDir }),
      },
    },
  );
  const last: string[] = [];
  const read = (line: string) => {
    const share = buildShare(line);
    if (share !== undefined) onProgress?.(share);
    else if (line.trim() !== "" && last.push(line) > LINES_KEPT) last.shift();
  };
  createInterface({ input: child.stdout }).on("line", read);
  createInterface({ input: child.stderr }).on("line", read);
  const code = await new Promise<number | string | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve(code ?? signal));
  });
  if (code === 0) return;
  throw new ModelError("RUNTIME_MISSING", `llama.cpp could not be compiled: its build ended with ${code}.`, {
    hint: `The end of what it said:\n${last.join("\n")}`,
  });
}

/** Of a line of Ninja ("[3/153] …") or Make ("[ 12%] …"). */
export function buildShare(line: string): number | undefined {
  const [, done, total] = /^\[ *(\d+)(?:%|\/(\d+))\]/.exec(line) ?? [];
  return done === undefined ? undefined : Math.min(1, Number(done) / Number(total ?? 100));
}

const LINES_KEPT = 20;

/** Where Node was installed from an archive or a package its headers lie near it. */
function nodeHeaders(): string | undefined {
  const bin = dirname(process.execPath);
  const own = `node-${process.platform}-${process.arch}`;
  return [join(bin, ".."), join(bin, "../node_modules", own), join(bin, "../..", own)].find((folder) =>
    existsSync(join(folder, "include/node/node_api.h")),
  );
}
