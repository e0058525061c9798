import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, before, test } from "node:test";
import { type ScriptedServer, startScriptedServer } from "../../src/scripted-server.ts";

let server: ScriptedServer;
let folder: string;
before(async () => {
  server = await startScriptedServer({ ttftMs: 5 });
  folder = await mkdtemp(join(tmpdir(), "goodput-cli-"));
});
after(() => server.close());

interface Ended {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function start(args: readonly string[], env: Record<string, string> = {}): ChildProcess {
  return spawn(process.execPath, [join(import.meta.dirname, "../../src/cli/bin.ts"), ...args], {
    cwd: folder,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
}

async function ended(child: ChildProcess): Promise<Ended> {
  const [stdout, stderr] = await Promise.all([text(child.stdout!), text(child.stderr!), once(child, "exit")]);
  return { exitCode: child.exitCode, stdout, stderr };
}

const goodput = (args: readonly string[], env?: Record<string, string>) => ended(start(args, env));
const run = (...args: string[]) =>
  goodput(["run", "--url", server.url, "--input-tokens", "8", "--output-tokens", "4", ...args]);

test("objectives that are met end with 0, a table and all four files", async () => {
  const got = await run(
    "--concurrency",
    "1,2",
    "--requests",
    "60",
    "--slo",
    "ttft_p95 < 1s",
    "--slo",
    "error_rate < 5%",
  );
  assert.equal(got.exitCode, 0, got.stderr);
  assert.match(got.stdout, /^✓ MET/);
  assert.match(got.stdout, /concurrency 2\s+ttft_p95 < 1s\s.*✓ met/);
  assert.match(got.stderr, /concurrency 2 \(2 of 2\): 100 %, 60 ok, 0 failed/);
  assert.deepEqual((await readdir(join(folder, "goodput-report"))).toSorted(), [
    "records.jsonl",
    "report.html",
    "report.md",
    "result.json",
  ]);
  const result = JSON.parse(await readFile(join(folder, "goodput-report/result.json"), "utf8"));
  assert.deepEqual(Object.keys(result.levels[0].metrics.ttft), [
    ...["count", "mean", "std", "min", "max"],
    ...["p50", "p90", "p95", "p99", "p999"],
  ]);
});

const VERDICTS: Readonly<Record<string, readonly [exitCode: number, ttftMs: number, slo: string]>> = {
  "an objective that is violated ends with 3": [3, 100, "ttft_sent_p50 < 1ms"],
  "too few requests for an objective end with 4": [4, 5, "ttft_p99 < 1s"],
};

for (const [name, [exitCode, ttftMs, slo]] of Object.entries(VERDICTS)) {
  test(name, async () => {
    const target = await startScriptedServer({ ttftMs });
    const got = await run(
      "--url",
      target.url,
      "--requests",
      "30",
      "--slo",
      "error_rate < 50%",
      "--slo",
      slo,
      "--confidence",
      "0.95",
    );
    await target.close();
    assert.equal(got.exitCode, exitCode, got.stdout);
  });
}

/** Arguments, and what one clear message must say. */
const BAD_USAGE: Readonly<Record<string, readonly [args: readonly string[], says: RegExp]>> = {
  "an unknown flag": [
    ["--concurency", "2"],
    /unknown option '--concurency'\s+\(Did you mean --concurrency\?\)/,
  ],
  "a value of the wrong kind": [
    ["--requests", "many"],
    /--requests: "many" should be requests per load level/,
  ],
  "a malformed objective": [
    ["--slo", "tttf_p95 < 5ms"],
    /--slo 1: "tttf_p95 < 5ms" column 1: .*did you mean ttft_p95\?/,
  ],
  "an unknown export": [["--export", "pdf=x.pdf"], /--export: "pdf=x.pdf" should be FORMAT=FILE/],
  "a key variable that is not set": [
    ["--api-key-env", "NO_SUCH_KEY"],
    /--api-key-env: "NO_SUCH_KEY" names a variable/,
  ],
  "a config file that is not there": [["-c", "nowhere.yaml"], /nowhere\.yaml: there is no such file/],
};

for (const [name, [args, says]] of Object.entries(BAD_USAGE)) {
  test(`${name} ends with 2, one clear message and no stack`, async () => {
    const before = server.seen.requests;
    const got = await run(...args);
    assert.equal(got.exitCode, 2);
    assert.match(got.stderr, says);
    assert.doesNotMatch(got.stderr, /\n\s+at /);
    assert.equal(server.seen.requests, before, "nothing was sent");
  });
}

test("five mistakes in flags and a config file are told at once, each where it was made", async () => {
  const file = join(folder, "goodput.yaml");
  await writeFile(file, "rate: -1\nreqests: 5\nslo:\n  - ttft_p95 ! 5\n");
  const got = await run("-c", file, "--timeout", "soon", "--export", "x");
  assert.equal(got.exitCode, 2);
  assert.match(got.stderr, /^error: 5 mistakes/);
  assert.match(got.stderr, /goodput\.yaml: rate: "-1" should be/);
  assert.match(got.stderr, /goodput\.yaml: reqests: is not known; did you mean requests\?/);
  assert.match(got.stderr, /--timeout: "soon" should be/);
});

test("a config file that does not parse names the line", async () => {
  const file = join(folder, "broken.yaml");
  await writeFile(file, "url: http://x\nslo: [a\n");
  const got = await run("-c", file);
  assert.equal(got.exitCode, 2);
  assert.match(got.stderr, /broken\.yaml: line \d/);
});

test("flags go before the config file", async () => {
  const file = join(folder, "plan.yaml");
  await writeFile(file, "requests: 500\nconcurrency: [2]\n");
  const got = await run("-c", file, "--requests", "7");
  assert.equal(got.exitCode, 0, got.stderr);
  assert.match(got.stderr, /concurrency 2: 100 %, 7 ok/);
});

test("a target that is not there ends with 5", async () => {
  const gone = await startScriptedServer();
  await gone.close();
  const got = await goodput(["run", "--url", gone.url]);
  assert.equal(got.exitCode, 5);
  assert.match(
    got.stderr,
    /^error: Cannot reach http:\/\/127\.0\.0\.1:\d+: the connection was refused\.\n.*Check the address/,
  );
});

test("a key goes to the target and into no file", async () => {
  const echoing = await startScriptedServer({
    fault: (_, { authorization }) => ({ kind: "status", status: 401, message: `bad key ${authorization}` }),
  });
  const args = ["run", "--url", echoing.url, "--requests", "5", "--out", "keyed", "--api-key-env", "MY_KEY"];
  const got = await goodput(args, { MY_KEY: "sk-very-secret" });
  await echoing.close();
  assert.equal(echoing.seen.keys[0], "Bearer sk-very-secret");
  assert.match(got.stdout, /bad key Bearer \*\*\*/);
  for (const file of await readdir(join(folder, "keyed"))) {
    assert.doesNotMatch(await readFile(join(folder, "keyed", file), "utf8"), /very-secret/, file);
  }
});

test("exports are written in each format asked for", async () => {
  const got = await run(
    "--requests",
    "5",
    "--export",
    "csv=out/figures.csv",
    "--export",
    "junit=out/tests.xml",
  );
  assert.equal(got.exitCode, 0, got.stderr);
  assert.match(await readFile(join(folder, "out/figures.csv"), "utf8"), /^Run ID,/);
  assert.match(await readFile(join(folder, "out/tests.xml"), "utf8"), /^<\?xml/);
});

test("an interrupted run says what there is and ends with 130; report makes it again", async () => {
  const slow = await startScriptedServer({ ttftMs: 30 });
  const child = start(["run", "--url", slow.url, "--requests", "5000", "--concurrency", "4", "--out", "cut"]);
  const result = ended(child);
  while (slow.seen.requests < 20) await once(child.stderr!, "data").catch(() => {});
  child.kill("SIGINT");
  const got = await result;
  await slow.close();
  assert.equal(got.exitCode, 130);
  assert.match(got.stdout, /cancelled/i);
  const first = await readFile(join(folder, "cut/result.json"), "utf8");
  const again = await goodput(["report", "cut"]);
  assert.equal(again.exitCode, 130);
  assert.equal(await readFile(join(folder, "cut/result.json"), "utf8"), first);
});

test("a records file that is none is refused by name and line", async () => {
  await writeFile(join(folder, "records.jsonl"), '{"schema":"other"}\n');
  const got = await goodput(["report", "."]);
  assert.equal(got.exitCode, 1);
  assert.match(got.stderr, /records\.jsonl, line 1: expected the schema goodput\.records\/1/);
});

test("flags, a config file and the names of other tools describe the same plan", async () => {
  const file = join(folder, "same.yaml");
  await writeFile(file, `url: ${server.url}\nrate: 20\nduration: 5s\nslo: [ttft_p95 < 500ms]\n`);
  const outlines = await Promise.all([
    goodput(["run", "--dry-run", "-c", file]),
    run(
      "--dry-run",
      "--rate",
      "20",
      "--duration",
      "5s",
      "--slo",
      "ttft_p95<500",
      "--input-tokens",
      "256",
      "--output-tokens",
      "128",
    ),
    goodput([
      "run",
      "--dry-run",
      "--target",
      server.url,
      "--request-rate",
      "20",
      "--max-seconds",
      "5",
      "--slo",
      "ttft_p95<0.5s",
    ]),
  ]);
  const [first, ...others] = outlines.map(({ stdout }) => stdout);
  assert.match(first!, /^Plan [0-9a-f]{12}, seed 1: /);
  assert.match(first!, /20 req\/s poisson\n {2}ends {4}after 5 s/);
  for (const other of others) assert.equal(other, first);
});

test("a dry run says what so few requests, or no baseline, cannot decide", async () => {
  const slo = ["--slo", "ttft_p99 < 1s", "--slo", "ttft_p95 regression < 10%"];
  const { stdout } = await run("--dry-run", "--requests", "100", ...slo);
  assert.match(
    stdout,
    /ttft_p99 < 1s: cannot be met, for that takes 299 independent requests, and 100 are planned/,
  );
  assert.match(stdout, /ttft_p95 regression < 10%: .*; only against a stored baseline \(--baseline\)/);
});

test("the same setting under two names is refused", async () => {
  const got = await run("--requests", "5", "--num-prompts", "6");
  assert.equal(got.exitCode, 2);
  assert.match(got.stderr, /--num-prompts: "6" says what --requests says/);
});

test("shards made by the command line merge into one result, and a missing one is named", async () => {
  for (const shard of ["1/2", "2/2"]) {
    const got = await run(
      "--requests",
      "100",
      "--concurrency",
      "2",
      "--slo",
      "ttft_p95 < 1s",
      "--shard",
      shard,
      "--out",
      `shard-${shard[0]}`,
    );
    assert.equal(got.exitCode, 4, "half of the requests decide nothing alone");
  }
  const merged = await goodput(["merge", "shard-1", "shard-2", "--out", "merged"]);
  assert.equal(merged.exitCode, 0, merged.stdout);
  assert.match(merged.stdout, /ttft_p95 < 1s .* 100 {2}✓ met/);
  const partial = await goodput(["merge", "shard-2", "--out", "merged"]);
  assert.equal(partial.exitCode, 4);
  assert.match(partial.stdout, /shards_missing/);
});

test("a stored result is a baseline, and another plan is none", async () => {
  await run("--requests", "60", "--out", "before");
  const same = await run("--requests", "60", "--baseline", "before", "--out", "after");
  assert.equal(same.exitCode, 0, same.stderr);
  assert.match(same.stdout, /Against the baseline|Against base/i);
  const other = await run("--requests", "61", "--baseline", "before", "--out", "after");
  assert.match(other.stdout, /No comparable baseline/);
});

test("vLLM's file has vLLM's keys", async () => {
  const got = await run("--requests", "20", "--export", "vllm=vllm.json");
  assert.equal(got.exitCode, 0, got.stderr);
  const result = JSON.parse(await readFile(join(folder, "vllm.json"), "utf8"));
  for (const key of ["completed", "request_throughput", "output_throughput", "total_token_throughput"])
    assert.ok(result[key] > 0, key);
  for (const metric of ["ttft", "tpot", "itl", "e2el"]) {
    for (const statistic of ["mean", "median", "std", "p99"])
      assert.ok(`${statistic}_${metric}_ms` in result, `${statistic}_${metric}_ms`);
  }
});

test("help names every flag and every exit code", async () => {
  const got = await goodput(["run", "--help"]);
  assert.equal(got.exitCode, 0);
  for (const flag of ["--url", "--concurrency", "--rate", "--slo", "--config", "--out"])
    assert.match(got.stdout, new RegExp(flag));
  assert.match(got.stdout, /130 +interrupted/);
});
