import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { type BuiltAction, buildAction } from "../../scripts/build-action.ts";
import { DIST, runAction } from "../support/fake-runner.ts";

let folder: string;
let built: BuiltAction;
let code: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "goodput-build-"));
  built = await buildAction(folder);
  code = await readFile(join(DIST, "main.js"), "utf8");
});
after(() => rm(folder, { recursive: true, force: true }));

test("the committed bundle is what the sources build to, byte for byte", async () => {
  for (const file of ["index.js", "main.js", "LICENSES.txt"]) {
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
  assert.deepEqual(
    built.packages.filter((folder) => folder.endsWith("/undici")),
    ["node_modules/undici"],
  );
});

test("no package is in the bundle twice", () => {
  assert.equal(new Set(built.packages.map(nameOf)).size, built.packages.length, built.packages.join("\n"));
});

test("LICENSES.txt has the licence of every bundled package, and of no other", async () => {
  const parts = (await readFile(join(DIST, "LICENSES.txt"), "utf8")).split(/^-{80}\n\n/m);
  const listed = parts.map((part) => /^(\S+) \d+\.\d+\.\d+\S*\n\S/.exec(part)?.[1]);
  assert.deepEqual(listed, built.packages.map(nameOf));
  assert.ok(listed.includes("undici") && listed.includes("@actions/core"), listed.join());
  for (const part of parts) {
    assert.match(part, /permission|permitted|redistribution/i, `the text is missing: ${part.slice(0, 60)}`);
  }
});

test("it starts and ends with nothing but itself in the folder", async () => {
  const run = await runAction({ inputs: {}, event: {} });
  assert.equal(run.outputs.conclusion, "config", run.log);
});

test("no path of the machine that built it is in the bundle", () => {
  assert.ok(!code.includes(join(DIST, "..")));
  assert.doesNotMatch(code, /^\s*\/\/(?:#region)? (?:\.\.|[A-Z]:)?\/\S+\.[jt]s$/m);
});

function nameOf(folder: string): string {
  return folder.slice("node_modules/".length);
}
