import { stat } from "node:fs/promises";
import { join } from "node:path";
import { info } from "@actions/core";
import { ConfigError, type Finding, GoodputError, type Result, readResult } from "../src/index.ts";
import { whyNotFromBase } from "./origin.ts";
import { safeLine } from "./secrets.ts";

/** What the input `baseline` leads to. */
export interface Baseline {
  /** To compare with. */
  readonly stored?: Result;
  /** One that must not be compared with, and why. */
  readonly refused?: { readonly result: Result; readonly reason: string };
  /** There is none yet: something has to be the first. */
  readonly firstRun?: boolean;
  /** What people should know of it. */
  readonly note?: Finding;
}

/**
 * A file that is not there is a first run, which has to begin somewhere; one that cannot be read is a mistake.
 * @throws ConfigError.
 */
export async function readBaseline(path: string): Promise<Baseline> {
  if (path === "") return {};
  if (!(await isThere(path))) {
    info(safeLine(`There is no baseline at ${path}: this is a first run, and nothing is compared.`));
    return { firstRun: true };
  }
  const result = await read(path);
  const reason = whyNotFromBase(result);
  if (reason !== undefined) return { refused: { result, reason } };
  return result.origin === undefined ? { stored: result, note: UNKNOWN_ORIGIN } : { stored: result };
}

async function read(path: string): Promise<Result> {
  try {
    return await readResult(path);
  } catch (thrown) {
    if (!(thrown instanceof GoodputError)) throw thrown;
    throw new ConfigError([
      {
        field: "baseline",
        value: path,
        message: `cannot be compared with: ${thrown.message} ${thrown.hint ?? ""}`,
      },
    ]);
  }
}

/** A folder without a result in it is what is left where there was nothing to download. */
async function isThere(path: string): Promise<boolean> {
  const found = await stat(path).catch(missing);
  if (found?.isDirectory()) return (await stat(join(path, "result.json")).catch(missing)) !== undefined;
  return found !== undefined;
}

/** Any other reason not to read it is told by whoever reads it. */
function missing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "ENOENT" && error.code !== "ENOTDIR") throw error;
}

const UNKNOWN_ORIGIN: Finding = {
  code: "baseline_origin_unknown",
  level: "note",
  happened: "The baseline does not say in which repository and on which branch it was measured.",
  matters: "It may come from anywhere, also from the pull request itself.",
  advice: "Take a result.json that this action wrote on the base branch.",
};
