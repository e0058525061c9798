import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { info } from "@actions/core";
import { ConfigError, GoodputError, type Mistake, mergeRecords } from "../src/index.ts";
import { attempt } from "./attempt.ts";
import { readBaseline } from "./baseline.ts";
import type { Ending } from "./ending.ts";
import { finish } from "./finish.ts";
import type { Inputs } from "./inputs.ts";
import { safeLine } from "./secrets.ts";

/** The records of all shards → one result, exact, as though one job had measured all of it. */
export function merge(inputs: Inputs, signal: AbortSignal): Promise<Ending> {
  return attempt(signal, async () => {
    const mistakes: Mistake[] = [...inputs.mistakes];
    const found = await Promise.all(inputs.results.map((path) => recordsIn(path)));
    const paths = found.flat();
    if (paths.length === 0 && inputs.results.length > 0) {
      mistakes.push({
        field: "results",
        value: inputs.results.join("\n"),
        message: `holds no ${RECORDS}; give the output-dir of each shard, or the folder that they were downloaded to.`,
      });
    }
    if (mistakes.length > 0) throw new ConfigError(mistakes);
    for (const [i, place] of inputs.results.entries()) {
      if (found[i]!.length === 0) info(safeLine(`There are no records in ${place}.`));
    }
    await refuseLarge(paths);
    const baseline = await readBaseline(inputs.baseline);
    const merged = await mergeRecords(paths, inputs.allowMissingShards, baseline.stored).catch(damaged);
    return finish(merged, inputs, baseline);
  });
}

const RECORDS = "records.jsonl";
/** Downloaded artifacts lie in a folder each, and an output-dir may be a path. */
const DEEPEST = 4;
const MOST_FILES = 1_000;
/** All shards together: their requests' facts are held in memory, about a tenth of that. */
const LARGEST_BYTES = 8 * 1024 ** 3;

/** A file, the file of a folder, or those of the folders in it, in the order of their names. */
async function recordsIn(path: string, depth = 0): Promise<string[]> {
  const entry = await stat(path).catch(() => undefined);
  if (entry === undefined) return [];
  if (!entry.isDirectory()) return depth === 0 ? [path] : [];
  const entries = await readdir(path, { withFileTypes: true });
  // A link could lead anywhere.
  if (entries.some((one) => one.name === RECORDS && one.isFile())) return [join(path, RECORDS)];
  if (depth === DEEPEST) return [];
  const folders = entries.filter((one) => one.isDirectory()).map(({ name }) => name);
  const found: string[] = [];
  for (const name of folders.sort()) {
    found.push(...(await recordsIn(join(path, name), depth + 1)));
    if (found.length > MOST_FILES) {
      throw new GoodputError("RESULT_UNREADABLE", `${path} holds more than ${MOST_FILES} files of records.`);
    }
  }
  return found;
}

async function refuseLarge(paths: readonly string[]): Promise<void> {
  let bytes = 0;
  for (const path of paths) {
    const file = await stat(path);
    if (!file.isFile()) throw new GoodputError("RESULT_UNREADABLE", `${path} is no file.`);
    bytes += file.size;
  }
  if (bytes > LARGEST_BYTES) {
    throw new GoodputError(
      "RESULT_UNREADABLE",
      `The records are larger than ${LARGEST_BYTES / 1024 ** 3} GiB together.`,
    );
  }
}

/** Lines that are right one by one may still make no sense together. */
function damaged(thrown: unknown): never {
  if (thrown instanceof GoodputError) throw thrown;
  throw new GoodputError("RESULT_UNREADABLE", "The records are damaged: no result can be made of them.", {
    cause: thrown,
  });
}
