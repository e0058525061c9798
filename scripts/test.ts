/** Runs every test, or those of the files and folders named, and closes with a line of counts. */
import { globSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "node:test";
import { spec } from "node:test/reporters";

const asked = process.argv.slice(2);
const files = (asked.length === 0 ? ["test"] : asked).flatMap((path) =>
  path.endsWith(".ts") ? [path] : globSync(`${path}/**/*.test.ts`),
);
let counts = { passed: 0, failed: 0, skipped: 0 };

// Every file is a process of its own, and all load much the same sources.
process.env.NODE_COMPILE_CACHE ??= join(tmpdir(), "goodput-compile-cache");

run({ files: files.toSorted(), concurrency: availableParallelism() })
  .on("test:summary", ({ file, counts: { tests, passed, skipped, todo } }) => {
    // Files have summaries of their own; the last one, of no file, is the whole.
    if (file === undefined)
      counts = { passed, failed: tests - passed - skipped - todo, skipped: skipped + todo };
  })
  .compose(spec)
  .on("end", () => {
    console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
    if (counts.failed > 0 || counts.passed === 0) process.exitCode = 1;
  })
  .pipe(process.stdout);
