import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { type ScriptedServer, startScriptedServer } from "../../../src/scripted-server.ts";
import { send, until } from "../../support/server.ts";

/**
 * A server, and the processes of its runs, in which every way to another machine is closed and noted before
 * anything leaves this one: connections to other addresses than this machine's, and questions for names.
 */
const folder = mkdtempSync(join(tmpdir(), "goodput-offline-"));
const notes = join(folder, "notes");
const GUARD = `
import { appendFileSync } from "node:fs";
import dns from "node:dns";
import net from "node:net";
import { syncBuiltinESMExports } from "node:module";
const closed = (what) => {
  appendFileSync(${JSON.stringify(notes)}, process.pid + " " + what + "\\n");
  return Object.assign(new Error("no way out: " + what), { code: "ENETUNREACH" });
};
const own = (host) => host === undefined || /^(127\\.|localhost$|::1$|::ffff:127\\.)/.test(host);
const { connect } = net.Socket.prototype;
net.Socket.prototype.connect = function (...given) {
  const [options] = given.flat();
  const host = typeof options === "object" ? options?.host : given.flat()[1];
  if (!own(host)) {
    process.nextTick(() => this.destroy(closed(String(host))));
    return this;
  }
  return connect.apply(this, given);
};
const { lookup } = dns;
dns.lookup = (name, options, done = options) => own(name) ? lookup(name, options, done) : done(closed(name));
dns.promises.lookup = ((real) => async (name, options) => {
  if (!own(name)) throw closed(name);
  return real(name, options);
})(dns.promises.lookup);
syncBuiltinESMExports();
`;

let server: ChildProcess;
let url: string;
let target: ScriptedServer;
before(async () => {
  const guard = join(folder, "guard.mjs");
  writeFileSync(guard, GUARD);
  writeFileSync(notes, "");
  target = await startScriptedServer({ ttftMs: 1 });
  const main = fileURLToPath(new URL("../../../server/main.ts", import.meta.url));
  server = spawn(process.execPath, [main], {
    cwd: folder,
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      HOST: "127.0.0.1",
      PORT: "0",
      GPU: "off",
      QUIET: "1",
      NODE_OPTIONS: `--import=${pathToFileURL(guard)}`,
    },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = await once(server.stdout!, "data");
  url = /http:\/\/\S+/.exec(String(line))![0];
});
after(async () => {
  const closed = once(server, "close");
  server.kill("SIGTERM");
  await closed;
  await target.close();
  rmSync(folder, { recursive: true, force: true });
});

test("[A-293] model, runs, exports, reports, recommendations and pages work where no other machine can be reached", async () => {
  await until(
    () => send(`${url}/health/ready`),
    ({ status }) => status === 200,
    60_000,
  );
  const base = `${url}/api/v1/benchmark`;
  const answers = [
    await send(`${url}/inference`, { body: { prompt: "Hello", max_tokens: 4 } }),
    await send(`${url}/docs`),
    await send(`${url}/redoc`),
    await send(`${url}/`, { headers: { accept: "text/html" } }),
    await send(`${url}/api/v1/benchmarks/run`, {
      body: { user: 1, spawnrate: 10, duration: 1, url: target.url },
    }),
  ];
  const body = { server_url: target.url, model: "m", num_prompts: 4, warmup: 0, output_len: 4 };
  const run = await send(`${base}/run`, { body: { ...body, validation_config: { enabled: true } } });
  const { json: result } = await ended(`${base}/result/${run.json.run_id}`);
  assert.equal(result.status, "completed", JSON.stringify(result.error));
  for (const what of ["export", "export?format=xlsx", "analysis"]) {
    answers.push(await send(`${base}/result/${run.json.run_id}/${what}`));
  }
  const recommend = await send(`${base}/recommend`, {
    body: {
      server_url: target.url,
      model: "m",
      workload: { peak_concurrency: 4, avg_input_tokens: 8, avg_output_tokens: 4 },
      test_config: { concurrency_steps: [1], num_requests_per_step: 4 },
    },
  });
  const { json: capacity } = await ended(`${base}/recommend/${recommend.json.run_id}/result`);
  assert.equal(capacity.status, "completed", JSON.stringify(capacity.error));
  for (const { status, text } of answers) assert.equal(status, 200, text.slice(0, 500));
  assert.equal(readFileSync(notes, "utf8"), "", "nobody else was asked for anything");
});

test("the guard notes who is asked, here and in the processes of runs", async () => {
  const elsewhere = await send(`${url}/api/v1/benchmarks/run`, {
    body: { user: 1, duration: 1, url: "http://192.0.2.1:9" },
  });
  assert.deepEqual([elsewhere.status, elsewhere.json.error.code], [400, "URL_VALIDATION_ERROR"]);
  assert.ok(asked().includes(`${server.pid} 192.0.2.1`), asked().join());
  const named = await send(`${url}/api/v1/benchmark/run`, {
    body: { server_url: "http://nowhere.invalid", model: "m", num_prompts: 1, warmup: 0 },
  });
  const { json } = await ended(`${url}/api/v1/benchmark/result/${named.json.run_id}`);
  assert.equal(json.status, "failed");
  const processes = asked().filter((note) => note.endsWith(" nowhere.invalid"));
  assert.ok(new Set(processes).size >= 2, `${server.pid} and a run's: ${processes.join()}`);
});

const asked = () => readFileSync(notes, "utf8").trim().split("\n");

const ended = (at: string) =>
  until(
    () => send(at),
    ({ status }) => status !== 202,
    60_000,
  );
