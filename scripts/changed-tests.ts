import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";

/**
 * Test files that what has changed since the last commit may make fail: those that come to a changed file by what they
 * import, start as a process or name as a path, and so on from there.
 */
export function changedTests(): string[] {
  const files = new Set(linesOf("ls-files", "--cached", "--others", "--exclude-standard").filter(existsSync));
  const changed = new Set([
    ...linesOf("diff", "--name-only", "HEAD"),
    ...linesOf("ls-files", "--others", "--exclude-standard"),
  ]);
  const reach = (file: string, seen: Set<string>): Set<string> => {
    if (seen.has(file)) return seen;
    seen.add(file);
    for (const next of namedIn(file, files)) reach(next, seen);
    return seen;
  };
  return [...files].filter(
    (file) => file.endsWith(".test.ts") && [...reach(file, new Set())].some((one) => changed.has(one)),
  );
}

const CODE = /\.(ts|js|mjs)$/;
const named = new Map<string, readonly string[]>();

/** Files whose paths stand in the text of one, from its own folder or from the root, with or without their ending. */
function namedIn(file: string, files: ReadonlySet<string>): readonly string[] {
  const known = named.get(file);
  if (known !== undefined) return known;
  const text = CODE.test(file) && !file.startsWith("dist/") ? readFileSync(file, "utf8") : "";
  const paths = [...text.matchAll(/["'`]([\w./-]+)/g)].flatMap(([, path]) => [
    normalize(join(dirname(file), path!)),
    normalize(path!),
  ]);
  const found = paths.flatMap((path) => [path, `${path}.ts`]).filter((path) => files.has(path));
  named.set(file, [...new Set(found)]);
  return named.get(file)!;
}

function linesOf(...args: string[]): string[] {
  return execFileSync("git", args, { encoding: "utf8" })
    .split("\n")
    .filter((line) => line !== "");
}
