/**
 * Runs every test, or those of the files and folders named, or with `--changed` those that what changed since the last
 * commit may make fail. Tells the ten files that took longest, and closes with a line of counts.
 */
import { globSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join, relative } from "node:path";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import { changedTests } from "./changed-tests.ts";

const asked = process.argv.slice(2);
const files = (asked.length === 0 ? ["test"] : asked).flatMap((path) => {
  if (path === "--changed") return changedTests();
  return path.endsWith(".ts") ? [path] : globSync(`${path}/**/*.test.ts`);
});
const SLOWEST = 10;
const took: { readonly file: string; readonly ms: number }[] = [];
let counts = { passed: 0, failed: 0, skipped: 0 };

// Every file is a process of its own, and all load much the same sources.
process.env.NODE_COMPILE_CACHE ??= join(tmpdir(), "goodput-compile-cache");

run({ files: files.toSorted(), concurrency: availableParallelism() })
  .on("test:summary", ({ file, duration_ms: ms, counts: { tests, passed, skipped, todo } }) => {
    // Files have summaries of their own; the last one, of no file, is the whole.
    if (file !== undefined) took.push({ file: relative(".", file), ms });
    else counts = { passed, failed: tests - passed - skipped - todo, skipped: skipped + todo };
  })
  .compose(spec)
  .on("end", () => {
    console.log("Slowest files:");
    for (const { file, ms } of took.toSorted((a, b) => b.ms - a.ms).slice(0, SLOWEST))
      console.log(`${(ms / 1000).toFixed(1).padStart(7)} s  ${file}`);
    console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
    if (counts.failed > 0 || counts.passed === 0) process.exitCode = 1;
  })
  .pipe(process.stdout);
