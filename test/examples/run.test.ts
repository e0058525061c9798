/**
 * Every example is run: with its own inputs, on the bundle that users run. Only what it cannot have here is
 * replaced: addresses, the amount of load, and programs that come from elsewhere.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { after, before, test } from "node:test";
import { type ScriptedServer, startScriptedServer } from "../../src/scripted-server.ts";
import { type FakeGitHub, startFakeGitHub } from "../support/fake-github.ts";
import { HEAD_SHA } from "../support/fake-runner.ts";
import { type Artifacts, type JobRun, runWorkflow, type WorkflowRequest } from "../support/workflow.ts";

const HOSTED = "https://llm.staging.example.com/v1";
const GOODPUT = `"${process.execPath}" "${process.cwd()}/src/cli/bin.ts"`;
const KEY = "sk-of-the-examples";
const FORKS_PULL = { number: 7, label: "stranger:feature", sha: HEAD_SHA, fullName: "stranger/chat" };

/** Answers as the examples' objectives want it, to those who have the key. */
/** Of an answer of three tokens one pause of a busy machine is most of the time for each. */
const ROOM = "600ms";

let hosted: ScriptedServer;
let github: FakeGitHub;
let readOnly: FakeGitHub;
before(async () => {
  hosted = await startScriptedServer({
    ttftMs: 2,
    gapMs: 8,
    chunks: 3,
    fault: (_, { authorization }) =>
      authorization === `Bearer ${KEY}` ? undefined : { kind: "status", status: 401 },
  });
});
after(() => hosted.close());

async function run(name: string, request: Partial<WorkflowRequest> & Pick<WorkflowRequest, "replace">) {
  [github, readOnly] = await Promise.all([
    startFakeGitHub({ pulls: [FORKS_PULL] }),
    startFakeGitHub({ readOnly: true }),
  ]);
  try {
    return await runWorkflow(name.includes("/") ? name : `examples/${name}.yml`, {
      eventName: "pull_request",
      event: pullRequest("acme/chat"),
      secrets: { LLM_API_KEY: KEY },
      // What a job may not do, its token may not either.
      apiUrl: (permissions) => (permissions.has("pull-requests: write") ? github : readOnly).apiUrl,
      ...request,
    });
  } finally {
    await Promise.all([github.close(), readOnly.close()]);
  }
}

test("quick-start.yml measures a hosted API, comments and keeps the reports", async () => {
  const artifacts: Artifacts = new Map();
  const jobs = await run("quick-start", {
    replace: {
      [HOSTED]: hosted.url,
      "requests: 400": "requests: 300",
      "tpot_p95 < 60ms": `tpot_p95 < ${ROOM}`,
    },
    artifacts,
  });
  const latency = met(jobs, "latency");
  assert.deepEqual(levels(latency.outputs), ["concurrency 1", "concurrency 8"]);
  assert.equal(github.comments.length, 1);
  assert.match(github.comments[0]!.body, /ttft_p95/);
  assert.equal(JSON.parse(artifacts.get("goodput-report")!["result.json"]!).verdict, "met");
});

test("quick-start.yml on a fork, which has no key, is skipped and fails nothing", async () => {
  const jobs = await run("quick-start", {
    replace: { [HOSTED]: hosted.url, "requests: 400": "requests: 300" },
    event: pullRequest("stranger/chat"),
    secrets: {},
  });
  assert.equal(succeeded(jobs, "latency").outputs.conclusion, "skipped");
});

test("server-in-job.yml starts this project's server, measures it and stops it", async () => {
  const port = await freePort();
  const jobs = await run("server-in-job", {
    replace: { 8085: String(port), "requests: 100": "requests: 20" },
    programs: { npm: nothingTo("install"), npx: `[ "$1" = goodput ] && exec ${GOODPUT} "\${@:2}"` },
    // What it downloads stays away; the cache of the built-in model is this machine's.
    env: { MODEL: "builtin:qwen3", HOME: process.env.HOME ?? "", THREADS: "1" },
    inputs: { "input-tokens": "16", "output-tokens": "4" },
  });
  const latency = succeeded(jobs, "latency");
  // Twenty requests are too few to decide on a p95, which is said and fails nothing.
  assert.match(latency.outputs.conclusion!, /^(met|inconclusive)$/, latency.log);
  assert.equal(latency.outputs["error-rate"], "0");
  assert.equal(github.comments.length, 1);
  assert.ok(await isFree(port), "the server was stopped");
});

test("vllm-service.yml measures the service container beside it", async () => {
  const jobs = await run("vllm-service", {
    replace: {
      "http://127.0.0.1:8000/v1": hosted.url,
      "concurrency: 1,16,64": "concurrency: 8,16",
      "tpot_p95 < 30ms": `tpot_p95 < ${ROOM}`,
    },
    inputs: { "api-key": KEY },
  });
  met(jobs, "latency");
  assert.match(github.comments[0]!.body, /tpot_p95/);
});

test("gpu-runner.yml starts a container, sends requests at rates and stops it", async () => {
  const port = await freePort();
  const jobs = await run("gpu-runner", {
    replace: {
      8001: String(port),
      "rate: 2,8,16": "rate: 100",
      "duration: 120s": "requests: 300",
      "tpot < 50ms": `tpot < ${ROOM}`,
    },
    event: { ...pullRequest("acme/chat"), action: "labeled", label: { name: "gpu" } },
    programs: {
      docker: `[[ "$*" == run*--publish*vllm-openai* ]] && exec ${GOODPUT} scripted --port ${port} --chunks 3 --gap 8ms --ttft 60ms`,
    },
    inputs: { "input-tokens": "64" },
  });
  const latency = met(jobs, "latency");
  assert.deepEqual(levels(latency.outputs), ["100 req/s poisson"]);
  assert.ok(await isFree(port), "the container was stopped");
});

for (const [why, event] of [
  ["another label", { ...pullRequest("acme/chat"), label: { name: "docs" } }],
  ["a fork", { ...pullRequest("stranger/chat"), label: { name: "gpu" } }],
] as const) {
  test(`gpu-runner.yml does not occupy the runner for ${why}`, async () => {
    const jobs = await run("gpu-runner", { replace: {}, event });
    assert.equal(jobs.get("latency")!.conclusion, "skipped");
  });
}

test("base-against-head.yml starts both and finds the head that is slower", async () => {
  const [base, head] = [await freePort(), await freePort()];
  const jobs = await run("base-against-head", {
    replace: { 8001: String(base), 8002: String(head), "requests: 600": "requests: 160" },
    programs: {
      npm: `case "$*" in
        ci*) ;;
        *"--prefix base") exec ${GOODPUT} scripted --port "$PORT" --chunks 3 --gap 8ms --ttft 10ms ;;
        *"--prefix head") exec ${GOODPUT} scripted --port "$PORT" --chunks 3 --gap 8ms --ttft 60ms ;;
        *) exit 64 ;;
      esac`,
    },
  });
  const compare = jobs.get("compare")!;
  assert.equal(compare.conclusion, "failure", compare.printed);
  const [action] = compare.actions;
  assert.match(action!.outputs.conclusion!, /^(regressed|invalid)$/, action!.log);
  assert.match(action!.outputs.regressions!, /ttft_/);
  assert.match(github.comments[0]!.body, /regression/);
  assert.ok(await isFree(head), "the head was stopped");
});

test("stored-baseline.yml keeps what main measured, and holds a pull request against it", async () => {
  const artifacts: Artifacts = new Map();
  const replace = {
    [HOSTED]: hosted.url,
    "requests: 600": "requests: 300",
    "regression: 25%": "regression: 10000%",
  };
  const main = await run("stored-baseline", {
    replace,
    eventName: "push",
    event: { ref: "refs/heads/main", repository: { full_name: "acme/chat", default_branch: "main" } },
    env: { GITHUB_REF: "refs/heads/main", GITHUB_RUN_ID: "1" },
    artifacts,
  });
  const first = met(main, "latency");
  assert.match(first.summary, /this is the first run/);
  // Where this machine was too busy there is nothing good to keep.
  if (first.outputs.conclusion !== "met") return;
  assert.deepEqual([...artifacts.keys()], ["latency-baseline-1"]);
  const pull = await run("stored-baseline", { replace, env: { GITHUB_RUN_ID: "2" }, artifacts });
  const second = met(pull, "latency");
  assert.equal(
    JSON.parse(second.files["goodput-report/result.json"]!).comparison?.kind,
    "stored",
    second.log,
  );
  assert.deepEqual([...artifacts.keys()], ["latency-baseline-1"], "a pull request makes no baseline");
});

test("matrix-shards.yml sends one plan from four jobs and tells one verdict", async () => {
  const artifacts: Artifacts = new Map();
  const jobs = await run("matrix-shards", {
    replace: { [HOSTED]: hosted.url, "rate: 200": "rate: 400", "requests: 12000": "requests: 400" },
    artifacts,
  });
  assert.deepEqual([...artifacts.keys()], ["shard-1", "shard-2", "shard-3", "shard-4"]);
  const parts = [1, 2, 3, 4].map((shard) => JSON.parse(succeeded(jobs, `shard (${shard})`).outputs.results!));
  const verdict = met(jobs, "verdict");
  const whole = JSON.parse(verdict.outputs.results!);
  assert.equal(whole.levels[0].requests.completed, 400);
  assert.equal(
    parts.reduce((sum, part) => sum + part.levels[0].requests.completed, 0),
    400,
  );
  assert.equal(github.comments.length, 1);
  assert.deepEqual(writes(readOnly), [], "the shards tell nothing");
});

test("matrix-shards.yml with a part that is missing says which, and does not believe the rest", async () => {
  const jobs = await run("matrix-shards", {
    replace: {
      [HOSTED]: hosted.url,
      "rate: 200": "rate: 400",
      "requests: 12000": "requests: 400",
      "shard: [1, 2, 3, 4]": "shard: [1, 2, 4]",
    },
  });
  const verdict = jobs.get("verdict")!;
  assert.equal(verdict.conclusion, "failure");
  assert.equal(verdict.actions[0]!.outputs.conclusion, "invalid", verdict.actions[0]!.log);
  assert.match(verdict.actions[0]!.summary, /3/);
});

test("forks-measure.yml and forks-report.yml tell a fork's pull request in two steps", async () => {
  const artifacts: Artifacts = new Map();
  const port = await freePort();
  const measured = await run("forks-measure", {
    replace: { 8085: String(port), "requests: 400": "requests: 300" },
    event: pullRequest("stranger/chat"),
    secrets: {},
    programs: {
      npm: `case "$*" in ci) ;; start) exec ${GOODPUT} scripted --port ${port} --chunks 3 --gap 8ms --ttft 5ms ;; *) exit 64 ;; esac`,
    },
    artifacts,
  });
  met(measured, "measure");
  assert.deepEqual(writes(readOnly), [], "nothing is tried that is not allowed");
  assert.deepEqual(Object.keys(artifacts.get("goodput-result")!), ["result.json"]);

  const told = await run("forks-report", {
    replace: {},
    eventName: "workflow_run",
    event: {
      workflow_run: {
        id: 99,
        event: "pull_request",
        conclusion: "success",
        head_branch: "feature",
        head_sha: HEAD_SHA,
        head_repository: { full_name: "stranger/chat", owner: { login: "stranger" } },
        pull_requests: [],
      },
      repository: { full_name: "acme/chat" },
    },
    artifacts,
  });
  const report = succeeded(told, "report");
  assert.match(report.outputs.conclusion!, /^(met|invalid)$/, report.log);
  assert.equal(github.comments.length, 1, report.log + github.calls.join("\n"));
  assert.match(github.comments[0]!.body, /ttft_p95/);
});

test("nightly-capacity.yml finds the highest rate within the objectives", async () => {
  const jobs = await run("nightly-capacity", {
    replace: {
      [HOSTED]: hosted.url,
      "search-start: 1": "search-start: 300",
      "search-max: 200": "search-max: 600",
      "tpot_p95 < 60ms": `tpot_p95 < ${ROOM}`,
      "duration: 60s": "requests: 300",
    },
    eventName: "schedule",
    event: { schedule: "23 2 * * *" },
  });
  const capacity = met(jobs, "capacity");
  assert.match(capacity.summary, /highest load that met every objective is \d+ requests per second/);
  const warnings = capacity.commands.filter(({ name }) => name === "warning");
  assert.deepEqual(warnings, [], "that nothing may be written is no news here");
});

test("ci.yml runs this repository's own Action on its own server, on every Node", async () => {
  const port = await freePort();
  const jobs = await run(".github/workflows/ci.yml", {
    replace: { 8085: String(port), "requests: 100": "requests: 300" },
    programs: {
      npm: `case "$*" in
        ci | test | "run lint" | "run typecheck") echo "npm $*" ;;
        start) exec ${GOODPUT} scripted --port ${port} --chunks 3 --gap 8ms --ttft 5ms ;;
        *) exit 64 ;;
      esac`,
    },
  });
  for (const node of ["22.19", 22, 24]) {
    const { conclusion, printed } = jobs.get(`test (${node})`)!;
    assert.equal(conclusion, "success");
    assert.equal(printed, "npm ci\nnpm run lint\nnpm run typecheck\nnpm test\n");
  }
  met(jobs, "action");
});

for (const [built, conclusion] of [
  ["committed", "success"],
  ["changed", "failure"],
] as const) {
  test(`check-dist.yml ends in ${conclusion} when the sources build to the ${built} bundle`, async () => {
    const artifacts: Artifacts = new Map();
    const jobs = await run(".github/workflows/check-dist.yml", {
      replace: {},
      repository: { "dist/index.js": "committed" },
      programs: {
        npm: `[ "$1" = ci ] || { [ "$*" = "run build:action -- --out $RUNNER_TEMP/dist" ] && mkdir "$5" && printf ${built} > "$5/index.js"; }`,
      },
      artifacts,
    });
    const job = jobs.get("check-dist")!;
    assert.equal(job.conclusion, conclusion, job.printed);
    assert.equal(job.printed.includes("::error title=dist is out of date::"), built === "changed");
  });
}

type Outputs = JobRun["actions"][number]["outputs"];

function succeeded(jobs: ReadonlyMap<string, JobRun>, name: string) {
  const job = jobs.get(name)!;
  assert.equal(job.conclusion, "success", told(job));
  return job.actions.at(-1)!;
}

/** Everything the job said, for whoever has to find out why. */
function told({ printed, actions }: JobRun): string {
  const texts = actions.flatMap(({ log, commands }) => [log, ...commands.map(({ text }) => text)]);
  return [printed, ...texts].join("\n");
}

/**
 * The job's objectives are met. That the machine which runs these tests was too busy to be believed is told by
 * the Action as well, and is no mistake of the example.
 */
function met(jobs: ReadonlyMap<string, JobRun>, name: string) {
  const action = jobs.get(name)!.actions.at(-1)!;
  const { conclusion } = action.outputs;
  const busy = conclusion === "invalid" && invalidFindings(action).every((code) => BUSY.includes(code));
  if (!busy) {
    assert.equal(conclusion, "met", told(jobs.get(name)!));
    assert.equal(jobs.get(name)!.conclusion, "success", told(jobs.get(name)!));
  }
  return action;
}

const BUSY = ["generator_late", "event_loop_blocked", "client_cpu_saturated"];

function invalidFindings({ files }: JobRun["actions"][number]): string[] {
  const { findings } = JSON.parse(files["goodput-report/result.json"]!);
  return findings
    .filter(({ level }: { level: string }) => level === "invalid")
    .map(({ code }: { code: string }) => code);
}

function levels({ results }: Outputs): string[] {
  return JSON.parse(results!).levels.map(({ name }: { name: string }) => name);
}

/** Calls that would have changed something. */
function writes({ calls }: FakeGitHub): string[] {
  return calls.filter((call) => !/^GET |\/graphql /.test(call));
}

function pullRequest(headRepository: string) {
  return {
    action: "synchronize",
    pull_request: {
      number: 7,
      head: { sha: HEAD_SHA, ref: "feature", repo: { full_name: headRepository } },
      base: { sha: "b".repeat(40), ref: "main", repo: { full_name: "acme/chat" } },
    },
    repository: { full_name: "acme/chat" },
  };
}

/** A program that is only there to be called with this. */
function nothingTo(command: string): string {
  return `[ "$1" = ${command} ]`;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  const outcome = new Promise<boolean>((resolve) => {
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => resolve(true));
  });
  const free = await outcome;
  if (free) server.close();
  return free;
}
