import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { type BuiltAction, buildAction } from "../../scripts/build-action.ts";
import { DIST } from "../support/fake-runner.ts";

let folder: string;
let built: BuiltAction;
let code: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "goodput-build-"));
  built = await buildAction(folder);
  code = await readFile(join(DIST, "index.js"), "utf8");
});
after(() => rm(folder, { recursive: true, force: true }));

test("the committed bundle is what the sources build to, byte for byte", async () => {
  for (const file of ["index.js", "LICENSES.txt"]) {
    const [committed, rebuilt] = await Promise.all([
      readFile(join(DIST, file)),
      readFile(join(folder, file)),
    ]);
    assert.ok(committed.equals(rebuilt), `dist/${file} is out of date: npm run build:action`);
  }
});

test("the bundle is at most 1.5 MB", () => {
  assert.ok(built.totalBytes <= 1_500_000, `${built.totalBytes} bytes`);
});

test("there is exactly one undici in the bundle", () => {
  assert.equal(code.match(/^\s*\/\/(?:#region)? \S*undici\/lib\/dispatcher\/client\.js$/gm)?.length, 1);
  assert.doesNotMatch(code, /node_modules\/\S+\/node_modules\/undici/);
});

test("the licence of every bundled package is there", async () => {
  const licenses = await readFile(join(DIST, "LICENSES.txt"), "utf8");
  const packages = [...built.sizes.keys()].filter((name) => name !== "goodput");
  assert.ok(packages.includes("undici") && packages.includes("@actions/core"), packages.join());
  for (const name of packages) assert.match(licenses, new RegExp(`^${name} \\d+\\.\\d+\\.\\d+`, "m"));
});

test("no path of the machine that built it is in the bundle", () => {
  assert.ok(!code.includes(join(DIST, "..")));
  assert.doesNotMatch(code, /^\s*\/\/(?:#region)? (?:\.\.|[A-Z]:)?\/\S+\.[jt]s$/m);
});
