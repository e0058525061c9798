/**
 * The service under test, started for the run and stopped after it: with everything it starts itself, for it
 * is given a process group of its own. What it prints goes to a file, since it is not ours to put in the log.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createWriteStream, existsSync, type WriteStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { getState, saveState } from "@actions/core";
import { ConfigError, GoodputError } from "../src/index.ts";
import type { Inputs } from "./inputs.ts";
import { statusOf, type Waiting, waitUntilReady } from "./ready.ts";
import { redact, safeLine } from "./secrets.ts";

export interface RunningServer {
  /** How it ended; undefined while it runs, or where it went to the background. */
  failure(): GoodputError | undefined;
  /** Of its output, each safe to print. */
  lastLines(): readonly string[];
  /** Asks it to end, and ends it when it does not; in a hurry sooner. */
  stop(hurry: boolean): Promise<void>;
}

/**
 * Starts it and waits until it answers.
 * @throws ConfigError when somebody else answers already; GoodputError TARGET_UNREACHABLE or CANCELLED.
 */
export async function startServer(inputs: Inputs, waiting: Waiting): Promise<RunningServer> {
  if ((await statusOf(waiting, "/health")) !== undefined) {
    throw new ConfigError([
      {
        field: "server-command",
        value: inputs.serverCommand,
        message: `cannot start a server where one answers already: ${waiting.url}. Stop that one, or leave server-command out to measure it.`,
      },
    ]);
  }
  await makeFolder(inputs.outputDir);
  const server = new Server(inputs.serverCommand, join(inputs.outputDir, LOG_NAME));
  try {
    if (inputs.waitForReadyMs > 0) {
      await waitUntilReady(waiting, inputs.waitForReadyMs, () => server.failure());
    }
    return server;
  } catch (thrown) {
    // Only then has it said all that it will say.
    await server.stop(waiting.signal.aborted);
    throw withLastLines(thrown, server.lastLines());
  }
}

/** For the step after a kill, which leaves a server that nobody would stop. */
export function stopLeftServer(): void {
  const pid = Number(getState(STATE));
  if (Number.isSafeInteger(pid) && pid > 1) signalGroup(pid, "SIGKILL");
}

const LOG_NAME = "server.log";
const STATE = "server-pid";
/** Of its output, shown when it fails. */
const LAST_LINES = 20;
const LOG_MAX_CHARS = 16 * 1024 * 1024;
/** Longer lines are cut, but never within the last part of them, where a secret may be half there. */
const LINE_MAX_CHARS = 64 * 1024;
const HELD_BACK_CHARS = 16 * 1024;

class Server implements RunningServer {
  readonly #child: ChildProcess;
  readonly #log: WriteStream;
  readonly #lines: string[] = [];
  readonly #outputs: Promise<unknown>;
  #logged = 0;
  #end: string | undefined;
  #spawnError: Error | undefined;

  constructor(command: string, logPath: string) {
    this.#log = createWriteStream(logPath);
    // A log that cannot be written must not end the run.
    this.#log.on("error", () => {});
    this.#child = spawn(command, {
      // What a workflow's own steps are written in, where there is one.
      shell: existsSync("/bin/bash") ? "/bin/bash" : true,
      detached: process.platform !== "win32",
      stdio: ["ignore", "pipe", "pipe"],
      env: environment(),
    });
    this.#child.on("error", (error) => {
      this.#spawnError = error;
    });
    this.#child.on("exit", (code, signal) => {
      this.#end = signal === null ? `exit code ${code}` : `signal ${signal}`;
    });
    this.#outputs = Promise.all([this.#keep(this.#child.stdout!), this.#keep(this.#child.stderr!)]);
    saveState(STATE, String(this.#child.pid ?? ""));
  }

  failure(): GoodputError | undefined {
    if (this.#spawnError !== undefined) {
      return unreachable(`server-command could not be started: ${this.#spawnError.message}`);
    }
    // Exit code 0 may be that of a command which has put the server into the background.
    if (this.#end === undefined || this.#end === "exit code 0") return undefined;
    return unreachable(`server-command ended with ${this.#end}.`);
  }

  lastLines(): readonly string[] {
    return this.#lines;
  }

  async stop(hurry: boolean): Promise<void> {
    const { pid } = this.#child;
    if (pid !== undefined) {
      signalGroup(pid, "SIGTERM");
      if (!(await isGone(pid, hurry ? 1_000 : 5_000))) {
        signalGroup(pid, "SIGKILL");
        await isGone(pid, 1_000);
      }
    }
    // Whoever left the group may hold the pipes open for ever.
    await Promise.race([this.#outputs, sleep(200, undefined, { ref: false })]);
    this.#child.stdout!.destroy();
    this.#child.stderr!.destroy();
    await new Promise<void>((resolve) => this.#log.end(() => resolve()));
    saveState(STATE, "");
  }

  async #keep(stream: Readable): Promise<void> {
    stream.setEncoding("utf8");
    let rest = "";
    try {
      for await (const text of stream) {
        const lines = (rest + text).split(/\r\n|\n|\r(?!$)/);
        rest = lines.pop() ?? "";
        for (const line of lines) this.#take(line);
        if (rest.length > LINE_MAX_CHARS) {
          const hidden = redact(rest);
          this.#take(hidden.slice(0, -HELD_BACK_CHARS));
          rest = hidden.slice(-HELD_BACK_CHARS);
        }
      }
    } catch {
      // Destroyed when the server was stopped.
    }
    if (rest !== "") this.#take(rest);
  }

  #take(line: string): void {
    const indent = /^ */.exec(line)?.[0].slice(0, 80) ?? "";
    const text = safeLine(line, 4_000);
    if (text !== "") {
      this.#lines.push(text);
      if (this.#lines.length > LAST_LINES) this.#lines.shift();
    }
    if (this.#logged > LOG_MAX_CHARS) return;
    this.#logged += indent.length + text.length + 1;
    this.#log.write(
      this.#logged > LOG_MAX_CHARS ? "Here the log was cut: it grew too large.\n" : `${indent}${text}\n`,
    );
  }
}

function withLastLines(thrown: unknown, lines: readonly string[]): unknown {
  if (!(thrown instanceof GoodputError) || thrown.code !== "TARGET_UNREACHABLE") return thrown;
  const told = lines.length === 0 ? ["It printed nothing."] : ["The last it printed:", ...lines];
  return new GoodputError(thrown.code, [thrown.message, ...told].join("\n"), {
    hint: `Its whole output is in ${LOG_NAME}, beside the reports.`,
    cause: thrown,
  });
}

function unreachable(message: string): GoodputError {
  return new GoodputError("TARGET_UNREACHABLE", message);
}

async function makeFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true }).catch((error: Error) => {
    throw new GoodputError("OUTPUT_UNWRITABLE", `Cannot make the folder ${path}: ${error.message}`);
  });
}

/**
 * Without this step's inputs, which hold its secrets, without the runner's own tokens, and without the files
 * by which a step gives outputs: what is measured tells nothing in our name.
 */
function environment(): NodeJS.ProcessEnv {
  const ours = /^(?:INPUT_|STATE_|ACTIONS_.*TOKEN|GITHUB_(?:OUTPUT|ENV|PATH|STATE|STEP_SUMMARY)$)/i;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !ours.test(name)));
}

async function isGone(pid: number, withinMs: number): Promise<boolean> {
  const until = performance.now() + withinMs;
  for (;;) {
    if (!signalGroup(pid, 0)) return true;
    if (performance.now() > until) return false;
    await sleep(20);
  }
}

/** Whether there was anybody to signal. */
function signalGroup(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    if (process.platform !== "win32") return process.kill(-pid, signal);
    if (signal === 0) return process.kill(pid, 0);
    spawn("taskkill", ["/pid", String(pid), "/t", "/f"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
