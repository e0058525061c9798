import { readFile } from "node:fs/promises";
import { ConfigError, type Mistake } from "../errors.ts";

/** More mistakes than these are not told: a file of the wrong kind would tell one for every line. */
const MOST_MISTAKES = 5;

/** @throws ConfigError when the file cannot be read. */
export async function readInput(path: string): Promise<Buffer> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    throw new ConfigError([{ field: path, message: unreadable(error as NodeJS.ErrnoException) }]);
  }
  // Excel and PowerShell write a byte order mark.
  const hasMark = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  return hasMark ? bytes.subarray(3) : bytes;
}

/** @throws ConfigError where it is more than one text can hold. */
export function textOf(path: string, bytes: Buffer): string {
  try {
    return bytes.toString("utf8");
  } catch {
    const message =
      "is larger than 512 MiB; take a part of it, or make it JSONL, which is read line by line.";
    throw new ConfigError([{ field: path, message }]);
  }
}

/**
 * What each place of a file holds, or all that is wrong with it at once.
 * `read` gives undefined for a place to pass over, and throws a Fault for a mistake in it.
 * @throws ConfigError naming the file, and line or item.
 */
export function readAll<P extends { readonly where: string }, T>(
  path: string,
  places: Iterable<P>,
  read: (place: P) => T | undefined,
): { readonly items: T[]; readonly skipped: number } {
  const items: T[] = [];
  const mistakes: Mistake[] = [];
  let skipped = 0;
  let more = 0;
  for (const place of places) {
    try {
      const item = read(place);
      if (item === undefined) skipped++;
      else items.push(item);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      if (mistakes.length < MOST_MISTAKES)
        mistakes.push({ field: `${path} ${place.where}`, message: error.message });
      else more++;
    }
  }
  if (more > 0) mistakes.push({ field: path, message: `has ${more} more mistakes.` });
  if (mistakes.length > 0) throw new ConfigError(mistakes);
  return { items, skipped };
}

/** A mistake in one place of a file; the message says what would be right. */
export class Fault extends Error {}

function unreadable(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case "ENOENT":
      return "there is no such file.";
    case "EISDIR":
      return "is a folder; name a file in it.";
    case "ERR_FS_FILE_TOO_LARGE":
      return "is larger than 2 GiB; take a part of it.";
    default:
      return `cannot be read: ${error.message}`;
  }
}
