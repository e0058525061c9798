import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { startScriptedServer } from "../../src/scripted-server.ts";

const exec = promisify(execFile);

test("the packed package installs elsewhere, without node-llama-cpp, and measures", async () => {
  const folder = await mkdtemp(join(tmpdir(), "goodput-package-"));
  const npm = (args: readonly string[], cwd: string) => exec("npm", [...args], { cwd, timeout: 120_000 });
  const { stdout } = await npm(["pack", "--json", "--pack-destination", folder], process.cwd());
  const [{ filename }] = JSON.parse(stdout.slice(stdout.indexOf("[")));
  await npm(["init", "-y"], folder);
  await npm(["install", join(folder, filename)], folder);
  assert.ok(
    !existsSync(join(folder, "node_modules/node-llama-cpp")),
    "large, and of no use to generate load",
  );

  const bin = join(folder, "node_modules/.bin/goodput");
  const server = await startScriptedServer({ ttftMs: 5 });
  const run = await exec(
    process.execPath,
    [bin, "run", "--url", server.url, "--requests", "60", "--slo", "ttft_p95 < 1s"],
    {
      cwd: folder,
    },
  );
  await server.close();
  assert.match(run.stdout, /^✓ MET/);
  assert.ok(existsSync(join(folder, "goodput-report/report.html")));

  const served = exec(process.execPath, [bin, "serve", "--port", "0"], { cwd: folder });
  await assert.rejects(served, ({ code, stderr }) => {
    assert.equal(code, 2);
    assert.match(
      stderr,
      /node-llama-cpp, which runs the model, is not installed\.\n.*npm install node-llama-cpp/,
    );
    return true;
  });
});
