import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { ModelError } from "../../../server/inference/model-error.ts";
import { buildShare, optimizeRuntime } from "../../../server/inference/optimize-runtime.ts";

const folder = mkdtempSync(join(tmpdir(), "goodput-optimize-"));
after(() => rmSync(folder, { recursive: true }));

/** A PATH with programs of these names, none of which does anything. */
function pathWith(...names: readonly string[]): string {
  const bin = mkdtempSync(join(folder, "bin-"));
  for (const name of names) {
    writeFileSync(join(bin, name), "#!/bin/sh\n");
    chmodSync(join(bin, name), 0o755);
  }
  return bin;
}

/** A package whose build is this program. */
function packageWith(cli: string): string {
  const packageFolder = mkdtempSync(join(folder, "package-"));
  mkdirSync(join(packageFolder, "llama"));
  mkdirSync(join(packageFolder, "dist/cli"), { recursive: true });
  writeFileSync(join(packageFolder, "package.json"), '{"type":"module"}');
  writeFileSync(join(packageFolder, "dist/cli/cli.js"), cli);
  return packageFolder;
}

const ALL = ["git", "npm", "cmake", "ninja", "clang++"];

for (const [tools, missing] of [
  [[], "no git, no npm, no cmake, no make, no C++ compiler"],
  [["git", "npm", "cmake", "make"], "no C++ compiler"],
  [["git", "npm", "ninja", "g++"], "no cmake"],
] as const) {
  test(`with ${tools.join(", ") || "nothing"} in PATH nothing is compiled, and what is missing is named`, async () => {
    const packageFolder = packageWith("throw new Error('was started');");
    await assert.rejects(
      optimizeRuntime({ env: { PATH: pathWith(...tools) }, gpu: false, packageFolder }),
      (error: ModelError) => {
        assert.ok(error instanceof ModelError);
        assert.equal(error.message, `llama.cpp cannot be compiled here: PATH has ${missing}.`);
        assert.match(error.hint!, /apt-get install git cmake make g\+\+.*without --optimize/);
        return true;
      },
    );
  });
}

test("a build tells how far it is, and knows for which hardware it is", async () => {
  const packageFolder = packageWith(
    "import { writeFileSync } from 'node:fs';" +
      "console.log('[1/4] Building'); console.error('[ 50%] Building'); console.log('[4/4] Linking');" +
      `writeFileSync(${JSON.stringify(join(folder, "args"))}, process.argv.slice(2).join(" "));`,
  );
  const shares: number[] = [];
  const onProgress = (share: number) => shares.push(share);
  const env = { PATH: pathWith(...ALL) };
  assert.equal(await optimizeRuntime({ env, gpu: false, packageFolder, onProgress }), "built");
  assert.deepEqual(shares.toSorted(), [0.25, 0.5, 1]);
  assert.equal(readFileSync(join(folder, "args"), "utf8"), "source download --noUsageExample --gpu false");
});

test("a build that fails ends with the last that it said", async () => {
  const packageFolder = packageWith(
    "console.log('[1/4] Building'); console.error('fatal error: math.h: No such file'); process.exitCode = 3;",
  );
  await assert.rejects(
    optimizeRuntime({ env: { PATH: pathWith(...ALL) }, gpu: false, packageFolder }),
    (error: ModelError) => {
      assert.equal(error.message, "llama.cpp could not be compiled: its build ended with 3.");
      assert.equal(error.hint, "The end of what it said:\nfatal error: math.h: No such file");
      return true;
    },
  );
});

test("what was compiled before is not compiled again, and needs no compiler", async () => {
  const packageFolder = packageWith("throw new Error('was started');");
  mkdirSync(join(packageFolder, "llama/localBuilds/linux-x64"), { recursive: true });
  writeFileSync(join(packageFolder, "llama/localBuilds/linux-x64/buildDone.status"), "");
  assert.equal(await optimizeRuntime({ env: { PATH: "" }, gpu: false, packageFolder }), "already built");
});

for (const [line, share] of [
  ["[3/12] Building CXX object", 0.25],
  ["[ 12%] Building CXX object", 0.12],
  ["[100%] Built target", 1],
  ["-- Build files have been written to: /x [3/12]", undefined],
] as const) {
  test(`${JSON.stringify(line)} means ${share ?? "nothing"}`, () => assert.equal(buildShare(line), share));
}

test("goodput serve --optimize without a compiler says so and serves nothing", async () => {
  // Only Node itself is there.
  const bin = pathWith();
  symlinkSync(process.execPath, join(bin, "node"));
  const { code, stdout, stderr } = await new Promise<{ code: number; stdout: string; stderr: string }>(
    (resolve) => {
      execFile(
        process.execPath,
        ["src/cli/bin.ts", "serve", "--optimize", "--port", "0"],
        { env: { ...process.env, PATH: bin } },
        (error, stdout, stderr) => resolve({ code: Number(error?.code ?? 0), stdout, stderr }),
      );
    },
  );
  assert.equal(code, 2);
  assert.equal(stdout, "");
  assert.match(stderr, /^llama\.cpp cannot be compiled here: PATH has no git, no npm/);
});
