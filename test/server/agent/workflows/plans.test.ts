import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, test } from "node:test";
import { parse, stringify } from "yaml";
import { readAgentConfig } from "../../../../server/agent/agent-config.ts";
import { checkTargets } from "../../../../server/agent/workflows/check-targets.ts";
import {
  hookFolder,
  readInstancePlans,
  secretsOfPlans,
} from "../../../../server/agent/workflows/read-plans.ts";
import { ConfigError } from "../../../../server/config.ts";
import { createTargets } from "../../../../server/settings/targets.ts";
import { startServer } from "../../../support/server.ts";

const folder = mkdtempSync(join(tmpdir(), "goodput-plans-"));
after(() => rmSync(folder, { recursive: true }));
const path = join(folder, "workflows.yaml");
writeFileSync(join(folder, "apply.sh"), "#!/bin/sh\n");
chmodSync(join(folder, "apply.sh"), 0o755);
writeFileSync(join(folder, "notes.txt"), "not a program\n");

const ENV = { PATH: process.env.PATH, VLLM_KEY: "sk-of-vllm", HOOK_TOKEN: "Bearer tok-of-hook" };

/** One instance as it has to be at least. */
const LEAST = `
instances:
  vllm-1:
    load:
      url: http://127.0.0.1:8000/v1
    hooks:
      apply: { command: [./apply.sh] }
      rollback: { command: [./apply.sh, back] }
`;

const readText = (text: string, env: Readonly<Record<string, string | undefined>> = ENV) => {
  writeFileSync(path, text);
  return readInstancePlans(path, env);
};

/** The mistakes of a file, without its name before each. */
async function mistakesOf(text: string): Promise<readonly string[]> {
  const error = await readText(text).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof ConfigError, text);
  assert.equal(error.message, error.mistakes.join("\n"));
  return error.mistakes.map((mistake) => {
    assert.ok(mistake.startsWith(`${path}: `), mistake);
    return mistake.slice(path.length + 2);
  });
}

/** The least there can be with one thing set, or taken away, at a place below the instance. */
function changed(place: string, value: unknown): string {
  const file = parse(LEAST) as { instances: Record<string, object> };
  const names = place.split(".");
  const last = names.pop()!;
  const holder = names.reduce<Record<string, unknown>>(
    (inner, name) => inner[name] as Record<string, unknown>,
    file.instances["vllm-1"] as Record<string, unknown>,
  );
  holder[last] = value;
  return stringify(file);
}

test("a file that says the least has defaults for the rest", async () => {
  const plans = await readText(LEAST);
  assert.deepEqual(
    [...plans],
    [
      [
        "vllm-1",
        {
          instanceId: "vllm-1",
          metricsUrl: undefined,
          load: { url: "http://127.0.0.1:8000/v1" },
          maxRegression: 0.1,
          apiKey: undefined,
          readyUrl: "http://127.0.0.1:8000/v1/models",
          readyTimeoutMs: 600_000,
          hooks: {
            read: undefined,
            apply: { kind: "command", argv: ["./apply.sh"], timeoutMs: 300_000 },
            rollback: { kind: "command", argv: ["./apply.sh", "back"], timeoutMs: 300_000 },
            rollout: undefined,
          },
        },
      ],
    ],
  );
});

test("everything that can be said is read, from YAML and from JSON alike", async () => {
  const text = `
instances:
  "gpu-7:8000":
    metrics_url: http://gpu-7:8000/metrics
    load:
      url: http://gpu-7:8000
      model: llama
      prompts: prompts.jsonl
      tokenizer: /models/tokenizer.json
      slo: [ttft_p95 < 500ms]
    max_regression: 5%
    api_key_env: VLLM_KEY
    ready_url: http://gpu-7:8000/health
    ready_timeout: 2m
    hooks:
      read: { webhook: "https://ops.example/read", headers_env: { Authorization: HOOK_TOKEN } }
      apply: { command: [./apply.sh], timeout: 90 }
      rollback: { command: [./apply.sh, back], timeout: 1500ms }
      rollout: { webhook: "http://ops.example/all", timeout: 1h }
`;
  const plans = await readText(text);
  assert.deepEqual(plans.get("gpu-7:8000"), {
    instanceId: "gpu-7:8000",
    metricsUrl: "http://gpu-7:8000/metrics",
    load: {
      url: "http://gpu-7:8000",
      model: "llama",
      prompts: join(folder, "prompts.jsonl"),
      tokenizer: "/models/tokenizer.json",
      slo: ["ttft_p95 < 500ms"],
    },
    maxRegression: 0.05,
    apiKey: "sk-of-vllm",
    readyUrl: "http://gpu-7:8000/health",
    readyTimeoutMs: 120_000,
    hooks: {
      read: {
        kind: "webhook",
        url: "https://ops.example/read",
        headers: { Authorization: "Bearer tok-of-hook" },
        timeoutMs: 300_000,
      },
      apply: { kind: "command", argv: ["./apply.sh"], timeoutMs: 90_000 },
      rollback: { kind: "command", argv: ["./apply.sh", "back"], timeoutMs: 1_500 },
      rollout: { kind: "webhook", url: "http://ops.example/all", headers: {}, timeoutMs: 3_600_000 },
    },
  });
  assert.deepEqual(await readText(JSON.stringify(parse(text))), plans);
  // A token is secret without the word before it, too.
  assert.deepEqual(secretsOfPlans(plans), ["sk-of-vllm", "Bearer tok-of-hook", "tok-of-hook"]);
});

test("hooks run in the file's folder, wherever the server was started", () => {
  assert.equal(hookFolder("ops/workflows.yaml"), resolve("ops"));
  assert.equal(hookFolder(path), folder);
});

test("a file with five mistakes in two instances shows five, each with instance and field", async () => {
  const mistakes = await mistakesOf(`
instances:
  one:
    load: { url: http://h:1, concurency: 4, slo: ["ttft_p95 < soon"] }
    hooks:
      apply: { command: [./apply.sh] }
  two:
    load: { url: http://h:2 }
    max_regression: lots
    hooks:
      apply: { command: [./apply.sh], timeout: 3 days }
      rollback: { command: [./apply.sh] }
`);
  assert.equal(mistakes.length, 5);
  const places = mistakes.map((mistake) => mistake.split(":")[0]);
  assert.deepEqual(places, [
    "instances.one.hooks.rollback",
    "instances.one.load.concurency",
    "instances.one.load.slo 1",
    "instances.two.max_regression",
    "instances.two.hooks.apply.timeout",
  ]);
});

/** Where, what, what is said about it, and why it is refused at the start. */
const WRONG: readonly (readonly [place: string, value: unknown, said: RegExp, reason: string])[] = [
  ["load", undefined, /load: is required/, "nothing could be measured"],
  ["load", [], /load: should be/, "a list has no settings"],
  ["load", {}, /load\.url: is required: the address/, "as the config file says it"],
  ["load.rate", "x", /load\.rate: "x" should be requests per second/, "as the config file says it"],
  ["load.search", "rate", /load\.search: cannot be measured alike/, "two searches find two loads"],
  ["load.baseline-url", "http://h", /baseline-url: cannot/, "the baseline is the instance before"],
  ["load.url", "http://u:secret@h", /load\.url: "http:\/\/\*\*\*@h" should be/, "no password is repeated"],
  ["hooks", undefined, /hooks: is required: `apply` and `rollback`/, "such an instance needs no entry"],
  ["hooks.rollback", undefined, /hooks\.rollback: is required: what undoes/, "apply without rollback"],
  ["hooks.apply", undefined, /hooks\.apply: is required/, "rollback without apply"],
  ["hooks.applly", {}, /hooks\.applly: is not known; did you mean apply\?$/, "a misspelt hook is no hook"],
  ["hook", {}, /hook: is not known; did you mean hooks\?$/, "a misspelt key would be ignored"],
  ["hooks.apply", "./apply.sh", /"\.\/apply\.sh" should be either `command/, "a hook is an object"],
  ["hooks.apply", {}, /hooks\.apply: must be either/, "neither of the two"],
  [
    "hooks.apply",
    { command: ["./apply.sh"], webhook: "http://h" },
    /hooks\.apply: must be either/,
    "both of the two",
  ],
  ["hooks.apply.shell", true, /shell: is not known; known are command, webhook/, "there is no shell"],
  ["hooks.apply.command", "./apply.sh --now", /command: ".*" should be a list/, "there is no shell"],
  ["hooks.apply.command", [], /command: should be a list/, "nothing to run"],
  ["hooks.apply.command", [""], /command: should be a list/, "nothing to run"],
  ["hooks.apply.command", ["./apply.sh", 3], /command\.1: 3 should be a text/, "arguments are texts"],
  ["hooks.apply.command", ["./apply.sh", "a\0b"], /NUL/, "no system takes it"],
  ["hooks.apply.command", ["./notes.txt"], /"\.\/notes\.txt" is no file that may be/, "not executable"],
  ["hooks.apply.command", ["./none.sh"], /"\.\/none\.sh" is no file/, "not there"],
  ["hooks.apply.command", ["apply.sh"], /nowhere in PATH; one beside .* is \.\/apply\.sh/, "not in PATH"],
  ["hooks.apply.headers_env", { A: "PATH" }, /headers_env: is for a webhook/, "a command has no headers"],
  ["hooks.apply", { webhook: "file:///etc" }, /webhook: "file:.*http or https/, "not HTTP"],
  ["hooks.apply", { webhook: "http://169.254.169.254/x" }, /metadata address/, "credentials of a cloud"],
  [
    "hooks.apply",
    { webhook: "http://h", headers_env: { "a b": "VLLM_KEY", Host: "VLLM_KEY" } },
    /headers_env\.a b: is no header's name\..*headers_env\.Host: is set by the server itself/,
    "both headers are wrong",
  ],
  ["hooks.apply.timeout", 0, /timeout: 0 should be a time/, "no time at all"],
  ["hooks.apply.timeout", "25h", /timeout: "25h" should be a time of up to a day/, "a slip of the unit"],
  ["ready_timeout", "soon", /ready_timeout: "soon" should be a time/, "no time"],
  ["ready_url", "h:8000", /ready_url: "h:8000" should be/, "no address"],
  ["metrics_url", 9, /metrics_url: 9 should be/, "no address"],
  ["max_regression", "0%", /max_regression: "0%" should be a share above 0/, "noise alone is more"],
  ["max_regression", 10, /max_regression: 10 should be/, "10 for 10%"],
  ["api_key_env", "NOT_SET", /api_key_env: names an environment variable that is not set/, "a missing key"],
];

for (const [place, value, said, reason] of WRONG) {
  test(`${place} as ${JSON.stringify(value)} is refused: ${reason}`, async () => {
    const mistakes = await mistakesOf(changed(place, value));
    assert.match(mistakes.join(" ").replace(/\.$/, ""), said);
    for (const mistake of mistakes) assert.match(mistake, /^instances\.vllm-1/);
  });
}

test("a secret where its variable's name should be is not repeated", async () => {
  for (const text of [
    changed("api_key_env", "sk-the-key-itself"),
    changed("hooks.apply", { webhook: "http://h", headers_env: { Authorization: "sk-the-key-itself" } }),
  ]) {
    const said = (await mistakesOf(text)).join();
    assert.match(said, /_env.*: names an environment variable that is not set/);
    assert.doesNotMatch(said, /sk-the/);
  }
});

test("a variable with what no header can hold is a mistake, and not repeated", async () => {
  const text = changed("hooks.apply", { webhook: "http://h", headers_env: { "X-Token": "TOKEN" } });
  await assert.rejects(readText(text, { ...ENV, TOKEN: "one\ntwo" }), (error: Error) => {
    assert.match(error.message, /headers_env\.X-Token: names a value that cannot stand in a header/);
    return !error.message.includes("one");
  });
});

test("a file that is not there, or is none of instances, says what would be right", async () => {
  await assert.rejects(
    readInstancePlans(join(folder, "none.yaml"), {}),
    /WORKFLOWS_FILE: .*none\.yaml: there is no/,
  );
  await assert.rejects(readInstancePlans(folder, {}), /WORKFLOWS_FILE: .*: cannot be read/);
  for (const text of ["- a", "text", "", "1"]) {
    assert.match((await mistakesOf(text)).join(), /should hold `instances:`/);
  }
  assert.match((await mistakesOf("instances: [a]")).join(), /^instances: should be the settings of each/);
  assert.match((await mistakesOf("instances: {}\ninstance: 1")).join(), /^instance: is not known; did you/);
  assert.match((await mistakesOf("instances: {a: 1}")).join(), /^instances\.a: 1 should be the settings/);
  assert.deepEqual(await readText("instances: {}"), new Map());
});

test("YAML that does not parse is told by its lines, all of them", async () => {
  const mistakes = await mistakesOf("instances:\n  a: {}\n  a: {}\n  b: 'x\n");
  assert.deepEqual(
    mistakes.map((mistake) => mistake.split(":")[0]),
    ["line 3, column 3", "line 5, column 1"],
  );
  assert.match((await mistakesOf("instances: *a")).join(), /a/);
});

test("an id is a text that can be asked for, and names nothing else", async () => {
  for (const id of ["", " a", "a\u0000b", "x".repeat(201)]) {
    const file = parse(LEAST) as { instances: Record<string, object> };
    const text = JSON.stringify({ instances: { [id]: file.instances["vllm-1"] } });
    assert.match((await mistakesOf(text)).join(), /should be an instance's id/);
  }
  const text = LEAST.replace("vllm-1", "__proto__");
  assert.deepEqual([...(await readText(text)).keys()], ["__proto__"]);
});

test("WORKFLOWS_FILE is read, and absent where nothing is said", () => {
  assert.equal(readAgentConfig({ WORKFLOWS_FILE: " ops.yaml " }, []).workflowsFile, "ops.yaml");
  assert.equal("workflowsFile" in readAgentConfig({ WORKFLOWS_FILE: " " }, []), false);
});

test("a server that is given a file with mistakes does not start, and tells all of them", () => {
  writeFileSync(path, "instances: {a: 1, b: {load: {}}}\nmore: 1\n");
  const main = resolve("server/main.ts");
  const env = { ...process.env, MODEL: "off", PORT: "0", DATABASE_PATH: join(folder, "runs.db") };
  const started = (file: string) =>
    spawnSync(process.execPath, [main], {
      cwd: folder,
      env: { ...env, WORKFLOWS_FILE: file },
      encoding: "utf8",
      timeout: 60_000,
    });
  const wrong = started("workflows.yaml");
  assert.equal(wrong.status, 2, wrong.stderr);
  assert.equal(wrong.stdout, "");
  assert.deepEqual(
    wrong.stderr
      .trim()
      .split("\n")
      .map((line) => line.split(": ").slice(0, 2).join(": ")),
    ["more", "instances.a", "instances.b.hooks", "instances.b.load.url"].map(
      (field) => `workflows.yaml: ${field}`,
    ),
  );
  const gone = started("none.yaml");
  assert.equal(gone.status, 2);
  assert.equal(gone.stderr, "WORKFLOWS_FILE: none.yaml: there is no such file.\n");
});

const ALLOWED_ONLY: readonly (readonly [
  allowed: string[] | undefined,
  place: string,
  url: string,
  mistakes: RegExp[],
  because: string,
])[] = [
  [undefined, "load.url", "http://10.0.0.1/v1", [], "nothing is ruled out"],
  [["127.0.0.1"], "load.url", "http://127.0.0.1:8000/v1", [], "it is allowed"],
  [
    ["127.0.0.1"],
    "load.url",
    "http://10.0.0.1/v1",
    [/load\.url is none of .* ALLOWED_TARGETS/],
    "another server",
  ],
  [["127.0.0.1"], "ready_url", "http://10.0.0.1/health", [/ready_url is none of/], "it is asked too"],
  [["127.0.0.1"], "metrics_url", "http://10.0.0.1/metrics", [/metrics_url is none of/], "it is asked too"],
];
for (const [allowed, place, url, mistakes, because] of ALLOWED_ONLY) {
  test(`of the file's addresses only those that may be asked are taken: ${place} ${url}, ${because}`, async () => {
    const plans = await readText(changed(place, url));
    const check = checkTargets(plans, createTargets({ allowed }));
    if (mistakes.length === 0) return check;
    const error = await check.catch((thrown: unknown) => thrown);
    assert.ok(error instanceof ConfigError, String(error));
    assert.equal(error.mistakes.length, mistakes.length, error.message);
    for (const [index, mistake] of mistakes.entries()) {
      assert.match(error.mistakes[index]!, /^WORKFLOWS_FILE: instances\.vllm-1\./);
      assert.match(error.mistakes[index]!, mistake);
    }
  });
}

test("every address that may not be asked is told at once, and no server is started", async () => {
  const file = changed("metrics_url", "http://10.0.0.1/metrics");
  writeFileSync(path, file);
  const agent = { agentId: "performance-agent", pollingIntervalSeconds: 0, workflowsFile: path };
  const options = { model: { kind: "none" }, agent, allowedTargets: ["192.0.2.1"] } as const;
  const starting = startServer(options).then((server) => server.close());
  await assert.rejects(starting, ({ mistakes }: ConfigError) => mistakes.length === 2);
});
