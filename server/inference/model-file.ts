import { randomUUID } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { BUILTIN_MODEL_NAME, builtinModel } from "./builtin-model.ts";
import { checkGguf } from "./gguf-check.ts";
import { ModelError } from "./model-error.ts";

/** A model file that was checked and may be given to llama.cpp. */
export interface ModelFile {
  readonly path: string;
  /** The name clients ask for it by. */
  readonly name: string;
  readonly builtIn: boolean;
}

export type ModelSource =
  | { readonly kind: "builtin"; readonly seed: number }
  | { readonly kind: "file"; readonly path: string }
  /** For instance `hf:Qwen/Qwen3-0.6B-GGUF:Q8_0`. */
  | { readonly kind: "hub"; readonly uri: string };

/** What `MODEL` means: nothing or `builtin`, a URI, or else a path. */
export function modelSource(text: string | undefined): ModelSource {
  if (text === undefined || text === "" || text === "builtin") return { kind: "builtin", seed: 1 };
  if (/^(hf|huggingface|https?):/i.test(text)) return { kind: "hub", uri: text };
  return { kind: "file", path: text };
}

/** Finds, writes or downloads the model's file and checks it. */
export async function prepareModelFile(
  source: ModelSource,
  onProgress: (doneBytes: number, totalBytes: number) => void = () => {},
): Promise<ModelFile> {
  switch (source.kind) {
    case "builtin":
      return { path: writeBuiltinModel(source.seed), name: BUILTIN_MODEL_NAME, builtIn: true };
    case "file":
      checkGguf(source.path);
      return { path: resolve(source.path), name: basename(source.path, ".gguf"), builtIn: false };
    case "hub": {
      const path = await download(source.uri, onProgress);
      checkGguf(path);
      return { path, name: basename(path, ".gguf"), builtIn: false };
    }
    default:
      return source satisfies never;
  }
}

/**
 * Making the bytes takes a tenth of a second, so they are always made and compared with the file there is:
 * a damaged or outdated file can never be loaded.
 */
export function writeBuiltinModel(seed: number, directories: readonly string[] = cacheDirectories()): string {
  const bytes = builtinModel(seed);
  let failure: unknown;
  for (const directory of directories) {
    const path = join(directory, `${BUILTIN_MODEL_NAME}-${seed}.gguf`);
    try {
      if (readFileSync(path).equals(bytes)) return path;
    } catch {
      // Not there yet, or not readable: it is written below.
    }
    try {
      mkdirSync(directory, { recursive: true });
      writeWhole(path, bytes);
      return path;
    } catch (error) {
      failure = error;
    }
  }
  throw new ModelError(
    "MODEL_NOT_FOUND",
    `The built-in model cannot be written: ${(failure as Error).message}.`,
    {
      hint: "Set XDG_CACHE_HOME to a folder that can be written to.",
      cause: failure,
    },
  );
}

/** The rename makes the file appear whole or not at all. */
function writeWhole(path: string, bytes: Buffer): void {
  const temporary = `${path}.${randomUUID()}`;
  try {
    writeFileSync(temporary, bytes, { flag: "wx" });
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

function cacheDirectories(): string[] {
  const user = typeof process.getuid === "function" ? `goodput-${process.getuid()}` : "goodput";
  return [join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "goodput"), join(tmpdir(), user)];
}

async function download(
  uri: string,
  onProgress: (doneBytes: number, totalBytes: number) => void,
): Promise<string> {
  const { resolveModelFile } = await import("node-llama-cpp");
  const token = process.env.HUGGINGFACE_TOKEN;
  try {
    return await resolveModelFile(uri, {
      cli: false,
      onProgress: ({ downloadedSize, totalSize }) => onProgress(downloadedSize, totalSize),
      ...(token === undefined ? {} : { tokens: { huggingFace: token } }),
    });
  } catch (cause) {
    throw new ModelError(
      "MODEL_DOWNLOAD_FAILED",
      `The model ${uri} cannot be downloaded: ${rootMessage(cause)}.`,
      {
        hint: "Check the name and the network, or download the file yourself and set MODEL to its path.",
        cause,
      },
    );
  }
}

/** `fetch failed` says nothing; its innermost cause says which host and why. */
function rootMessage(error: unknown): string {
  let current = error;
  while (current instanceof Error && current.cause instanceof Error) current = current.cause;
  if (current instanceof AggregateError && current.errors.length > 0) current = current.errors[0];
  return current instanceof Error ? current.message.replace(/\.$/, "") : String(current);
}
