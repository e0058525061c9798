/** The service under test, started for the run and gone after it. */
import assert from "node:assert/strict";
import { readFile, watch } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { startScriptedServer } from "../../src/scripted-server.ts";
import { type ActionRun, runAction } from "../support/fake-runner.ts";

const KEY = "sk-live/Zm9v+YmFy=42";
const CLI = resolve(import.meta.dirname, "../../src/cli/bin.ts");
const hostile: readonly { why: string; text: string }[] = JSON.parse(
  await readFile(new URL("../fixtures/hostile-texts.json", import.meta.url), "utf8"),
);

/** Nobody listens there, and the next one to ask for a port gets another. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return port;
}

async function serve(
  command: (port: number) => string,
  more: Readonly<Record<string, string>> = {},
): Promise<ActionRun & { port: number }> {
  const port = await freePort();
  const inputs = {
    url: `http://127.0.0.1:${port}`,
    requests: "20",
    "output-tokens": "3",
    "server-command": command(port),
    "api-key": KEY,
  };
  const run = await runAction({ inputs: { ...inputs, ...more }, event: {} });
  return { ...run, port };
}

const scripted = (port: number) => `'${process.execPath}' '${CLI}' scripted --port ${port}`;

/** Once the command has written down who it is. */
const onceStarted = (signal: NodeJS.Signals) => async (workspace: string) => {
  for await (const _ of watch(workspace)) {
    if ((await readFile(join(workspace, "pid"), "utf8").catch(() => "")) !== "") break;
  }
  return signal;
};

/** Rejects while somebody listens there. */
async function assertNobody(port: number): Promise<void> {
  const server = createServer();
  await new Promise<void>((done, fail) => server.once("error", fail).listen(port, "127.0.0.1", done));
  await new Promise((done) => server.close(done));
}

test("the server is started, measured, and stopped with everything it started", async () => {
  // The shell stays between, so that a signal to it alone would leave the server behind.
  const run = await serve((port) => `echo "INPUT=$(env | grep -c '^INPUT_')"; ${scripted(port)}; echo never`);
  assert.equal(run.exitCode, 0, run.log);
  assert.equal(run.outputs.conclusion, "measured");
  assert.match(run.files["goodput-report/server.log"]!, /INPUT=0\nScripted server at/);
  await assertNobody(run.port);
});

test("a command that puts the server into the background is waited for, and the server stopped", async () => {
  const run = await serve((port) => `${scripted(port)} & exit 0`);
  assert.equal(run.exitCode, 0, run.log);
  await assertNobody(run.port);
});

test("a server that dies early ends the run with its last lines, which are data", async () => {
  const port = await freePort();
  const texts = hostile.map(({ text }) => text).join("\n");
  const noisy = await runAction({
    inputs: {
      url: `http://127.0.0.1:${port}`,
      "server-command": `cat hostile.txt; cat hostile.txt >&2; echo "the key is ${KEY}"; exit 3`,
      "api-key": KEY,
    },
    files: { "hostile.txt": texts },
    event: {},
  });
  assert.equal(noisy.exitCode, 1);
  assert.equal(noisy.outputs.conclusion, "unreachable");
  assert.match(noisy.summary, /ended with exit code 3/);
  assert.deepEqual([...new Set(noisy.commands.map(({ name }) => name))].sort(), ["add-mask", "error"]);
  assert.doesNotMatch(noisy.files["goodput-report/server.log"]!, /^\s*::|##\[|\u001b/m);
  assert.match(noisy.files["goodput-report/server.log"]!, /the key is \*\*\*/);
  assert.ok(!noisy.everything.includes(KEY));
});

test("a server that never answers is told of after the time that was given", async () => {
  const run = await serve(() => "echo still loading; exec sleep 60", { "wait-for-ready": "1s" });
  assert.equal(run.outputs.conclusion, "unreachable");
  assert.match(run.summary, /was not ready within 1 s/);
  assert.match(run.summary, /still loading/);
});

test("a server that ignores SIGTERM is ended all the same", async () => {
  const run = await serve((port) => `trap '' TERM; echo $$ > pid; (trap '' TERM; ${scripted(port)})`, {
    "wait-for-ready": "20s",
  });
  assert.equal(run.exitCode, 0, run.log);
  await assertNobody(run.port);
});

test("where somebody answers already nothing is started", async () => {
  const other = await startScriptedServer();
  const run = await runAction({ inputs: { url: other.url, "server-command": "touch started" }, event: {} });
  await other.close();
  assert.equal(run.outputs.conclusion, "config");
  assert.match(run.summary, /server-command.*cannot start a server where one answers already/);
  assert.equal(run.files.started, undefined);
});

test("SIGINT while the server starts, and more signals after it, end as cancelled with the server gone", async () => {
  const port = await freePort();
  const run = await runAction({
    inputs: { url: `http://127.0.0.1:${port}`, "server-command": "echo $$ > pid; exec sleep 600" },
    event: {},
    signalWhen: onceStarted("SIGINT"),
    signalsAfter: ["SIGINT", "SIGTERM"],
  });
  assert.equal(run.exitCode, 1);
  assert.equal(run.outputs.conclusion, "cancelled", run.log);
  assert.ok(run.tookMs < 5_000, `${run.tookMs} ms`);
  assert.throws(() => process.kill(Number(run.files.pid), 0), /ESRCH/);
});

test("what a killed step leaves running is stopped by the step after it", async () => {
  const port = await freePort();
  const run = await runAction({
    inputs: {
      url: `http://127.0.0.1:${port}`,
      // It waits a moment before it says that it is there: the Action notes whom it started right after starting it.
      "server-command": "sleep 1; echo $$ > pid; exec sleep 600",
    },
    event: {},
    signalWhen: onceStarted("SIGKILL"),
  });
  assert.equal(run.exitCode, null);
  assert.equal(run.post.exitCode, 0, run.post.log);
  // A killed process stays in the table until its parent has looked, which here is the machine's first one.
  const state = await readFile(`/proc/${Number(run.files.pid)}/stat`, "utf8").catch(() => "gone Z");
  assert.match(state, / Z/);
});
