import { randomUUID } from "node:crypto";
import { mkdir, open, readFile, rename, rm, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { builtinModelFile } from "../builtin-model.ts";
import type { GgufFile } from "../gguf-writer.ts";
import { ModelError } from "../model-error.ts";
import { type BuiltinModelId, MODEL_SHAPES } from "./model-shapes.ts";

/** The path of a built-in model's file, which is written into the first of the folders that takes it. */
export async function writeBuiltinModel(
  seed: number,
  id: BuiltinModelId,
  directories: readonly string[] = cacheDirectories(),
): Promise<string> {
  const model = builtinModelFile(seed, id);
  let failure: unknown;
  for (const directory of directories) {
    const path = join(directory, `${MODEL_SHAPES[id].name}-${seed}.gguf`);
    if (await isIntact(path, model)) return path;
    try {
      await mkdir(directory, { recursive: true });
      await writeWhole(path, model);
      return path;
    } catch (error) {
      failure = error;
    }
  }
  throw new ModelError(
    "MODEL_NOT_FOUND",
    `The built-in model cannot be written: ${(failure as Error).message}.`,
    { hint: "Set XDG_CACHE_HOME to a folder that can be written to.", cause: failure },
  );
}

/**
 * Making the bytes of a tiny model takes a fraction of a second, so they are always made and compared:
 * a damaged or outdated file of it can never be loaded. Above this size the header and the length must do.
 */
const MOST_COMPARED_BYTES = 16 * 2 ** 20;

async function isIntact(path: string, model: GgufFile): Promise<boolean> {
  try {
    if (model.sizeBytes <= MOST_COMPARED_BYTES) {
      return (await readFile(path)).equals(Buffer.concat([...model.pieces()]));
    }
    const file = await open(path);
    try {
      const { size } = await file.stat();
      const { buffer } = await file.read(Buffer.alloc(model.header.length), 0, model.header.length, 0);
      return size === model.sizeBytes && buffer.equals(model.header);
    } finally {
      await file.close();
    }
  } catch {
    // Not there yet, or not readable: it is written anew.
    return false;
  }
}

/** The rename makes the file appear whole or not at all. */
async function writeWhole(path: string, model: GgufFile): Promise<void> {
  const temporary = `${path}.${randomUUID()}`;
  try {
    await writeFile(temporary, model.pieces(), { flag: "wx" });
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

function cacheDirectories(): string[] {
  const user = typeof process.getuid === "function" ? `goodput-${process.getuid()}` : "goodput";
  return [join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "goodput"), join(tmpdir(), user)];
}
