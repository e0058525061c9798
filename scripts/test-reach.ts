import { readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";

const CODE = /\.(ts|js|mjs)$/;

/**
 * Which of `files` each of them names in its text, by a path from its own folder or from the root, with or without its
 * ending: what it imports, starts as a process or reads.
 */
export function namesOf(files: readonly string[]): (file: string) => readonly string[] {
  const known = new Set(files);
  const named = new Map<string, readonly string[]>();
  return (file) => {
    const before = named.get(file);
    if (before !== undefined) return before;
    const text = CODE.test(file) && !file.startsWith("dist/") ? readFileSync(file, "utf8") : "";
    const paths = [...text.matchAll(/["'`]([\w./-]+)/g)].flatMap(([, path]) => [
      normalize(join(dirname(file), path!)),
      normalize(path!),
    ]);
    const found = new Set(paths.flatMap((path) => [path, `${path}.ts`]).filter((path) => known.has(path)));
    named.set(file, [...found]);
    return named.get(file)!;
  };
}

/** Files that a file comes to by what it names, and so on from there, with how many steps it takes. */
export function reachOf(file: string, names: (file: string) => readonly string[]): Map<string, number> {
  const steps = new Map([[file, 0]]);
  for (const [one, step] of steps) {
    for (const next of names(one)) if (!steps.has(next)) steps.set(next, step + 1);
  }
  return steps;
}
