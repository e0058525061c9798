/**
 * Runs the committed bundle as GitHub's runner does: inputs and files by environment, commands read from
 * what it prints, secrets masked in the log, signals when a step is cancelled, and the step that cleans up
 * afterwards. Only the bundle is copied along, into an empty folder.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";

export interface ActionRequest {
  readonly inputs: Readonly<Record<string, string>>;
  /** The event's payload; a pull request when absent. */
  readonly event?: unknown;
  /** Takes the payload's place in the event file, for payloads that are not JSON. */
  readonly eventText?: string;
  readonly apiUrl?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Files in the workspace by name. */
  readonly files?: Readonly<Record<string, string>>;
  /** Called with the workspace before the step starts. */
  readonly prepare?: (workspace: string) => Promise<void>;
  /**
   * Called once it runs; what it resolves to is sent as a signal. After SIGINT the runner goes on by its own
   * rule, with SIGTERM after 7.5 s and the end after 2.5 s more.
   */
  readonly signalWhen?: (workspace: string) => Promise<NodeJS.Signals>;
  /** Sent right after the first signal, as by people who do not want to wait. */
  readonly signalsAfter?: readonly NodeJS.Signals[];
}

export interface Command {
  readonly name: string;
  readonly properties: Readonly<Record<string, string>>;
  readonly text: string;
}

export interface ActionRun {
  readonly exitCode: number | null;
  /** Milliseconds from the signal, or from the start without one, to the end. */
  readonly tookMs: number;
  /** What people see: both streams without commands, secrets masked. */
  readonly log: string;
  readonly commands: readonly Command[];
  readonly outputs: Readonly<Record<string, string>>;
  readonly summary: string;
  /** What the step that cleans up after it did. */
  readonly post: { readonly exitCode: number | null; readonly log: string };
  /** Every file it left in the workspace, by path. */
  readonly files: Readonly<Record<string, string>>;
  /** Everything it wrote anywhere except commands that mask: no secret may be in here. */
  readonly everything: string;
}

/** Another folder than the committed one holds a bundle that is being worked on. */
export const DIST = resolve(process.env.GOODPUT_DIST ?? join(import.meta.dirname, "../../dist"));
export const HEAD_SHA = "1234567890abcdef1234567890abcdef12345678";
export const PULL_REQUEST_EVENT = { pull_request: { number: 7, head: { sha: HEAD_SHA } } };

export async function runAction(request: ActionRequest): Promise<ActionRun> {
  const home = await mkdtemp(join(tmpdir(), "goodput-action-"));
  try {
    return await runIn(home, request);
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

async function runIn(home: string, request: ActionRequest): Promise<ActionRun> {
  const workspace = join(home, "workspace");
  const paths = {
    action: join(home, "action", "index.js"),
    output: join(home, "output"),
    summary: join(home, "summary"),
    state: join(home, "state"),
    event: join(home, "event.json"),
  };
  await mkdir(workspace);
  await cp(DIST, join(home, "action"), { recursive: true });
  await writeFile(paths.output, "");
  await writeFile(paths.summary, "");
  await writeFile(paths.state, "");
  await writeFile(paths.event, request.eventText ?? JSON.stringify(request.event ?? PULL_REQUEST_EVENT));
  for (const [name, text] of Object.entries(request.files ?? {})) {
    await mkdir(dirname(join(workspace, name)), { recursive: true });
    await writeFile(join(workspace, name), text);
  }
  await request.prepare?.(workspace);

  const start = (env: Readonly<Record<string, string>>) =>
    spawn(process.execPath, [paths.action], {
      cwd: workspace,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...environment(paths, workspace, request), ...env },
    });
  const { exitCode, output, tookMs } = await finished(
    start({}),
    () => request.signalWhen?.(workspace),
    request,
  );
  const { commands, log } = readCommands(output);
  const state = Object.entries(readOutputs(await readFile(paths.state, "utf8")));
  const cleanUp = await finished(
    start(Object.fromEntries(state.map(([name, value]) => [`STATE_${name}`, value]))),
  );
  const files = await readTree(workspace);
  const written = await readFile(paths.output, "utf8");
  const summary = await readFile(paths.summary, "utf8");
  const unmasked = `${output}${cleanUp.output}`.replaceAll(/^::add-mask::.*$/gm, "");
  return {
    exitCode,
    tookMs,
    log,
    commands,
    outputs: readOutputs(written),
    summary,
    post: { exitCode: cleanUp.exitCode, log: cleanUp.output },
    files,
    everything: [unmasked, written, summary, ...Object.entries(files).flat()].join("\n"),
  };
}

interface Paths {
  readonly output: string;
  readonly summary: string;
  readonly state: string;
  readonly event: string;
}

function environment(paths: Paths, workspace: string, request: ActionRequest): NodeJS.ProcessEnv {
  return {
    PATH: process.env.PATH,
    GITHUB_ACTIONS: "true",
    GITHUB_OUTPUT: paths.output,
    GITHUB_STATE: paths.state,
    GITHUB_STEP_SUMMARY: paths.summary,
    GITHUB_EVENT_PATH: paths.event,
    GITHUB_EVENT_NAME: "pull_request",
    GITHUB_REPOSITORY: "acme/chat",
    GITHUB_RUN_ID: "4242",
    GITHUB_SERVER_URL: "https://github.test",
    GITHUB_SHA: "f".repeat(40),
    GITHUB_WORKSPACE: workspace,
    GITHUB_API_URL: request.apiUrl ?? "http://127.0.0.1:9",
    // Without a GitHub to speak to there is no token either, or every run would wait for one that never answers.
    "INPUT_GITHUB-TOKEN": request.apiUrl === undefined ? "" : "token-of-this-job",
    ...Object.fromEntries(
      Object.entries(request.inputs).map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value]),
    ),
    ...request.env,
  };
}

/** The runner's: from SIGINT to SIGTERM, and from there to the end. */
const PATIENCE_MS = 7_500;
const LAST_PATIENCE_MS = 2_500;

async function finished(
  child: ChildProcess,
  signalWhen: () => Promise<NodeJS.Signals> | undefined = () => undefined,
  { signalsAfter = [] }: Pick<ActionRequest, "signalsAfter"> = {},
) {
  let output = "";
  const keep = (chunk: string) => {
    output += chunk;
  };
  child.stdout!.setEncoding("utf8").on("data", keep);
  child.stderr!.setEncoding("utf8").on("data", keep);
  let startMs = performance.now();
  const closed = new Promise<number | null>((done, fail) => {
    child.on("close", done);
    child.on("error", fail);
  });
  const timers: NodeJS.Timeout[] = [];
  const asked = signalWhen();
  if (asked !== undefined) {
    const signal = await Promise.race([asked, closed.then(() => undefined)]);
    startMs = performance.now();
    for (const one of signal === undefined ? [] : [signal, ...signalsAfter]) child.kill(one);
    if (signal === "SIGINT") {
      timers.push(setTimeout(() => child.kill("SIGTERM"), PATIENCE_MS));
      timers.push(setTimeout(() => child.kill("SIGKILL"), PATIENCE_MS + LAST_PATIENCE_MS));
    }
  }
  const exitCode = await closed;
  for (const timer of timers) clearTimeout(timer);
  return { exitCode, output, tookMs: performance.now() - startMs };
}

/**
 * The runner's rules: a line that starts with `::name` is a command, and so is `##[name]` anywhere in a
 * line; `%25`, `%0D` and `%0A` stand for what a line cannot hold.
 */
function readCommands(output: string): { commands: Command[]; log: string } {
  const commands: Command[] = [];
  const log: string[] = [];
  for (const line of output.split(/\r?\n/)) {
    const match =
      /^\s*::([\w-]+)(?: ([^:]*(?::(?!:)[^:]*)*))?::(.*)$/.exec(line) ??
      /##\[([\w-]+)(?: ([^\]]*))?\](.*)$/.exec(line);
    if (match === null) log.push(line);
    else {
      const properties = Object.fromEntries(
        (match[2] ?? "")
          .split(",")
          .filter(Boolean)
          .map((pair) => [pair.slice(0, pair.indexOf("=")), decoded(pair.slice(pair.indexOf("=") + 1))]),
      );
      commands.push({ name: match[1]!, properties, text: decoded(match[3]!) });
    }
  }
  const secrets = commands.filter(({ name }) => name === "add-mask").map(({ text }) => text);
  const masked = secrets.reduce((text, secret) => text.replaceAll(secret, "***"), log.join("\n"));
  return { commands, log: masked };
}

function decoded(text: string): string {
  return text
    .replaceAll("%0D", "\r")
    .replaceAll("%0A", "\n")
    .replaceAll("%3A", ":")
    .replaceAll("%2C", ",")
    .replaceAll("%25", "%");
}

/** `name<<delimiter`, the value's lines, the delimiter. */
function readOutputs(text: string): Record<string, string> {
  const outputs: Record<string, string> = {};
  for (const [, name, , value] of text.matchAll(/^([^\n<]+)<<(\S+)\n([\s\S]*?)\n\2$/gm))
    outputs[name!] = value!;
  return outputs;
}

async function readTree(folder: string): Promise<Record<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Object.fromEntries(
    await Promise.all(
      files.map(async (path) => [path.slice(folder.length + 1), await readFile(path, "utf8")] as const),
    ),
  );
}
