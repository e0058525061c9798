/** Nothing that goes wrong inside the Action ends with exit code 0. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { runAction } from "../support/fake-runner.ts";

const GUARD = new URL("../../action/guard.ts", import.meta.url).href;

/** A program that does nothing but what the row says, guarded. */
async function guarded(program: string): Promise<{ exitCode: number; outputs: string; printed: string }> {
  const folder = await mkdtemp(join(tmpdir(), "goodput-guard-"));
  try {
    const output = join(folder, "output");
    await writeFile(output, "");
    const source = `import { conclude } from ${JSON.stringify(GUARD)};\n${program}`;
    const child = spawn(process.execPath, ["--input-type=module", "--eval", source], {
      env: { PATH: process.env.PATH, GITHUB_OUTPUT: output },
      stdio: ["ignore", "pipe", "inherit"],
    });
    let printed = "";
    child.stdout.on("data", (chunk) => {
      printed += chunk;
    });
    const [exitCode] = await once(child, "close");
    return { exitCode, outputs: await readFile(output, "utf8"), printed };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

for (const [what, program] of [
  ["a promise that nobody settles", "await new Promise(() => {});"],
  ["a program that ends without a conclusion", ""],
  ["an exception", "throw new TypeError('a slip');"],
  ["a rejection that nobody handles", "Promise.reject(new Error('a slip')); await new Promise(() => {});"],
  ["an early exit with code 0", "process.exit(0);"],
  ["an exception after the conclusion", "conclude(0); setImmediate(() => { throw new Error('late'); });"],
] as const) {
  test(`${what} does not end with exit code 0`, async () => {
    const { exitCode, outputs, printed } = await guarded(program);
    assert.notEqual(exitCode, 0);
    if (!program.includes("conclude")) assert.match(outputs, /^conclusion<<(.*)\nerror\n\1$/m);
    assert.equal(printed.match(/^::error title=Goodput%3A internal error::/gm)?.length, 1, printed);
  });
}

test("a conclusion ends with its own exit code", async () => {
  assert.equal((await guarded("conclude(0);")).exitCode, 0);
  assert.equal((await guarded("conclude(1);")).exitCode, 1);
});

test("an event file that is not JSON is an internal error with a conclusion", async () => {
  const run = await runAction({ inputs: { url: "http://127.0.0.1:9" }, eventText: "{" });
  assert.equal(run.exitCode, 1);
  assert.equal(run.outputs.conclusion, "error");
  assert.equal(run.outputs.passed, "false");
});
