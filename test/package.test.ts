import assert from "node:assert/strict";
import { execFile, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { after, test } from "node:test";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import * as source from "../src/index.ts";
import { startScriptedServer } from "../src/scripted-server.ts";

const run = promisify(execFile);
/** Below node_modules, as npm would have put it. */
const installed = mkdtempSync(resolve("node_modules/.goodput-package-"));
const work = join(installed, "work");
mkdirSync(work);
writeFileSync(join(installed, "package.json"), '{"type":"module"}');
execFileSync(process.execPath, ["scripts/build-package.ts", "--out", join(installed, "build")]);
const program = join(installed, "build/goodput.js");
after(() => rmSync(installed, { recursive: true }));

test("the package gives what the sources give", async () => {
  const packed = await import(pathToFileURL(join(installed, "build/index.js")).href);
  assert.deepEqual(Object.keys(packed), Object.keys(source));
});

test("it imports nothing but what it names as its dependencies, and has the licences of the rest", () => {
  const { dependencies, peerDependencies } = JSON.parse(readFileSync("package.json", "utf8"));
  const named = [...Object.keys(dependencies), ...Object.keys(peerDependencies)];
  const imported = readdirSync(join(installed, "build"))
    .filter((name) => name.endsWith(".js"))
    .flatMap((name) => {
      const code = readFileSync(join(installed, "build", name), "utf8");
      return [...code.matchAll(/^(?:import|export) [^"'`;]*?from "([^".][^"]*)"|^import "([^".][^"]*)"/gm)];
    })
    .map(([, from, alone]) => from ?? alone!)
    .map((name) =>
      name
        .split("/")
        .slice(0, name.startsWith("@") ? 2 : 1)
        .join("/"),
    );
  const strange = imported.filter(
    (name) => !name.startsWith("node:") && !builtinModules.includes(name) && !named.includes(name),
  );
  assert.ok(imported.includes("koa"), "what is only imported is looked at");
  assert.deepEqual(strange, []);
  const licences = readFileSync(join(installed, "build/LICENSES.txt"), "utf8");
  for (const name of ["undici", "zod", "commander"]) assert.match(licences, new RegExp(`^${name} \\d`, "m"));
});

test("its command line puts load on a target from two threads", async () => {
  const target = await startScriptedServer({});
  try {
    const flags = ["--requests", "40", "--concurrency", "4", "--threads", "2", "--out", work];
    await run(process.execPath, [program, "run", "--url", target.url, ...flags]);
    const result = JSON.parse(readFileSync(join(work, "result.json"), "utf8"));
    assert.equal(result.levels[0].requests.completed, 40);
  } finally {
    await target.close();
  }
});

test("its server has the dashboard, the documentation's pages, and runs load tests in a process", async () => {
  const target = await startScriptedServer({});
  const env = { ...process.env, MODEL: "off", PORT: "0", HOST: "127.0.0.1", QUIET: "1" };
  const server = spawn(process.execPath, [program, "serve"], {
    cwd: work,
    env,
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    const [line] = (await once(createInterface({ input: server.stdout }), "line")) as [string];
    const url = line.replace("listening on ", "");
    const page = await (await fetch(url, { headers: { accept: "text/html" } })).text();
    for (const [, path] of page.matchAll(/(?:src|href)="(\/[^"]+)"/g)) {
      assert.equal((await fetch(url + path)).status, 200, path);
    }
    const docs = await (await fetch(`${url}/docs`)).text();
    const [, asset] = /src="([^"]+)"/.exec(docs)!;
    assert.equal((await fetch(new URL(asset!, url))).status, 200);
    const answer = await fetch(`${url}/api/v1/benchmark/run`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ server_url: target.url, model: "scripted", concurrency: [2], num_prompts: 4 }),
    });
    const { run_id } = (await answer.json()) as { run_id: string };
    const socket = new WebSocket(`${url.replace("http", "ws")}/ws/benchmark/${run_id}`);
    const ended = await new Promise<{ type: string }>((tell, fail) => {
      socket.onerror = () => fail(new Error("the socket broke"));
      socket.onmessage = ({ data }) => {
        const message = JSON.parse(data);
        if (["completed", "failed", "cancelled"].includes(message.type)) tell(message);
      };
    });
    socket.close();
    assert.equal(ended.type, "completed");
  } finally {
    server.kill();
    await once(server, "exit");
    await target.close();
  }
});
