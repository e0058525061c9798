import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { random } from "../../src/random.ts";
import type { Result } from "../../src/result.ts";
import { failure, planOf, record, times } from "../support/records.ts";
import { resultOf } from "../support/results.ts";

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "goodput-compare-"));
  const plan = planOf();
  const measured = (n: number, factor: number) =>
    resultOf(
      plan,
      times(n, (i) => record(i, { ttftMs: (80 + ((i * 17) % 41)) * factor })),
    );
  const write = (name: string, result: Result) =>
    writeFile(join(folder, `${name}.json`), JSON.stringify(result));
  await write("base", measured(1500, 1));
  await write("same", measured(1500, 1.001));
  await write("slower", measured(1500, 1.3));
  const chance = random(1, "failing");
  const failing = times(400, (i) => (chance.uniform() < 0.1 ? failure(i) : record(i)));
  await write(
    "healthy",
    resultOf(
      plan,
      times(400, (i) => record(i)),
    ),
  );
  await write("failing", { ...resultOf(plan, failing), valid: true });
  await write("few", measured(30, 1));
  const fixtures = new URL("../fixtures/results/", import.meta.url);
  const atOne = (text: string) => text.replace(/("(?:max_)?concurrency": )16/, "$11");
  for (const [name, fixture] of [
    ["vllm", "vllm-bench"],
    ["aiperf", "aiperf-profile"],
    ["guidellm", "guidellm-benchmarks"],
  ] as const) {
    const text = await readFile(new URL(`${fixture}.json`, fixtures), "utf8");
    // The loads of these files, made those of the plan.
    await writeFile(
      join(folder, `${name}.json`),
      name === "guidellm"
        ? text.replace(/"streams": 1\b/, '"streams": 3').replace('"synchronous"', '"concurrent"')
        : atOne(text),
    );
  }
  await write(
    "other",
    resultOf(
      planOf({ seed: 5 }),
      times(100, (i) => record(i)),
    ),
  );
});
after(() => rm(folder, { recursive: true }));

interface Ended {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

function goodput(...args: string[]): Promise<Ended> {
  return new Promise((resolve) => {
    const bin = join(import.meta.dirname, "../../src/cli/bin.ts");
    execFile(process.execPath, [bin, ...args], { cwd: folder }, (error, stdout, stderr) =>
      resolve({ exitCode: error === null ? 0 : Number(error.code), stdout, stderr }),
    );
  });
}

const ROWS: readonly (readonly [args: string, exitCode: number, says: RegExp, because: string])[] = [
  ["base.json same.json", 0, /✓ Nothing is shown to be worse by more than 10 %/, "nothing changed"],
  ["slower.json base.json", 0, /ttft_p95 .* −2\d\.\d % .* ▼ better/, "it became better"],
  [
    "base.json slower.json",
    3,
    /✗ REGRESSED beyond 10 % \(error_rate: 1 percentage point\):\n.*ttft_p50 at .* is worse by 30 %, at least/,
    "it became worse",
  ],
  [
    "healthy.json failing.json",
    3,
    /error_rate at .* is worse by \d+(\.\d+)? percentage points, at least \d\.\d+ percentage points/,
    "a tenth fails",
  ],
  ["base.json slower.json --regression 50%", 0, /▲ worse/, "that much is allowed"],
  ["base.json slower.json --regression 0.5", 0, /more than 50 %/, "a share can be written as a number"],
  ["base.json same.json --strict", 0, /ruled out for every figure/, "every figure is shown to be within"],
  ["few.json few.json", 0, /figures it cannot be ruled out either/, "nothing is shown"],
  ["few.json few.json --strict", 4, /\? Nothing is shown/, "nothing is ruled out either"],
  [
    "vllm.json base.json",
    0,
    /by vLLM bench serve\n.*unclear\..*ttft_sent_p99.*\? Nothing is decided: another tool's/s,
    "figure stands against figure",
  ],
  ["base.json vllm.json --strict", 4, /\? Nothing is decided/, "another tool's figures rule nothing out"],
  ["guidellm.json base.json", 4, /concurrency 8, 5 req\/s poisson in the\s+base/, "the loads differ"],
  ["vllm.json aiperf.json", 0, /by vLLM bench serve; the head was measured by AIPerf\s/, "none is ours"],
  ["base.json other.json", 4, /No comparable baseline \(They measured different plans/, "the plans differ"],
];

for (const [args, exitCode, says, because] of ROWS) {
  test(`goodput compare ${args} ends with ${exitCode} because ${because}`, async () => {
    const ended = await goodput("compare", ...args.split(" "));
    assert.equal(ended.exitCode, exitCode, ended.stdout + ended.stderr);
    assert.match(ended.stdout, says);
    assert.equal(ended.stderr, "");
  });
}

test("files that cannot be read are mistakes of usage, told both at once", async () => {
  const { exitCode, stderr } = await goodput("compare", "nowhere.json", "/dev/null");
  assert.equal(exitCode, 2);
  assert.match(stderr, /BASE: nowhere\.json does not exist/);
  assert.match(stderr, /HEAD: \/dev\/null is no file/);
});

test("a share that is none is refused", async () => {
  const { exitCode, stderr } = await goodput("compare", "base.json", "same.json", "--regression", "10ms");
  assert.equal(exitCode, 2);
  assert.match(stderr, /It is no share; write it as 10% or 0\.1/);
});

test("the help names the exit codes", async () => {
  const { exitCode, stdout } = await goodput("compare", "--help");
  assert.equal(exitCode, 0);
  assert.match(stdout, /3 {2}a figure is worse than allowed/);
});

test("goodput report shows another tool's result and writes the forms asked for, but not our own form of it", async () => {
  const shown = await goodput("report", "vllm.json", "--export", "csv=vllm.csv");
  assert.equal(shown.exitCode, 0, shown.stderr);
  assert.match(shown.stdout, /Figures only, by vLLM bench serve\..*TTFT sent ms/s);
  assert.match(await readFile(join(folder, "vllm.csv"), "utf8"), /concurrency 1/);
  const refused = await goodput("report", "vllm.json", "--export", "json=again.json");
  assert.equal(refused.exitCode, 2);
  assert.match(refused.stderr, /--export: "json=again\.json" is for results of this program/);
});

test("goodput report shows a result.json by itself", async () => {
  const { exitCode, stdout } = await goodput("report", "base.json");
  assert.equal(exitCode, 0);
  assert.match(stdout, /Load levels/);
});
