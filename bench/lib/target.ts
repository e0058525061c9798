import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { createInterface } from "node:readline";

/** The target has a core of its own, and so has what is measured, where the system can pin. */
export const TARGET_CORE = 0;
export const CLIENT_CORE = 1;
const PINS = existsSync("/usr/bin/taskset") && availableParallelism() > 1;

export interface BenchTarget {
  readonly url: string;
  /** Of the requests since it was asked last. */
  stats(): Promise<TargetStats>;
  stop(): Promise<void>;
}

export interface TargetStats {
  readonly moments: readonly {
    readonly id?: string;
    readonly receivedNs: number;
    readonly firstTokenNs: number;
    readonly lateNs: number;
  }[];
  readonly firstRequestNs: number;
  readonly requests: number;
  readonly cpuUs: number;
}

export async function startTarget(...args: readonly string[]): Promise<BenchTarget> {
  const child = spawnPinned(TARGET_CORE, [process.execPath, "bench/target.ts", ...args]);
  const [url] = (await once(createInterface({ input: child.stdout! }), "line")) as [string];
  return {
    url,
    stats: async () => (await fetch(`${url}/stats`)).json() as Promise<TargetStats>,
    async stop() {
      if (child.exitCode === null && child.kill()) await once(child, "exit");
    },
  };
}

/** Standard output is a pipe, standard error ours. */
export function spawnPinned(
  core: number,
  command: readonly string[],
  options: { readonly env?: NodeJS.ProcessEnv; readonly quiet?: boolean } = {},
): ChildProcess {
  const [program, ...args] = PINS ? ["taskset", "-c", String(core), ...command] : command;
  const stderr = options.quiet ? "ignore" : "inherit";
  return spawn(program!, args, { stdio: ["ignore", "pipe", stderr], env: options.env ?? process.env });
}

/** What a program prints, as the JSON of its last line. @throws Error when it fails or takes too long. */
export async function measure<T>(
  command: readonly string[],
  timeoutMs = 60_000,
  options: { readonly env?: NodeJS.ProcessEnv; readonly quiet?: boolean } = {},
): Promise<T> {
  const child = spawnPinned(CLIENT_CORE, command, options);
  const timer = setTimeout(() => child.kill("SIGKILL"), timeoutMs);
  let last = "";
  const lines = createInterface({ input: child.stdout! });
  lines.on("line", (line) => {
    last = line;
  });
  const exited = once(child, "exit");
  await once(lines, "close");
  const [code, signal] = await exited;
  clearTimeout(timer);
  if (code !== 0) throw new Error(`${command.slice(1, 3).join(" ")} ended with ${signal ?? code}`);
  return JSON.parse(last) as T;
}
