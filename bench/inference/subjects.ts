import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { dirname } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { type Build, llamaPackage, llamaServer } from "./llama-server.ts";
import type { Watched } from "./watch.ts";

export interface Settings {
  readonly model: string;
  readonly slots: number;
  readonly contextSize: number;
  /** Chosen by the server itself when undefined. */
  readonly threads: number | undefined;
}

/** A server under load. */
export interface Subject {
  readonly url: string;
  readonly rssMb: () => number;
  /** Of our own server only. */
  readonly watched?: () => Promise<Watched>;
  stop(): Promise<void>;
}

/** `goodput serve` as users have it, in a process of its own. */
export async function startOurs(
  build: Build,
  { model, slots, contextSize, threads }: Settings,
): Promise<Subject> {
  const llama = await llamaPackage(build);
  const child = spawn(
    process.execPath,
    [
      "--import",
      "./bench/inference/watch.ts",
      "src/cli/bin.ts",
      "serve",
      "--port",
      "0",
      "--host",
      "127.0.0.1",
    ],
    {
      stdio: ["ignore", "pipe", "inherit", "ipc"],
      env: {
        ...process.env,
        MODEL: model,
        SLOTS: String(slots),
        CONTEXT_SIZE: String(contextSize),
        QUEUE_LIMIT: "256",
        GPU: "off",
        QUIET: "1",
        BENCH_WATCHED: "1",
        ...(threads !== undefined && { THREADS: String(threads) }),
        ...(llama !== undefined && { BENCH_LLAMA_PACKAGE: llama }),
      },
    },
  );
  process.once("exit", () => child.kill());
  const url = await listening(child);
  await ready(child, `${url}/health`);
  return {
    url,
    rssMb: () => rssMb(child),
    async watched() {
      const answer = once(child, "message");
      child.send("watched");
      const [watched] = (await answer) as [Watched];
      return watched;
    },
    stop: () => stop(child),
  };
}

/** With one HTTP thread for each stream and neither a page nor metrics: nothing but the answers. */
export async function startLlamaServer(
  build: Build,
  { model, slots, contextSize, threads }: Settings,
): Promise<Subject> {
  const port = await freePort();
  const program = llamaServer(build);
  const child = spawn(
    program,
    [
      ...["--model", model, "--host", "127.0.0.1", "--port", String(port)],
      ...["--parallel", String(slots), "--ctx-size", String(slots * contextSize), "--no-ui"],
      ...["--threads-http", "40", "--log-disable", "--cache-ram", "0", "--no-slots"],
      ...(threads === undefined ? [] : ["--threads", String(threads), "--threads-batch", String(threads)]),
    ],
    // The libraries beside it, wherever those lay that it was linked with.
    { stdio: "ignore", env: { ...process.env, LD_LIBRARY_PATH: dirname(program) } },
  );
  process.once("exit", () => child.kill());
  const url = `http://127.0.0.1:${port}`;
  await ready(child, `${url}/health`);
  return { url, rssMb: () => rssMb(child), stop: () => stop(child) };
}

async function listening(child: ChildProcess): Promise<string> {
  for await (const line of createInterface({ input: child.stdout! })) {
    const url = /^listening on (\S+)/.exec(line)?.[1];
    if (url !== undefined) return url;
  }
  throw new Error("The server ended before it listened.");
}

async function ready(child: ChildProcess, url: string): Promise<void> {
  for (let attempt = 0; attempt < 600; attempt++) {
    if (child.exitCode !== null) throw new Error(`The server ended with ${child.exitCode}.`);
    const answer = await fetch(url).catch(() => undefined);
    await answer?.text();
    if (answer?.ok) return;
    await sleep(50);
  }
  throw new Error(`${url} is not ready after 30 s.`);
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.kill()) await once(child, "exit");
}

function rssMb({ pid }: ChildProcess): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]) / 1024;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}
