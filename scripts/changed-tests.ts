import { namesOf, reachOf } from "./test-reach.ts";
import { gitLines, trackedFiles } from "./tracked-files.ts";

/** Test files that what has changed since the last commit may make fail: those that come to a changed file. */
export function changedTests(): string[] {
  const files = trackedFiles();
  const changed = [
    ...gitLines("diff", "--name-only", "HEAD"),
    ...gitLines("ls-files", "--others", "--exclude-standard"),
  ];
  const names = namesOf(files);
  return files.filter((file) => {
    if (!file.endsWith(".test.ts")) return false;
    const reach = reachOf(file, names);
    return changed.some((one) => reach.has(one));
  });
}
