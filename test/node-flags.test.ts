import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { beginAgain, MEASURING_FLAGS } from "../src/node-flags.ts";

const PROGRAM = join(import.meta.dirname, "support/begun-again.ts");
const SKIP = process.platform === "win32" && "no process takes another's place here";

function begun(flags: readonly string[], nodeOptions = "") {
  const env = { ...process.env, NODE_OPTIONS: nodeOptions };
  const { stdout, stderr, pid } = spawnSync(process.execPath, [...flags, PROGRAM, "a b", "--c"], {
    env,
    encoding: "utf8",
  });
  assert.equal(stderr, "");
  return { ...JSON.parse(stdout), own: pid };
}

test("a process begins again in its own place, with the flags of one that measures", { skip: SKIP }, () => {
  const { flags, said, pid, own } = begun(["--enable-source-maps"]);
  assert.deepEqual(flags, [...MEASURING_FLAGS, "--enable-source-maps"]);
  assert.deepEqual(said, ["a b", "--c"]);
  assert.equal(pid, own);
});

test("flags that somebody has said are left as they are", { skip: SKIP }, () => {
  const { flags } = begun(["--max-semi-space-size=1"], "--v8-pool-size=2");
  assert.deepEqual(flags, ["--max-semi-space-size=1"]);
  assert.deepEqual(begun(["--v8-pool-size=2"]).flags, ["--max-semi-space-size=4", "--v8-pool-size=2"]);
});

test("on Windows, which has no such call, the process goes on as it is", () => {
  const windows = Object.create(process, {
    platform: { value: "win32" },
    execArgv: { value: [] },
    execve: { value: () => assert.fail("ERR_FEATURE_UNAVAILABLE_ON_PLATFORM") },
  });
  beginAgain(windows);
});
