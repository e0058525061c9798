import { homedir } from "node:os";
import { basename, join, resolve } from "node:path";
import { writeBuiltinModel } from "./builtin/builtin-file.ts";
import { BUILTIN_MODEL_IDS, type BuiltinModelId, MODEL_SHAPES } from "./builtin/model-shapes.ts";
import { checkGguf } from "./gguf-check.ts";
import { downloadModel, reasonOf } from "./model-download.ts";
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
  /** For instance `hf:Qwen/Qwen3-0.6B-GGUF:Q8_0`; kept in the directory, or where node-llama-cpp keeps models. */
  | { readonly kind: "hub"; readonly uri: string; readonly directory?: string }
  /** A GGUF file on any web server. */
  | { readonly kind: "url"; readonly url: string; readonly directory?: string };

/**
 * What `MODEL` means: nothing, `builtin` or `builtin:` and the name of one, a URI or an address, or else a path.
 * What is downloaded is kept in the directory. Throws a `ModelError` for a built-in model that there is not.
 */
export function modelSource(text: string | undefined, directory?: string): ModelSource {
  if (text === undefined || text === "" || text === "builtin") return { kind: "builtin", seed: 1 };
  const name = /^builtin:(.*)$/is.exec(text)?.[1];
  if (name !== undefined) return { kind: "builtin", seed: 1, id: builtinModelId(name) };
  const kept = directory === undefined ? {} : { directory };
  // Models of a hub may need a token, and may come in several files.
  if (/^(hf|huggingface):|^https?:\/\/(www\.)?(hf\.co|huggingface\.co)\//i.test(text)) {
    return { kind: "hub", uri: text, ...kept };
  }
  if (/^https?:/i.test(text)) return { kind: "url", url: checkedAddress(text), ...kept };
  return { kind: "file", path: text };
}

function checkedAddress(text: string): string {
  if (URL.canParse(text)) return text;
  throw new ModelError("MODEL_NOT_FOUND", `${JSON.stringify(text)} is no address of a model.`, {
    hint: "Set MODEL to a whole address, for instance https://example.com/model.gguf.",
  });
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
  signal?: AbortSignal,
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
      const path = await download(source, onProgress, signal);
      checkGguf(path);
      return { path, name: basename(path, ".gguf"), builtIn: false, tiny: false };
    }
    case "url": {
      const path = await downloadModel(source.url, source.directory ?? modelsDirectory(), {
        onProgress,
        signal,
      });
      // A file that was there already may have been damaged since.
      checkGguf(path);
      return { path, name: basename(path, ".gguf"), builtIn: false, tiny: false };
    }
    default:
      return source satisfies never;
  }
}

async function download(
  { uri, directory }: ModelSource & { readonly kind: "hub" },
  onProgress: (doneBytes: number, totalBytes: number) => void,
  signal: AbortSignal | undefined,
): Promise<string> {
  const { resolveModelFile } = await import("node-llama-cpp");
  const token = process.env.HUGGINGFACE_TOKEN;
  try {
    return await resolveModelFile(uri, {
      cli: false,
      ...(signal === undefined ? {} : { signal }),
      ...(directory === undefined ? {} : { directory }),
      onProgress: ({ downloadedSize, totalSize }) => onProgress(downloadedSize, totalSize),
      ...(token === undefined ? {} : { tokens: { huggingFace: token } }),
    });
  } catch (cause) {
    throw new ModelError(
      "MODEL_DOWNLOAD_FAILED",
      `The model ${uri} cannot be downloaded: ${reasonOf(cause)}.`,
      {
        hint: "Check the name and the network, or download the file yourself and set MODEL to its path.",
        cause,
      },
    );
  }
}

function modelsDirectory(): string {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "goodput", "models");
}
