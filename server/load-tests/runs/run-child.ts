import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { MEASURING_FLAGS, type Result, redactor } from "../../../src/index.ts";
import type { FromRunProcess, RunOrder, ToRunProcess } from "./run-process.ts";
import type { RunProgress } from "./run-request.ts";

/** A process that measures one run. */
export interface RunChild {
  readonly pid: number | undefined;
  /** What it measured, or why it did not; its records may hold more. Never rejects. */
  readonly ended: Promise<RunOutcome>;
  /** Ends its load at once; it has a few seconds to tell what it measured. */
  stop(): void;
}

export type RunOutcome =
  | { readonly result: Result }
  | {
      readonly failure: string;
      /** The end of what it wrote on standard error, where it did. */
      readonly stderr?: string;
    };

const STOP_MS = 10_000;
const LEAVE_MS = 5_000;
const STDERR_CHARACTERS = 4_096;

/** The key goes by message: arguments and the environment of a process can be read by others. */
export function startRunProcess(order: RunOrder, onProgress: (progress: RunProgress) => void): RunChild {
  const file = `./run-process${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`;
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), [], {
    // A debugger or a profiler is for the server, and would want the same port and file here.
    execArgv: [...MEASURING_FLAGS],
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  const redact = redactor([order.apiKey]);
  let stderr = "";
  let told: RunOutcome | undefined;
  let killer: NodeJS.Timeout | undefined;
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    stderr = `${stderr}${text}`.slice(-STDERR_CHARACTERS);
  });
  child.on("message", (message: FromRunProcess) => {
    if ("progress" in message) onProgress(message.progress);
    else {
      told ??= "failure" in message ? { failure: redact(message.failure) } : message;
      // It leaves at once. Now and then V8 waits for its own compiler there, for good, and nothing more is to be said.
      killer ??= setTimeout(() => child.kill("SIGKILL"), LEAVE_MS).unref();
    }
  });
  const ended = new Promise<RunOutcome>((resolve) => {
    const end = (failure: string) => {
      clearTimeout(killer);
      resolve(told ?? { failure, ...(stderr !== "" && { stderr: redact(stderr) }) });
    };
    child.once("error", (error) => end(`The process that measures cannot be started: ${error.message}`));
    // "close" and not "exit": only then has all that it said been read.
    child.once("close", (code, signal) =>
      end(`The process that measured ended with ${signal === null ? `code ${code}` : signal}.`),
    );
  });
  const send = (message: ToRunProcess) => {
    // One that is gone already says so itself.
    if (child.connected) child.send(message, () => {});
  };
  send({ measure: order });
  return {
    pid: child.pid,
    ended,
    stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      send({ stop: true });
      killer ??= setTimeout(() => child.kill("SIGKILL"), STOP_MS).unref();
    },
  };
}
