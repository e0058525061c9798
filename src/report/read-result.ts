import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { GoodputError } from "../errors.ts";
import { RESULT_SCHEMA, type Result } from "../result.ts";
import { plainLine } from "./escape.ts";
import { IMPORTED_TITLES, importResult } from "./import/import-result.ts";
import { resultShape } from "./result-shape.ts";

/** A result of a thousand levels is a few megabytes; what is larger was not written by this program. */
export const LARGEST_RESULT_BYTES = 64 * 1024 * 1024;

/**
 * Reads a `result.json`, that of a folder which holds one, or what another tool wrote of its run, told apart
 * by what is in them. The file may come from anywhere: every field is checked before anything is made of it.
 * @throws GoodputError RESULT_UNREADABLE, naming the file and what is wrong with it.
 */
export async function readResult(path: string): Promise<Result> {
  const { file, text } = await readText(path);
  let json: unknown;
  let broken: Error | undefined;
  try {
    json = JSON.parse(text);
  } catch (error) {
    broken = error as Error;
  }
  // Only this program names a schema of its own. Others write a document a line, or a bare NaN.
  const imported = schemaOf(json) === undefined ? importedFrom(text, file) : undefined;
  if (imported !== undefined) return imported;
  if (broken !== undefined) throw unreadable(file, `is not JSON: ${plainLine(broken.message, 200)}`, HINT);
  return checkedResult(json, file);
}

/** What was parsed, if it has a result's shape; fields this version does not know stay as they are. */
export function checkedResult(json: unknown, file: string): Result {
  const schema = schemaOf(json);
  if (schema !== RESULT_SCHEMA) {
    const found = typeof schema === "string" ? `has the schema ${plainLine(schema, 80)}` : "names no schema";
    throw unreadable(file, `is no result this program can read: it ${found}, not ${RESULT_SCHEMA}.`, HINT);
  }
  const checked = resultShape.safeParse(json);
  if (checked.success) return json as Result;
  const { issues } = checked.error;
  const shown = issues.slice(0, MOST_SHOWN).map(({ path, message }) => `${pathText(path)}: ${message}`);
  const more = issues.length > MOST_SHOWN ? `; and ${issues.length - MOST_SHOWN} more` : "";
  throw unreadable(file, `is damaged: ${plainLine(shown.join("; "), 500)}${more}.`, HINT);
}

const HINT = `Give the result.json that goodput run wrote, the folder that holds it, or the result as JSON of ${IMPORTED_TITLES.join(", ")}.`;
const MOST_SHOWN = 3;

function schemaOf(json: unknown): unknown {
  return typeof json === "object" && json !== null && "schema" in json ? json.schema : undefined;
}

function importedFrom(text: string, file: string): Result | undefined {
  try {
    return importResult(text)?.result;
  } catch (error) {
    if (!(error instanceof GoodputError)) throw error;
    throw unreadable(file, `holds nothing to read: ${error.message}`, error.hint ?? HINT);
  }
}

function unreadable(file: string, what: string, hint: string): GoodputError {
  return new GoodputError("RESULT_UNREADABLE", `${file} ${what}`, { hint });
}

async function readText(path: string): Promise<{ file: string; text: string }> {
  try {
    return { file: path, text: await readBounded(path) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EISDIR") throw asUnreadable(error, path);
  }
  const file = join(path, "result.json");
  try {
    return { file, text: await readBounded(file) };
  } catch (error) {
    throw asUnreadable(error, file);
  }
}

async function readBounded(file: string): Promise<string> {
  // Without O_NONBLOCK a named pipe would be waited for.
  const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stat = await handle.stat();
    if (stat.isDirectory()) throw Object.assign(new Error("is a folder"), { code: "EISDIR" });
    if (!stat.isFile()) throw unreadable(file, "is no file.", HINT);
    if (stat.size > LARGEST_RESULT_BYTES) {
      throw unreadable(file, `is larger than ${LARGEST_RESULT_BYTES / 1024 / 1024} MiB.`, HINT);
    }
    return await handle.readFile("utf8");
  } finally {
    await handle.close();
  }
}

function asUnreadable(error: unknown, file: string): GoodputError {
  if (error instanceof GoodputError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === "ENOENT" || code === "ENOTDIR") return unreadable(file, "does not exist.", HINT);
  if (code === "EISDIR") return unreadable(file, "is a folder.", HINT);
  return unreadable(file, `cannot be read: ${plainLine(message, 200)}`, HINT);
}

function pathText(path: readonly PropertyKey[]): string {
  return path
    .map((key, i) => (typeof key === "number" ? `[${key}]` : `${i > 0 ? "." : ""}${String(key)}`))
    .join("");
}
