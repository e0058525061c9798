import { basename, resolve } from "node:path";
import { writeBuiltinModel } from "./builtin/builtin-file.ts";
import { BUILTIN_MODEL_IDS, type BuiltinModelId, MODEL_SHAPES } from "./builtin/model-shapes.ts";
import { checkGguf } from "./gguf-check.ts";
import { ModelError } from "./model-error.ts";

/** A model file that was checked and may be given to llama.cpp. */
export interface ModelFile {
  readonly path: string;
  /** The name clients ask for it by. */
  readonly name: string;
  readonly builtIn: boolean;
  /** So small that one thread computes it best and no machine lacks the memory for it. */
  readonly tiny: boolean;
}

export type ModelSource =
  | { readonly kind: "builtin"; readonly seed: number; readonly id?: BuiltinModelId }
  | { readonly kind: "file"; readonly path: string }
  /** For instance `hf:Qwen/Qwen3-0.6B-GGUF:Q8_0`. */
  | { readonly kind: "hub"; readonly uri: string };

/**
 * What `MODEL` means: nothing, `builtin` or `builtin:` and the name of one, a URI, or else a path.
 * Throws a `ModelError` for a built-in model that there is not.
 */
export function modelSource(text: string | undefined): ModelSource {
  if (text === undefined || text === "" || text === "builtin") return { kind: "builtin", seed: 1 };
  const name = /^builtin:(.*)$/is.exec(text)?.[1];
  if (name !== undefined) return { kind: "builtin", seed: 1, id: builtinModelId(name) };
  if (/^(hf|huggingface|https?):/i.test(text)) return { kind: "hub", uri: text };
  return { kind: "file", path: text };
}

function builtinModelId(name: string): BuiltinModelId {
  const id = BUILTIN_MODEL_IDS.find((id) => id === name.toLowerCase());
  if (id !== undefined) return id;
  throw new ModelError("MODEL_NOT_FOUND", `There is no built-in model ${JSON.stringify(name)}.`, {
    hint: `Set MODEL to one of ${BUILTIN_MODEL_IDS.map((id) => `builtin:${id}`).join(", ")}.`,
  });
}

/** Finds, writes or downloads the model's file and checks it. */
export async function prepareModelFile(
  source: ModelSource,
  onProgress: (doneBytes: number, totalBytes: number) => void = () => {},
): Promise<ModelFile> {
  switch (source.kind) {
    case "builtin": {
      const { seed, id = "qwen3" } = source;
      const { name, tiny } = MODEL_SHAPES[id];
      return { path: await writeBuiltinModel(seed, id), name, builtIn: true, tiny };
    }
    case "file":
      checkGguf(source.path);
      return {
        path: resolve(source.path),
        name: basename(source.path, ".gguf"),
        builtIn: false,
        tiny: false,
      };
    case "hub": {
      const path = await download(source.uri, onProgress);
      checkGguf(path);
      return { path, name: basename(path, ".gguf"), builtIn: false, tiny: false };
    }
    default:
      return source satisfies never;
  }
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
