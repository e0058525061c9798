import { spawnSync } from "node:child_process";
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { optimizeRuntime } from "../../server/inference/optimize-runtime.ts";

/** Where llama.cpp is built: outside of this repository, and kept for the next time. */
export const BENCH_DIR = process.env.BENCH_DIR ?? join(tmpdir(), "goodput-bench-llama");

/** How node-llama-cpp's own build and llama-server's are made: for any machine, or for this one. */
export type Build = "prebuilt" | "native";

const PACKAGE = dirname(dirname(createRequire(import.meta.url).resolve("node-llama-cpp")));
const PREBUILT = join(PACKAGE, `../@node-llama-cpp/linux-x64/bins/linux-x64`);
const NATIVE_PACKAGE = join(BENCH_DIR, "native/node_modules/node-llama-cpp");

/** llama-server of the release that node-llama-cpp carries; builds it the first time, which takes minutes. */
export function llamaServer(build: Build): string {
  const native = nativeServer();
  return build === "native" ? join(native, "llama-server") : prebuiltServer(native);
}

/** The folder of node-llama-cpp as `--optimize` builds it, of which a copy is made; undefined is the installed one. */
export async function llamaPackage(build: Build): Promise<string | undefined> {
  if (build === "prebuilt") return undefined;
  if (!existsSync(NATIVE_PACKAGE)) {
    cpSync(PACKAGE, `${NATIVE_PACKAGE}.new`, { recursive: true });
    renameSync(`${NATIVE_PACKAGE}.new`, NATIVE_PACKAGE);
    // What the package depends on is found one folder further up.
    symlinkSync(dirname(PACKAGE), join(BENCH_DIR, "node_modules"));
  }
  const onProgress = (share: number) =>
    process.stderr.write(`\rnode-llama-cpp: ${Math.floor(share * 100)} %`);
  await optimizeRuntime({ env: process.env, gpu: false, packageFolder: NATIVE_PACKAGE, onProgress });
  return NATIVE_PACKAGE;
}

/** With the options that llama.cpp has by itself: kernels for this processor, and OpenMP. */
function nativeServer(): string {
  const bin = join(BENCH_DIR, "server-build/bin");
  if (existsSync(join(bin, "llama-server"))) return bin;
  mkdirSync(BENCH_DIR, { recursive: true });
  const source = join(BENCH_DIR, "source");
  if (!existsSync(source)) run(["git", "clone", "-q", join(PACKAGE, "llama/gitRelease.bundle"), source]);
  const options = Object.entries({
    CMAKE_BUILD_TYPE: "Release",
    GGML_NATIVE: "ON",
    LLAMA_BUILD_TESTS: "OFF",
    LLAMA_BUILD_EXAMPLES: "OFF",
    LLAMA_BUILD_APP: "OFF",
    LLAMA_OPENSSL: "OFF",
    // Its page would be fetched.
    LLAMA_BUILD_UI: "OFF",
    LLAMA_USE_PREBUILT_UI: "OFF",
  }).map(([name, value]) => `-D${name}=${value}`);
  run(["cmake", "-S", source, "-B", dirname(bin), ...options]);
  run(["cmake", "--build", dirname(bin), "--target", "llama-server", `-j${availableParallelism()}`]);
  return bin;
}

/**
 * The same program over the very libraries that node-llama-cpp loads: a folder in which those libraries go by
 * the names that llama-server asks for. They find their kernels next to the program.
 */
function prebuiltServer(native: string): string {
  const folder = join(BENCH_DIR, "server-prebuilt");
  const program = join(folder, "llama-server");
  if (existsSync(program)) return program;
  const unfinished = `${folder}.new`;
  rmSync(unfinished, { recursive: true, force: true });
  mkdirSync(unfinished, { recursive: true });
  const installed = readdirSync(PREBUILT).filter((file) => file.endsWith(".so"));
  for (const file of installed) cpSync(join(PREBUILT, file), join(unfinished, file));
  for (const file of readdirSync(native)) {
    const [, library] = /^(lib.+)\.so(?:\.\d+)*$/.exec(file) ?? [];
    const same = installed.find((name) => name.replace(/(\.v[\d.]+)?\.so$/, "") === library);
    if (file === same) continue;
    if (same !== undefined) symlinkSync(same, join(unfinished, file));
    else if (library !== "libggml-cpu") copyFileSync(join(native, file), join(unfinished, file));
  }
  renameSync(unfinished, folder);
  return program;
}

function run([program, ...args]: readonly string[]): void {
  console.error(`> ${program} ${args.join(" ")}`);
  // Standard output is the table's.
  const { status, error } = spawnSync("nice", ["-n", "10", program!, ...args], {
    stdio: ["ignore", process.stderr, process.stderr],
  });
  if (status !== 0) throw new Error(`${program} ended with ${status ?? error?.message}`);
}
