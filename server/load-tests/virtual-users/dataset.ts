import { realpath, stat } from "node:fs/promises";
import { relative, resolve, sep } from "node:path";
import { ApiError } from "../../http/errors.ts";

/** What the documents of the API name as the default; it is not part of this program. */
export const DEFAULT_DATASET = "mteb/banking77";

export interface Prompts {
  /** For the plan: "builtin", or a file's path. */
  readonly source: string;
  /** What was really used, for people. */
  readonly told: string;
}

/** @throws ApiError VALIDATION_ERROR when the file is none that may be read. */
export async function findPrompts(dataset: string, folder: string | undefined): Promise<Prompts> {
  if (dataset === "builtin") return { source: "builtin", told: "built-in prompts" };
  if (dataset === DEFAULT_DATASET) {
    return { source: "builtin", told: `built-in prompts (${DEFAULT_DATASET} is not downloaded)` };
  }
  if (folder === undefined) {
    throw refusal(
      `must be "builtin" or "${DEFAULT_DATASET}": files can be read only where DATASETS_DIR is set`,
    );
  }
  // Links are followed before they are judged, so that none leads out of the folder.
  const root = await realpath(folder).catch(() => resolve(folder));
  const path = await realpath(resolve(root, dataset)).catch(() => undefined);
  const below = path === undefined ? ".." : relative(root, path);
  const inside =
    below !== "" && below !== ".." && !below.startsWith(`..${sep}`) && resolve(root, below) === path;
  const isFile = inside && (await stat(path).catch(() => undefined))?.isFile() === true;
  // One answer for what is outside and what is nowhere: nobody learns which files there are.
  if (path === undefined || !isFile) throw refusal("must be a file in the folder of datasets");
  return { source: path, told: below.split(sep).join("/") };
}

function refusal(message: string): ApiError {
  return new ApiError("VALIDATION_ERROR", `dataset: ${message}`, {
    details: [{ field: "dataset", message }],
  });
}
