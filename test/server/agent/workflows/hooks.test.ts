import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import type { RequestListener } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { parseEnv } from "node:util";
import { hookEnvironment } from "../../../../server/agent/workflows/hook-environment.ts";
import type { Hook, HookInput } from "../../../../server/agent/workflows/instance-plan.ts";
import { createHookRunner, HookError } from "../../../../server/agent/workflows/run-hook.ts";
import { waitUntilReady } from "../../../../server/agent/workflows/wait-until-ready.ts";
import { ApiError } from "../../../../server/http/errors.ts";
import { createTargets } from "../../../../server/settings/targets.ts";
import { leapingClock, listening } from "../../../support/agent-api.ts";
import { FakeClock } from "../../../support/fake-clock.ts";

const cwd = realpathSync(mkdtempSync(join(tmpdir(), "goodput-hooks-")));
after(() => rmSync(cwd, { recursive: true }));

const INPUT: HookInput = {
  event: "apply",
  workflow_id: "wf-1",
  instance_id: "vllm 1; $(reboot)",
  instance_type: "vllm",
  optimizations: [
    {
      type: "KV_CACHE",
      description: "d",
      config_changes: { block_size: 16 },
      engine_args: ["--block-size=16"],
    },
  ],
  config_changes: { block_size: 16 },
  engine_args: ["--block-size=16"],
  previous_config: null,
};
const ENV = { PATH: process.env.PATH, API_KEY: "sk-of-this-server", VLLM_HOME: "/srv/vllm" };
const targets = createTargets();
const never = new AbortController().signal;

let scripts = 0;
/** A hook of some lines of JavaScript, below the folder that hooks run in. */
function script(code: string, timeoutMs = 60_000, ...args: readonly string[]): Hook {
  const file = `hook-${scripts++}.mjs`;
  writeFileSync(join(cwd, file), code);
  return { kind: "command", argv: [process.execPath, `./${file}`, ...args], timeoutMs };
}

function webhook(url: string, headers: Readonly<Record<string, string>> = {}, timeoutMs = 60_000): Hook {
  return { kind: "webhook", url, headers, timeoutMs };
}

const runner = (options: Partial<Parameters<typeof createHookRunner>[0]> = {}) =>
  createHookRunner({ targets, cwd, env: ENV, ...options });
const run = runner();

async function failureOf(answer: Promise<unknown>): Promise<HookError> {
  const error = await answer.then(
    (value) => assert.fail(`it answered ${JSON.stringify(value)}`),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof HookError, String(error));
  return error;
}

/** Turns of the loop until something is so: processes are real, and only time is not. */
async function until(holds: () => boolean): Promise<void> {
  const started = performance.now();
  while (!holds()) {
    assert.ok(performance.now() - started < 20_000, "it did not come to be");
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Moves the time on, a step at a turn, until the promise has settled. */
async function passing(clock: FakeClock, promise: Promise<unknown>): Promise<void> {
  let settled = false;
  const done = () => {
    settled = true;
  };
  promise.then(done, done);
  const started = performance.now();
  while (!settled) {
    assert.ok(performance.now() - started < 20_000, "it did not settle");
    await clock.advanceTo(clock.now() + 5e6);
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // Whoever is dead and not collected yet still has a number.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

const ECHO = `
let text = "";
for await (const piece of process.stdin) text += piece;
const { GOODPUT_EVENT, GOODPUT_WORKFLOW_ID, GOODPUT_INSTANCE_ID, VLLM_HOME, API_KEY } = process.env;
console.log(JSON.stringify({
  input: JSON.parse(text), cwd: process.cwd(), argv: process.argv.slice(2),
  env: { GOODPUT_EVENT, GOODPUT_WORKFLOW_ID, GOODPUT_INSTANCE_ID, VLLM_HOME, API_KEY },
}));`;

test("a command is told what to do as JSON, runs in the file's folder, and what it prints is the answer", async () => {
  const { text } = await run(script(ECHO, 60_000, "$HOME", "a;b"), INPUT, never);
  assert.deepEqual(JSON.parse(text), {
    input: INPUT,
    cwd,
    // No shell has read them.
    argv: ["$HOME", "a;b"],
    env: {
      GOODPUT_EVENT: "apply",
      GOODPUT_WORKFLOW_ID: "wf-1",
      GOODPUT_INSTANCE_ID: "vllm 1; $(reboot)",
      VLLM_HOME: "/srv/vllm",
    },
  });
});

test("a command finds none of the settings that are secret, and all the others", () => {
  const names = Object.keys(parseEnv(readFileSync(".env.example", "utf8")));
  const env = Object.fromEntries([...names, "PATH", "PGPASSWORD"].map((name) => [name, "set"]));
  const given = Object.keys(hookEnvironment(env, INPUT));
  const secret = [...names, "PGPASSWORD"].filter((name) => !given.includes(name));
  const looksSecret = /_KEY$|_TOKEN$|PASSWORD|USERNAME|DATABASE_URL|SECRET/;
  assert.deepEqual(
    secret.toSorted(),
    [...names.filter((name) => looksSecret.test(name)), "PGPASSWORD"].toSorted(),
  );
  assert.ok(given.includes("PATH"));
});

test("a command that reads nothing of what it is told has done its work", async () => {
  const large = { ...INPUT, config_changes: { note: "x".repeat(1_000_000) } };
  assert.equal((await run(script(`console.log("ok"); process.exit(0);`), large, never)).text, "ok\n");
});

test("a command that fails tells its exit status and its last words", async () => {
  const hook = script(`for (let n = 1; n <= 30; n++) console.error("line " + n); process.exit(3);`);
  const { message } = await failureOf(run(hook, INPUT, never));
  const lines = Array.from({ length: 20 }, (_, index) => `line ${index + 11}`);
  assert.equal(message, `The apply hook ended with exit status 3; its last words: ${lines.join(" | ")}`);
  const silent = await failureOf(run(script("process.exit(1)"), INPUT, never));
  assert.equal(silent.message, "The apply hook ended with exit status 1; it said nothing on standard error.");
  const killed = await failureOf(run(script(`process.kill(process.pid, "SIGKILL")`), INPUT, never));
  assert.match(killed.message, /^The apply hook was ended by SIGKILL;/);
});

test("a command that cannot be started says why", async () => {
  const gone = await failureOf(run({ kind: "command", argv: ["./none.sh"], timeoutMs: 1 }, INPUT, never));
  assert.match(gone.message, /^The apply hook cannot be started: "\.\/none\.sh": there is no such program/);
  writeFileSync(join(cwd, "plain.txt"), "");
  const plain = await failureOf(run({ kind: "command", argv: ["./plain.txt"], timeoutMs: 1 }, INPUT, never));
  assert.match(plain.message, /may not be executed/);
  const odd = { ...INPUT, instance_id: "a\0b" };
  assert.match((await failureOf(run(script(""), odd, never))).message, /cannot be started/);
});

test("escape sequences, orders to a log and characters that show nothing are not passed on in an error", async () => {
  const hostile = "\\u001b[2J\\u001b]0;title\\u0007::error::no\\u202e\\u0000\\u200b<b>";
  const hook = script(`process.stderr.write("${hostile}\\r\\n\\n"); process.exit(1);`);
  const { message } = await failureOf(run(hook, INPUT, never));
  assert.match(message, /its last words: : :error::no <b>$/);
  assert.doesNotMatch(message, /[\p{Cc}\p{Cf}]|(^|\s)::/u);
});

test("megabytes on both outputs are read to the end, and the first and the last of them kept", async () => {
  const chatter = `
const line = "é".repeat(499) + "\\n";
for (let n = 0; n < 4000; n++) { process.stdout.write(line); process.stderr.write(line); }
process.stderr.write("the end\\n");`;
  const { text } = await run(script(chatter), INPUT, never);
  assert.ok(Buffer.byteLength(text) <= 64 * 1024 && Buffer.byteLength(text) > 64 * 1024 - 4);
  assert.doesNotMatch(text, /\ufffd/);
  const { message } = await failureOf(run(script(`${chatter}\nprocess.exitCode = 1;`), INPUT, never));
  assert.match(message, /é… \| the end$/);
  assert.ok(message.length < 7_000);
});

test("no secret is in an answer or an error, however it is written and wherever it was cut", async () => {
  const secrets = ["tok-of-hook-123456"];
  const guarded = runner({ secrets, env: { ...ENV, DATABASE_URL: "postgres://u:p%2Fw-of-db@h/d" } });
  const all = [...secrets, "sk-of-this-server", "p/w-of-db"];
  const told = JSON.stringify([
    ...all,
    ...all.map((secret) => Buffer.from(secret).toString("base64")),
    ...all.map(encodeURIComponent),
    `sk-of-this-\u200bserver`,
  ]);
  const answer = await guarded(script(`console.log(${JSON.stringify(told)})`), INPUT, never);
  for (const secret of all) assert.ok(!answer.text.includes(secret), answer.text);
  const error = await failureOf(
    guarded(script(`console.error(${JSON.stringify(told)}); process.exit(1);`), INPUT, never),
  );
  assert.match(error.message, /\*\*\*/);
  for (const secret of all) {
    assert.ok(!error.message.includes(secret), error.message);
    assert.ok(!error.message.includes(Buffer.from(secret).toString("base64").slice(0, -4)), error.message);
  }
  // At each place that a cut can have within a secret.
  for (const shift of [0, 3, 9, 17]) {
    const secret = "sk-of-this-server";
    const long = `const s = "x".repeat(64 * 1024 - ${shift}) + ${JSON.stringify(secret)} + "y".repeat(40_000);`;
    const { text } = await run(script(`${long} process.stdout.write(s);`), INPUT, never);
    assert.doesNotMatch(text, /sk-/);
    const tail = `const s = "z".repeat(90_000) + ${JSON.stringify(secret)} + "y".repeat(32 * 1024 - ${shift});`;
    const failed = script(`${tail} process.stderr.write(s); process.exitCode = 1;`);
    assert.doesNotMatch((await failureOf(run(failed, INPUT, never))).message, /server|rver/);
  }
});

/** Starts another that hears no SIGTERM, and tells both numbers. */
const TREE = `
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
const deaf = 'process.on("SIGTERM", () => {}); setTimeout(() => {}, 120_000); console.log("up");';
const child = spawn(process.execPath, ["-e", deaf], { stdio: ["ignore", "pipe", "inherit"] });
child.stdout.once("data", () => {
  console.error("still waiting");
  writeFileSync(process.argv[2], JSON.stringify([process.pid, child.pid]));
});
setTimeout(() => {}, 120_000);`;

for (const [why, said] of [
  ["time", "The apply hook took longer than 90 s and was stopped; its last words: still waiting"],
  ["interruption", "The apply hook was interrupted; its last words: still waiting"],
] as const) {
  test(`after its ${why} a command is gone with everything that it started`, async () => {
    const clock = new FakeClock();
    const note = join(cwd, `pids-${why}`);
    const interruption = new AbortController();
    const answer = runner({ clock })(script(TREE, 90_000, note), INPUT, interruption.signal);
    const failure = failureOf(answer);
    await until(() => existsSync(note) && readFileSync(note, "utf8").endsWith("]"));
    const pids = JSON.parse(readFileSync(note, "utf8")) as number[];
    await clock.advanceTo(89e9);
    assert.deepEqual(pids.map(isAlive), [true, true]);
    if (why === "interruption") interruption.abort();
    await passing(clock, failure);
    assert.equal((await failure).message, said);
    // The clock has not given the system the time that it takes to end one.
    await until(() => !pids.some(isAlive));
  });
}

test("a command that ends well when it is asked to is not forced", async () => {
  const clock = new FakeClock();
  const note = join(cwd, "asked");
  const code = `
import { writeFileSync } from "node:fs";
process.on("SIGTERM", () => { writeFileSync(${JSON.stringify(note)}, "tidied"); process.exit(0); });
setTimeout(() => {}, 120_000);
writeFileSync(${JSON.stringify(note)}, "up");`;
  const interruption = new AbortController();
  const failure = failureOf(runner({ clock })(script(code), INPUT, interruption.signal));
  await until(() => existsSync(note) && readFileSync(note, "utf8") === "up");
  interruption.abort();
  // No time passes for the clock, so that it would wait for ever.
  await until(() => readFileSync(note, "utf8") === "tidied");
  await passing(clock, failure);
  // It may have done half of it, so that it has not done it.
  assert.match((await failure).message, /^The apply hook was interrupted;/);
});

test("what is interrupted before it begins does not begin", async () => {
  const note = join(cwd, "begun");
  const hook = script(`import { writeFileSync } from "node:fs"; writeFileSync(${JSON.stringify(note)}, "");`);
  const { message } = await failureOf(run(hook, INPUT, AbortSignal.abort()));
  assert.match(message, /interrupted before it began/);
  assert.equal(existsSync(note), false);
});

test("a command that leaves an engine running is over when it ends itself", async () => {
  const clock = new FakeClock();
  const code = `
import { spawn } from "node:child_process";
const child = spawn(process.execPath, ["-e", "setTimeout(() => {}, 120_000)"], { stdio: "inherit", detached: true });
console.log(child.pid);
child.unref();`;
  // As long as there is, since the clock may go much faster than a program starts.
  const answer = runner({ clock })(script(code, 86_400_000), INPUT, never);
  await passing(clock, answer);
  const pid = Number((await answer).text);
  assert.equal(isAlive(pid), true);
  process.kill(pid, "SIGKILL");
});

/** A webhook server that keeps what it was sent. */
async function hooked(answer: RequestListener) {
  const asked: { method?: string | undefined; url?: string | undefined; headers: object; body: string }[] =
    [];
  const server = await listening(async (request, response) => {
    let body = "";
    for await (const piece of request) body += piece;
    asked.push({ method: request.method, url: request.url, headers: request.headers, body });
    answer(request, response);
  });
  return { ...server, asked };
}

test("a webhook is posted the same JSON with its headers, and what it answers is the answer", async () => {
  await using server = await hooked((_, response) => response.end('{"block_size":8}'));
  const { text } = await run(webhook(`${server.url}/apply?x=1`, { Authorization: "Bearer t" }), INPUT, never);
  assert.equal(text, '{"block_size":8}');
  const [{ method, url, headers, body }, ...more] = server.asked as [(typeof server.asked)[0]];
  assert.deepEqual([method, url, more.length], ["POST", "/apply?x=1", 0]);
  assert.deepEqual(JSON.parse(body), INPUT);
  const { authorization, "content-type": type } = headers as Record<string, string>;
  assert.deepEqual([authorization, type], ["Bearer t", "application/json"]);
});

test("a webhook that answers otherwise than with 2xx is a failure with its status and a piece of what it said", async () => {
  await using server = await hooked((_, response) => {
    response.writeHead(503).end(`\u001b[31mno room\n::error::for sk-of-this-server ${"x".repeat(100_000)}`);
  });
  const error = await failureOf(run(webhook(`${server.url}/secret-path`), INPUT, never));
  assert.equal(error.status, 503);
  assert.match(
    error.message,
    /^The apply hook at 127\.0\.0\.1:\d+ answered with HTTP 503: no room : :error::for \*\*\* x+…$/,
  );
  assert.ok(error.message.length < 500);
  // An address can be a secret by its path.
  assert.doesNotMatch(error.message, /secret-path/);
});

test("a webhook's redirect is not followed", async () => {
  await using elsewhere = await hooked((_, response) => response.end());
  await using server = await hooked((_, response) => {
    response.writeHead(307, { location: elsewhere.url }).end();
  });
  const error = await failureOf(run(webhook(server.url), INPUT, never));
  assert.match(error.message, /HTTP 307, and redirects are not followed\.$/);
  assert.deepEqual(elsewhere.asked, []);
});

test("a webhook's answer of megabytes is cut, and a secret in the cut is not left half", async () => {
  const shift = 7;
  await using server = await hooked((_, response) => {
    response.end(`${"x".repeat(64 * 1024 - shift)}sk-of-this-server${"y".repeat(2_000_000)}`);
  });
  const { text } = await run(webhook(server.url), INPUT, never);
  assert.equal(Buffer.byteLength(text), 64 * 1024);
  assert.doesNotMatch(text, /sk-/);
});

test("a webhook has its time and can be interrupted, also while it answers", async () => {
  const held = new Set<() => void>();
  await using server = await hooked((_, response) => {
    response.write("{");
    for (const tell of held) tell();
  });
  for (const why of ["time", "interruption"]) {
    const clock = new FakeClock();
    const interruption = new AbortController();
    const reached = new Promise<void>((resolve) => held.add(resolve));
    const failure = failureOf(runner({ clock })(webhook(server.url, {}, 90_000), INPUT, interruption.signal));
    await reached;
    held.clear();
    await clock.advanceTo(89e9);
    if (why === "time") await clock.advanceTo(90e9);
    else interruption.abort();
    assert.match((await failure).message, why === "time" ? /took longer than 90 s\.$/ : /was interrupted\.$/);
  }
});

test("a webhook where nobody listens, or that is a metadata address, says so", async () => {
  const server = await hooked((_, response) => response.end());
  await server[Symbol.asyncDispose]();
  assert.match(
    (await failureOf(run(webhook(server.url), INPUT, never))).message,
    /be reached: ECONNREFUSED\.$/,
  );
  const metadata = await failureOf(run(webhook("http://169.254.169.254/latest"), INPUT, never));
  assert.match(metadata.message, /metadata address, which is never asked/);
  // A name that stands for such an address is refused as it is connected to.
  const lookup = ((_: string, __: object, callback: (error: null, found: object[]) => void) =>
    callback(null, [{ address: "169.254.169.254", family: 4 }])) as never;
  const named = runner({ targets: createTargets({ lookup }) });
  const error = await failureOf(named(webhook("http://hooks.example"), INPUT, never));
  assert.match(error.message, /^The apply hook at hooks\.example cannot be reached/);
});

const planOf = (readyUrl: string, url = readyUrl) => ({
  readyUrl,
  readyTimeoutMs: 10_000,
  apiKey: "sk-of-target",
  load: { url },
});

test("an instance is asked each second until it answers with 2xx, with its key", async () => {
  const clock = leapingClock();
  const keys: unknown[] = [];
  const atNs: number[] = [];
  await using server = await listening((request, response) => {
    keys.push(request.headers.authorization);
    atNs.push(clock.now());
    response.writeHead(keys.length < 4 ? 503 : 204).end();
  });
  await waitUntilReady(planOf(`${server.url}/v1/models`), targets, clock, never);
  assert.deepEqual(atNs, [0, 1e9, 2e9, 3e9]);
  assert.deepEqual([...new Set(keys)], ["Bearer sk-of-target"]);
});

test("the target's key goes to nobody else who knows when it is ready", async () => {
  const keys: unknown[] = [];
  await using server = await listening((request, response) => {
    keys.push(request.headers.authorization);
    response.end();
  });
  await waitUntilReady(planOf(server.url, "http://127.0.0.1:1/v1"), targets, leapingClock(), never);
  assert.deepEqual(keys, [undefined]);
});

test("an instance that is not ready in time says what came last", async () => {
  const clock = leapingClock();
  const statuses = [500, 503, 302];
  let asked = 0;
  await using server = await listening((_, response) => {
    response.writeHead(statuses[Math.min(asked++, 2)]!, { location: "/ready" }).end();
  });
  const given = waitUntilReady(planOf(server.url), targets, clock, never);
  await assert.rejects(given, (error: ApiError) => {
    assert.equal(error.code, "WORKFLOW_ERROR");
    assert.equal(error.message, "The instance was not ready within 10 s: the last answer was HTTP 302.");
    return true;
  });
  assert.equal(asked, 10);
  const nobody = waitUntilReady(planOf("http://127.0.0.1:1"), targets, leapingClock(), never);
  await assert.rejects(nobody, /not ready within 10 s: the last connection failed \(ECONNREFUSED\)\.$/);
});

test("waiting for an instance ends at once when it is interrupted, or may not be asked", async () => {
  const clock = new FakeClock();
  const interruption = new AbortController();
  const asked: (() => void)[] = [];
  await using server = await listening((_, response) => {
    for (const tell of asked) tell();
    response.writeHead(503).end();
  });
  const reached = new Promise<void>((resolve) => asked.push(resolve));
  const waiting = waitUntilReady(planOf(server.url), targets, clock, interruption.signal);
  await reached;
  interruption.abort();
  await assert.rejects(waiting, /was not waited for any longer: the server stops/);
  const strict = createTargets({ allowed: ["vllm.example"] });
  await assert.rejects(
    waitUntilReady(planOf(server.url), strict, clock, never),
    (error: ApiError) => error instanceof ApiError && error.code === "URL_VALIDATION_ERROR",
  );
});
