import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Logger, pino } from "pino";
import type { RunRequest, Runs } from "../../server/load-tests/runs/run-request.ts";
import { createRuns } from "../../server/load-tests/runs/runs.ts";
import { openStores, type Stores } from "../../server/store/open-stores.ts";
import type { RunStore } from "../../server/store/run-store.ts";
import type { Script, ScriptedServer } from "../../src/scripted-server.ts";
import { startScriptedServer } from "../../src/scripted-server.ts";

/** Runs on a real database and a real target, in a folder of their own. */
export interface RunBench {
  readonly runs: Runs;
  readonly store: RunStore;
  /** All that the same database keeps. */
  readonly stores: Stores;
  readonly target: ScriptedServer;
  readonly log: Logger;
  /** Every line that was logged. */
  readonly lines: Readonly<Record<string, unknown>>[];
  readonly dataDir: string;
  readonly databasePath: string;
  /** A run of the target; settings are the engine's. */
  request(plan?: Readonly<Record<string, unknown>>, more?: Partial<RunRequest>): RunRequest;
}

export async function withRunBench(
  script: Script,
  work: (bench: RunBench) => Promise<void>,
  concurrency = 1,
): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), "goodput-"));
  const databasePath = join(dataDir, "benchmarks.db");
  const target = await startScriptedServer(script);
  const stores = await openStores({ kind: "sqlite", path: databasePath });
  const store = stores.runs;
  const lines: Record<string, unknown>[] = [];
  const log = pino({ level: "debug" }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  const runs = await createRuns({ store, log, dataDir, concurrency });
  const request: RunBench["request"] = (plan = {}, more = {}) => ({
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
      requests: 5,
      warmup: 0,
      "input-tokens": 16,
      "output-tokens": 4,
      "metrics-url": "off",
      ...plan,
    },
    ...more,
  });
  try {
    await work({ runs, store, stores, target, log, lines, dataDir, databasePath, request });
  } finally {
    await runs.close();
    await stores.close();
    await target.close();
    await rm(dataDir, { recursive: true, force: true });
  }
}
