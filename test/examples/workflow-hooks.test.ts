/** The operator's files that people copy: the one in examples/workflows, whose hook is run, and the manual's. */
import assert from "node:assert/strict";
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { after, test } from "node:test";
import { parse } from "yaml";
import { CurrentConfig, OPTIMIZATION_RULES } from "../../server/agent/analysis/optimization-rules.ts";
import { recommendOptimizations } from "../../server/agent/analysis/recommend-optimizations.ts";
import type { HookEvent, HookInput } from "../../server/agent/workflows/instance-plan.ts";
import { hookFolder, readInstancePlans } from "../../server/agent/workflows/read-plans.ts";
import { createHookRunner, HookError } from "../../server/agent/workflows/run-hook.ts";
import { createTargets } from "../../server/settings/targets.ts";

const folder = realpathSync(mkdtempSync(join(tmpdir(), "goodput-example-")));
after(() => rmSync(folder, { recursive: true }));
cpSync("examples/workflows", folder, { recursive: true });

// Containers are not this test's to start: this stands for docker, and notes what it was asked for.
const programs = join(folder, "bin");
mkdirSync(programs);
writeFileSync(
  join(programs, "docker"),
  `#!/bin/sh\necho "$*" >> ${join(folder, "calls")}\necho starting\ntest ! -e ${join(folder, "broken")}\n`,
  { mode: 0o755 },
);
const PATH = [programs, dirname(process.execPath), process.env.PATH].join(delimiter);
const file = join(folder, "workflows.yaml");
const settingsFile = join(folder, "engine/vllm.yaml");
const plan = (await readInstancePlans(file, { PATH })).get("localhost:8000")!;
const runHook = createHookRunner({ targets: createTargets(), cwd: hookFolder(file), env: { PATH } });

// As vLLM reads it, and not as the hook does.
const settings = () => parse(readFileSync(settingsFile, "utf8")) as Record<string, unknown>;
const calls = () => readFileSync(join(folder, "calls"), "utf8").trim().split("\n");

function call(event: HookEvent, workflowId: string, args: readonly string[] = []): Promise<{ text: string }> {
  const input: HookInput = {
    event,
    workflow_id: workflowId,
    instance_id: "localhost:8000",
    instance_type: "vllm",
    optimizations: [],
    config_changes: {},
    engine_args: args,
    previous_config: null,
  };
  return runHook(plan.hooks[event] ?? plan.hooks.apply, input, new AbortController().signal);
}

test("the example's hook tells the settings that vLLM has, which advice knows how to read", async () => {
  const { text } = await call("read", "wf-1");
  assert.deepEqual(JSON.parse(text), settings());
  const config = new CurrentConfig(JSON.parse(text));
  assert.deepEqual([config.batchSize, config.blockSize], [32, 32]);
  assert.equal(existsSync(join(folder, "calls")), false);
});

test("the example's hook applies a change, and puts back exactly what was there, each of them twice alike", async () => {
  const before = readFileSync(settingsFile, "utf8");
  const args = ["--max-num-seqs", "64", "--enable-prefix-caching", "--kv-cache-dtype", "fp8"];
  const changed = {
    ...settings(),
    "max-num-seqs": 64,
    "enable-prefix-caching": true,
    "kv-cache-dtype": "fp8",
  };
  for (const time of [1, 2]) {
    assert.equal((await call("apply", "wf-2", args)).text, "", `time ${time}`);
    assert.deepEqual(settings(), changed);
  }
  for (const _ of [1, 2]) {
    await call("rollback", "wf-2");
    assert.equal(readFileSync(settingsFile, "utf8"), before);
  }
  assert.deepEqual(calls(), Array(4).fill("compose up --detach --force-recreate --no-deps vllm"));
});

test("the example's hook undoes nothing where nothing was applied, and says when a container does not start", async () => {
  const before = readFileSync(settingsFile, "utf8");
  const { length } = calls();
  await call("rollback", "wf-3");
  assert.equal(calls().length, length);
  appendFileSync(join(folder, "broken"), "");
  await assert.rejects(call("apply", "wf-4", ["--max-num-seqs", "1"]), (error: HookError) => {
    assert.ok(error instanceof HookError);
    return /ended with exit status 1; its last words: .*Command failed: docker compose up/.test(
      error.message,
    );
  });
  rmSync(join(folder, "broken"));
  await call("rollback", "wf-4");
  assert.equal(readFileSync(settingsFile, "utf8"), before);
});

test("the example's hook knows every flag that is advised for vLLM", async () => {
  const bottlenecks = [...new Set(OPTIMIZATION_RULES.flatMap(({ on }) => on))].map((type) => ({ type }));
  const args = recommendOptimizations(bottlenecks as never, "vllm", {}).flatMap((one) => one.engine_args);
  assert.ok(args.includes("--speculative-config"));
  await call("apply", "wf-5", args);
  const flags = args.filter((word) => word.startsWith("--")).map((word) => word.slice(2));
  for (const flag of flags) assert.ok(flag in settings(), flag);
  assert.equal(typeof settings()["speculative-config"], "string");
  await call("rollback", "wf-5");
});

test("the example's containers mount what the hook writes", () => {
  const { services } = parse(readFileSync("examples/workflows/compose.yaml", "utf8")) as {
    services: { vllm: { command: string[]; volumes: string[] } };
  };
  assert.deepEqual(services.vllm.command, ["--config", "/etc/vllm/vllm.yaml"]);
  assert.ok(services.vllm.volumes.includes("./engine:/etc/vllm:ro"));
});

test("the manual's file is read as it stands, and says what the defaults are", async () => {
  const [, text] = /^```yaml\n([\s\S]*?)^```$/m.exec(readFileSync("docs/workflows.md", "utf8")) ?? [];
  const manual = join(folder, "manual.yaml");
  writeFileSync(manual, text!);
  writeFileSync(join(folder, "vllm.sh"), "#!/bin/sh\n", { mode: 0o755 });
  const env = { PATH, VLLM_KEY: "sk-1", DEPLOY_TOKEN: "Bearer t" };
  const [id, told] = [...(await readInstancePlans(manual, env))][0]!;
  assert.equal(id, "gpu-1:8000");
  const least = { ...parse(text!).instances[id] };
  for (const key of ["max_regression", "ready_timeout"]) delete least[key];
  writeFileSync(manual, JSON.stringify({ instances: { [id]: least } }));
  assert.deepEqual((await readInstancePlans(manual, env)).get(id), told);
  assert.equal(told.hooks.apply.timeoutMs, 300_000);
});
