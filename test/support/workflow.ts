/**
 * Runs a workflow as GitHub would, as far as the workflows here go: jobs in the order of their `needs`, a
 * matrix, conditions, expressions, the environment. Steps with our Action run the bundle, `run:` steps run in
 * bash, and the actions around them are stood in for by what they do to files.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join, relative } from "node:path";
import { parse } from "yaml";
import { type Contexts, condition, fillIn, type JobState } from "./expression.ts";
import { type ActionRun, runAction } from "./fake-runner.ts";

type Files = Readonly<Record<string, string>>;

/** What jobs hand each other, and workflows too: files by artifact, or by the key of a cache. */
export type Artifacts = Map<string, Files>;

export interface WorkflowRequest {
  readonly eventName: string;
  readonly event: unknown;
  /** Texts of the file that are other ones here, such as the address of a service; all must be there. */
  readonly replace: Readonly<Record<string, string>>;
  readonly secrets?: Readonly<Record<string, string>>;
  /** Inputs of our Action that go before the file's, so that less load is sent; only for steps that measure. */
  readonly inputs?: Readonly<Record<string, string>>;
  /** Bash for programs that are not called here, by name. */
  readonly programs?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  /** What a checkout brings, by path. */
  readonly repository?: Files;
  readonly artifacts?: Artifacts;
  /** The API for the permissions that a job has, as texts such as "checks: write". */
  readonly apiUrl?: (permissions: ReadonlySet<string>) => string;
}

export interface JobRun {
  /** "shard (2)" for the job of a matrix. */
  readonly name: string;
  readonly conclusion: "success" | "failure" | "skipped";
  /** What our Action did, in the order of the steps. */
  readonly actions: readonly ActionRun[];
  /** What `run:` steps printed. */
  readonly printed: string;
}

interface Workflow {
  readonly env?: Record<string, unknown>;
  readonly jobs: Record<string, Job>;
}

interface Job {
  readonly needs?: string | string[];
  readonly if?: string;
  readonly env?: Record<string, unknown>;
  readonly permissions?: Record<string, string>;
  readonly strategy?: { readonly matrix?: Record<string, readonly unknown[]> };
  readonly steps: readonly Step[];
}

interface Step {
  readonly id?: string;
  readonly name?: string;
  readonly if?: string;
  readonly uses?: string;
  readonly run?: string;
  readonly env?: Record<string, unknown>;
  readonly with?: Record<string, unknown>;
  readonly "continue-on-error"?: boolean;
}

/** Jobs by name; those of a matrix run one after the other, which nothing in them may notice. */
export async function runWorkflow(
  path: string,
  request: WorkflowRequest,
): Promise<ReadonlyMap<string, JobRun>> {
  const workflow: Workflow = parse(replaced(await readFile(path, "utf8"), request.replace));
  const home = await mkdtemp(join(tmpdir(), "goodput-workflow-"));
  const artifacts: Artifacts = request.artifacts ?? new Map();
  const done = new Map<string, JobRun>();
  const results = new Map<string, { result: string }>();
  try {
    for (const [id, job] of Object.entries(workflow.jobs)) {
      const needs = Object.fromEntries([job.needs ?? []].flat().map((need) => [need, results.get(need)!]));
      const runs: JobRun[] = [];
      for (const matrix of combinations(job.strategy?.matrix ?? {})) {
        const values = Object.values(matrix).join(", ");
        const name = values === "" ? id : `${id} (${values})`;
        // Every job has a machine of its own.
        const machine = await mkdtemp(join(home, "job-"));
        const run = await new RunningJob(machine, workflow, job, request, artifacts, { needs, matrix }).run(
          name,
          id,
        );
        runs.push(run);
        done.set(name, run);
      }
      const conclusions = runs.map(({ conclusion }) => conclusion);
      results.set(id, { result: conclusions.find((word) => word !== "success") ?? "success" });
    }
  } finally {
    await rm(home, { recursive: true, force: true });
  }
  return done;
}

class RunningJob {
  readonly #bin: string;
  readonly #folder: string;
  readonly #temp: string;
  readonly #workflow: Workflow;
  readonly #job: Job;
  readonly #request: WorkflowRequest;
  readonly #artifacts: Artifacts;
  readonly #contexts: Contexts;
  readonly #steps: Record<string, { outputs: Readonly<Record<string, string>> }> = {};
  readonly #actions: ActionRun[] = [];
  readonly #started: ChildProcess[] = [];
  #files: Files = {};
  #printed = "";
  #state: JobState = "success";

  constructor(
    machine: string,
    workflow: Workflow,
    job: Job,
    request: WorkflowRequest,
    artifacts: Artifacts,
    { needs, matrix }: { needs: Contexts; matrix: Contexts },
  ) {
    this.#bin = join(machine, "bin");
    this.#folder = join(machine, "workspace");
    this.#temp = join(machine, "temp");
    this.#workflow = workflow;
    this.#job = job;
    this.#request = request;
    this.#artifacts = artifacts;
    this.#contexts = {
      needs,
      matrix,
      secrets: request.secrets ?? {},
      steps: this.#steps,
      runner: { temp: this.#temp },
      github: {
        event: request.event,
        event_name: request.eventName,
        ref: "refs/pull/7/merge",
        repository: "acme/chat",
        run_id: request.env?.GITHUB_RUN_ID ?? "4242",
        token: "token-of-this-job",
        workspace: this.#folder,
      },
    };
  }

  async run(name: string, id: string): Promise<JobRun> {
    const { needs } = this.#contexts as { needs: Record<string, { result: string }> };
    const before = Object.values(needs).every(({ result }) => result === "success") ? "success" : "failure";
    if (!condition(this.#job.if ?? "true", this.#contexts, before)) {
      return { name, conclusion: "skipped", actions: [], printed: "" };
    }
    await this.#writeFiles();
    await this.#writePrograms();
    try {
      for (const step of this.#job.steps) {
        if (!condition(step.if ?? "true", this.#contexts, this.#state)) continue;
        const succeeded = await this.#step(step, id);
        if (!succeeded && step["continue-on-error"] !== true) this.#state = "failure";
      }
    } finally {
      // The runner, too, ends what steps have left behind.
      for (const { pid } of this.#started) endGroup(pid!);
    }
    const conclusion = this.#state === "success" ? "success" : "failure";
    return { name, conclusion, actions: this.#actions, printed: this.#printed };
  }

  async #step(step: Step, jobId: string): Promise<boolean> {
    const env = this.#environment(step);
    const inputs = this.#texts(step.with);
    if (step.run !== undefined) return this.#shell(this.#text(step.run), env);
    const action = step.uses?.split("@")[0] ?? "";
    if (action === "goodput/goodput" || action === "./") return this.#ourAction(step, inputs, env, jobId);
    const standIn = STAND_INS[action];
    if (standIn === undefined) throw new Error(`nothing stands in for ${action}`);
    const change = standIn(inputs, {
      files: this.#files,
      artifacts: this.#artifacts,
      repository: this.#request.repository ?? { "package.json": "{}" },
    });
    if (change === undefined) return false;
    this.#files = { ...this.#files, ...change };
    await this.#writeFiles();
    return true;
  }

  async #ourAction(step: Step, inputs: Files, env: Files, jobId: string): Promise<boolean> {
    const permissions = new Set(
      Object.entries(this.#job.permissions ?? {}).map(([scope, access]) => `${scope}: ${access}`),
    );
    const measures = inputs.mode === undefined || inputs.mode === "run";
    const apiUrl = this.#request.apiUrl?.(permissions);
    const run = await runAction({
      inputs: { ...inputs, ...(measures && this.#request.inputs) },
      event: this.#request.event,
      env: { ...env, GITHUB_EVENT_NAME: this.#request.eventName, GITHUB_JOB: jobId },
      files: this.#files,
      ...(apiUrl !== undefined && { apiUrl }),
    });
    this.#actions.push(run);
    this.#files = run.files;
    await this.#writeFiles();
    if (step.id !== undefined) this.#steps[step.id] = { outputs: run.outputs };
    return run.exitCode === 0;
  }

  /** As the runner does: bash that ends at the first mistake; what is left in the background goes on. */
  async #shell(script: string, env: Files): Promise<boolean> {
    const child = spawn("bash", ["--noprofile", "--norc", "-eo", "pipefail", "-c", script], {
      cwd: this.#folder,
      env,
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#started.push(child);
    const keep = (chunk: Buffer) => {
      this.#printed += chunk;
    };
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);
    const [code] = await once(child, "exit");
    await this.#readFiles();
    return code === 0;
  }

  #environment(step: Step): Files {
    return {
      PATH: `${this.#bin}:${process.env.PATH}`,
      HOME: this.#folder,
      RUNNER_TEMP: this.#temp,
      ...this.#texts(this.#workflow.env),
      ...this.#texts(this.#job.env),
      ...this.#texts(step.env),
      ...this.#request.env,
    };
  }

  #texts(values: Readonly<Record<string, unknown>> = {}): Files {
    return Object.fromEntries(
      Object.entries(values).map(([name, value]) => [name, this.#text(String(value))]),
    );
  }

  #text(text: string): string {
    return fillIn(text, this.#contexts, this.#state);
  }

  async #writeFiles(): Promise<void> {
    await mkdir(this.#folder, { recursive: true });
    for (const [path, text] of Object.entries(this.#files)) {
      await mkdir(dirname(join(this.#folder, path)), { recursive: true });
      await writeFile(join(this.#folder, path), text);
    }
  }

  async #readFiles(): Promise<void> {
    const entries = await readdir(this.#folder, { recursive: true, withFileTypes: true });
    const paths = entries
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
    const texts = await Promise.all(paths.map((path) => readFile(path, "utf8")));
    this.#files = Object.fromEntries(paths.map((path, i) => [relative(this.#folder, path), texts[i]!]));
  }

  async #writePrograms(): Promise<void> {
    await mkdir(this.#temp, { recursive: true });
    await mkdir(this.#bin, { recursive: true });
    for (const [name, script] of Object.entries(this.#request.programs ?? {})) {
      await writeFile(join(this.#bin, name), `#!/usr/bin/env bash\n${script}\n`);
      await chmod(join(this.#bin, name), 0o755);
    }
  }
}

/** What an action does to the workspace: files that come, or undefined when it fails. */
type StandIn = (inputs: Files, machine: Machine) => Files | undefined;

interface Machine {
  readonly files: Files;
  readonly artifacts: Artifacts;
  readonly repository: Files;
}

const STAND_INS: Readonly<Record<string, StandIn>> = {
  "actions/checkout": ({ path = "" }, { repository }) => below(path, repository),
  "actions/setup-node": () => ({}),
  "actions/cache": () => ({}),
  "actions/cache/restore"({ path = "", "restore-keys": start = "" }, { artifacts }) {
    const newest = [...artifacts].findLast(([key]) => key.startsWith(start));
    return newest === undefined ? {} : below(path, newest[1]);
  },
  "actions/cache/save"({ path = "", key = "" }, { files, artifacts }) {
    artifacts.set(key, filesAt(path, files));
    return {};
  },
  "actions/upload-artifact"({ name = "artifact", path = "" }, { files, artifacts }) {
    const found = filesAt(path, files);
    // Only a warning where there is nothing.
    if (Object.keys(found).length > 0) artifacts.set(name, found);
    return {};
  },
  "actions/download-artifact"({ name, pattern, path = "" }, { artifacts }) {
    if (name !== undefined) return artifacts.has(name) ? below(path, artifacts.get(name)!) : undefined;
    const start = pattern?.replace(/\*$/, "") ?? "";
    const wanted = [...artifacts].filter(([candidate]) => candidate.startsWith(start));
    return Object.assign({}, ...wanted.map(([one, files]) => below(join(path, one), files)));
  },
};

/** Of a file only its name, of a folder what is below it. */
function filesAt(path: string, files: Files): Files {
  if (path in files) return { [basename(path)]: files[path]! };
  const inside = Object.entries(files).filter(([file]) => file.startsWith(`${path}/`));
  return Object.fromEntries(inside.map(([file, text]) => [file.slice(path.length + 1), text]));
}

function below(folder: string, files: Files): Files {
  return Object.fromEntries(Object.entries(files).map(([path, text]) => [join(folder, path), text]));
}

function replaced(text: string, replace: Files): string {
  return Object.entries(replace).reduce((changed, [from, to]) => {
    if (!changed.includes(from)) throw new Error(`"${from}" is not in the workflow`);
    return changed.replaceAll(from, to);
  }, text);
}

function combinations(matrix: Readonly<Record<string, readonly unknown[]>>): Contexts[] {
  return Object.entries(matrix).reduce<Contexts[]>(
    (sofar, [name, values]) => sofar.flatMap((one) => values.map((value) => ({ ...one, [name]: value }))),
    [{}],
  );
}

function endGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}
