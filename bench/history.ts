/**
 * What a page of a long history costs: the first page, pages under filters and pages deep down, each with its
 * total, from SQLite and from a PostgreSQL started for it (`--databases sqlite` leaves that out).
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { sql } from "kysely";
import { openDatabase } from "../server/store/database.ts";
import { runStore } from "../server/store/open-run-store.ts";
import type { RunFilter, RunStore } from "../server/store/run-store.ts";
import type { StoreConfig } from "../server/store/store-config.ts";
import { startPostgres } from "../test/support/postgres.ts";
import { fillHistory } from "../test/support/stored-runs.ts";
import { heading, quantile, table } from "./lib/table.ts";

const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "100000" },
    rounds: { type: "string", default: "200" },
    databases: { type: "string", default: "sqlite,postgres" },
  },
});
const runs = Number(values.runs);
const rounds = Number(values.rounds);

const QUESTIONS: readonly (readonly [name: string, filter: RunFilter, offset: number])[] = [
  ["first page", {}, 0],
  ["in the middle", {}, Math.floor(runs / 2)],
  ["last page", {}, Math.max(0, runs - 50)],
  ["status=completed (90 %)", { status: "completed" }, 0],
  ["status=completed, last page", { status: "completed" }, Math.max(0, Math.floor(runs * 0.9) - 50)],
  ["status=failed (1 %)", { status: "failed" }, 0],
  ["status=running (none)", { status: "running" }, 0],
  ["model=model-1 (25 %)", { model: "model-1" }, 0],
  ["model=rare (0.1 %)", { model: "rare" }, 0],
  ["kind=virtual_users (30 %)", { kind: "virtual_users" }, 0],
  ["kind and status", { kind: "virtual_users", status: "completed" }, 0],
  ["status and model, none", { status: "running", model: "model-1" }, 0],
  ["status and model", { status: "failed", model: "model-1" }, 0],
  ["all three, none", { kind: "recommendation", status: "cancelled", model: "rare" }, 0],
];

const rows: string[][] = [];
for (const kind of values.databases.split(",")) {
  if (kind === "sqlite") {
    const folder = mkdtempSync(join(tmpdir(), "goodput-history-"));
    try {
      await measure("SQLite", { kind: "sqlite", path: join(folder, "history.db") });
    } finally {
      rmSync(folder, { recursive: true });
    }
  } else {
    const postgres = await startPostgres();
    try {
      await measure("PostgreSQL", await postgres.fresh());
    } finally {
      await postgres.stop();
    }
  }
}
heading(`A page of 50 out of ${runs.toLocaleString("en")} runs and their total, ${rounds} times`);
console.log(table(["", "of", "p50, ms", "p99, ms", "worst, ms"], rows));

async function measure(name: string, config: StoreConfig): Promise<void> {
  const database = await openDatabase(config);
  const store = runStore(database);
  const start = performance.now();
  await fillHistory(database, runs);
  const filledMs = performance.now() - start;
  rows.push([name, runs.toLocaleString("en"), "", "", ""]);
  rows.push(["  filled at once", "", filledMs.toFixed(0), "", ""]);
  // Right after so many rows nothing is known of them yet; PostgreSQL itself does this within a minute.
  await time(store, "  first page, before any statistics", {}, 0);
  if (config.kind === "postgres") await sql`vacuum analyze benchmark_runs`.execute(database);
  for (const [question, filter, offset] of QUESTIONS) await time(store, `  ${question}`, filter, offset);
  await store.close();
}

async function time(store: RunStore, question: string, filter: RunFilter, offset: number): Promise<void> {
  const page = { limit: 50, offset };
  const { total } = await store.list(filter, page);
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const start = performance.now();
    await store.list(filter, page);
    times.push(performance.now() - start);
  }
  const shown = [quantile(times, 0.5), quantile(times, 0.99), Math.max(...times)].map((ms) => ms.toFixed(1));
  rows.push([question, total.toLocaleString("en"), ...shown]);
}
