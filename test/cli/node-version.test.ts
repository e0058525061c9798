import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { OLDEST_NODE, tooOldNode } from "../../src/cli/node-version.ts";

test("package.json, its lock file and the README name the same oldest Node, and CI tests it", () => {
  const { packages } = JSON.parse(readFileSync("package-lock.json", "utf8"));
  for (const { engines } of [JSON.parse(readFileSync("package.json", "utf8")), packages[""]])
    assert.equal(engines.node, `>=${OLDEST_NODE}`);
  assert.ok(readFileSync("README.md", "utf8").includes(`With Node (${OLDEST_NODE} or later)`));
  assert.ok(readFileSync(".github/workflows/ci.yml", "utf8").includes(`node: ["${OLDEST_NODE}", `));
});

test("an older Node is told by its version, a newer one is not", () => {
  for (const old of ["18.20.8", "20.20.2", "22.9.0", "22.18.0"])
    assert.match(tooOldNode(old)!, /^goodput needs/);
  for (const version of ["22.19.0", "22.20.1", "24.0.0", process.versions.node])
    assert.equal(tooOldNode(version), undefined);
});

test("on an older Node the command line says in a sentence which one it needs", () => {
  const older = 'Object.defineProperty(process, "versions", { value: { node: "20.20.2" } })';
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [
      `--import=data:text/javascript,${encodeURIComponent(older)}`,
      join(import.meta.dirname, "../../src/cli/bin.ts"),
      "run",
    ],
    { encoding: "utf8" },
  );
  assert.equal(stderr, `goodput needs Node ${OLDEST_NODE} or later, and this is Node 20.20.2.\n`);
  assert.deepEqual([status, stdout], [2, ""]);
});
