import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { sql } from "kysely";
import { type Logger, pino } from "pino";
import type { RunProgress, RunRequest, Runs } from "../../server/load-tests/runs/run-request.ts";
import { createRuns } from "../../server/load-tests/runs/runs.ts";
import { type Database, openDatabase } from "../../server/store/database.ts";
import { openStores, type Stores } from "../../server/store/open-stores.ts";
import type { PostgresConnection } from "../../server/store/store-config.ts";
import { openShardQueue, type ShardQueue } from "../../server/workers/shard-queue.ts";
import { createShards, type ShardLimits, type Shards } from "../../server/workers/shards.ts";
import type { Script, ScriptedServer } from "../../src/scripted-server.ts";
import { startScriptedServer } from "../../src/scripted-server.ts";
import type { Postgres } from "./postgres.ts";

export type Line = Readonly<Record<string, unknown>>;

/** `goodput worker` in a process of its own. */
export interface WorkerProcess {
  readonly process: ChildProcess;
  /** Its log, line by line. */
  readonly lines: Line[];
  /** Resolves with the first line of that event or message. */
  line(name: string): Promise<Line>;
  /** Gives its exit code. */
  end(signal: NodeJS.Signals): Promise<number | null>;
}

export interface ShardBench {
  readonly config: { readonly kind: "postgres"; readonly connection: PostgresConnection };
  readonly stores: Stores;
  readonly database: Database;
  readonly queue: ShardQueue;
  readonly target: ScriptedServer;
  readonly dataDir: string;
  readonly log: Logger;
  readonly lines: Line[];
  readonly shards: Shards;
  readonly runs: Runs;
  request(plan?: Readonly<Record<string, unknown>>, more?: Partial<RunRequest>): RunRequest;
  startWorker(env?: NodeJS.ProcessEnv): Promise<WorkerProcess>;
  /** Resolves once the run's progress is as wanted. */
  progress(runId: string, wanted: (progress: RunProgress) => boolean): Promise<void>;
  /** Rows of shards and of their records that are left. */
  leftRows(): Promise<number>;
}

/** A server's runs on a real PostgreSQL, split in `of`; workers are started by the test and end with it. */
export async function withShardBench(
  postgres: Postgres,
  of: number,
  script: Script,
  work: (bench: ShardBench) => Promise<void>,
  limits: Partial<ShardLimits> = {},
): Promise<void> {
  const config = await postgres.fresh();
  const dataDir = await mkdtemp(join(tmpdir(), "goodput-"));
  const target = await startScriptedServer(script);
  const stores = await openStores(config);
  const database = await openDatabase(config);
  const lines: Line[] = [];
  const log = pino({ level: "debug" }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  const queue = await openShardQueue(config, log);
  const shards = createShards({ store: stores.shards, queue, log, of, workersKey: "workers-key", limits });
  const runs = await createRuns({ store: stores.runs, log, dataDir, shards });
  const workers: WorkerProcess[] = [];
  const bench: ShardBench = {
    config,
    stores,
    database,
    queue,
    target,
    dataDir,
    log,
    lines,
    shards,
    runs,
    request: (plan = {}, more = {}) => ({
      run: {
        kind: "load_test",
        serverUrl: target.url,
        model: "scripted",
        adapter: "openai",
        framework: undefined,
        config: {},
        notes: "",
      },
      plan: {
        url: target.url,
        model: "scripted",
        requests: 20,
        concurrency: 4,
        warmup: 0,
        "input-tokens": 16,
        "output-tokens": 4,
        "metrics-url": "off",
        ...plan,
      },
      ...more,
    }),
    async startWorker(env = {}) {
      const worker = startWorkerProcess(dataDir, { ...databaseEnvironment(config.connection), ...env });
      workers.push(worker);
      await worker.line("waiting for shards");
      return worker;
    },
    progress: (runId, wanted) =>
      new Promise((resolve) => {
        runs.subscribe(runId, (event) => {
          if (event.kind === "ended" || (event.kind === "progress" && wanted(event.progress))) resolve();
        });
      }),
    async leftRows() {
      const { rows } = await sql<{ left: number }>`select (select count(*) from benchmark_run_shards)::int
        + (select count(*) from benchmark_run_shard_records)::int as left`.execute(database);
      return rows[0]!.left;
    },
  };
  try {
    await work(bench);
  } finally {
    await runs.close();
    await Promise.all(workers.map((worker) => worker.end("SIGTERM")));
    await queue.close();
    await database.destroy();
    await stores.close();
    await target.close();
    await rm(dataDir, { recursive: true, force: true });
  }
}

export function databaseEnvironment({ host, port, database, user, password }: PostgresConnection) {
  return {
    DB_HOST: host,
    DB_PORT: String(port),
    DB_NAME: database,
    DB_USER: user,
    DB_PASSWORD: password,
  };
}

/** In a folder without an .env file. */
export function startWorkerProcess(cwd: string, env: NodeJS.ProcessEnv): WorkerProcess {
  const child = spawn(process.execPath, [resolve("src/cli/bin.ts"), "worker"], {
    cwd,
    // What a worker that is killed leaves behind goes with the folder.
    env: { PATH: process.env.PATH, TMPDIR: cwd, ...env },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const lines: Line[] = [];
  const awaited = new Set<() => void>();
  const exited = once(child, "exit");
  createInterface({ input: child.stderr! }).on("line", (text) => {
    lines.push(text.startsWith("{") ? JSON.parse(text) : { message: text });
    for (const look of awaited) look();
  });
  return {
    process: child,
    lines,
    line: (name) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const found = lines.find(({ event, message }) => event === name || message === name);
          if (found === undefined) return;
          awaited.delete(look);
          resolve(found);
        };
        awaited.add(look);
        look();
        void exited.then(() => reject(new Error(`The worker ended: ${JSON.stringify(lines)}`)));
      }),
    async end(signal) {
      child.kill(signal);
      await exited;
      assert.ok(child.exitCode !== null || child.signalCode !== null);
      return child.exitCode;
    },
  };
}
