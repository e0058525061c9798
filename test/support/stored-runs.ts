import type { Database } from "../../server/store/database.ts";
import { newRow } from "../../server/store/run-rows.ts";
import { type NewRun, RUN_STATUSES, type RunKind } from "../../server/store/run-store.ts";

/** A run as a client might ask for it. */
export function newRun(number: number, changes: Partial<NewRun> = {}): NewRun {
  return {
    runId: `00000000-0000-4000-8000-${String(number).padStart(12, "0")}`,
    kind: "load_test",
    serverUrl: "http://127.0.0.1:8000",
    model: "qwen3",
    adapter: "openai",
    framework: undefined,
    config: { concurrency: [1, 10, 50], num_prompts: 100, input_len: 256, output_len: 128, stream: true },
    createdAt: momentOf(number),
    notes: "",
    ...changes,
  };
}

/** A minute apart. */
export function momentOf(number: number): string {
  return new Date(Date.UTC(2026, 0, 1) + number * 60_000).toISOString();
}

/** A long history at once, in one transaction: of every kind, status and model, in proportions that differ. */
export async function fillHistory(database: Database, count: number): Promise<void> {
  await database.transaction().execute(async (transaction) => {
    for (let start = 0; start < count; start += ROWS_AT_ONCE) {
      const numbers = Array.from({ length: Math.min(ROWS_AT_ONCE, count - start) }, (_, i) => start + i);
      await transaction
        .insertInto("benchmark_runs")
        .values(numbers.map((number) => ({ ...newRow(historicRun(number)), status: statusOf(number) })))
        .execute();
    }
  });
}

/** SQLite takes 32,766 values in a statement. */
const ROWS_AT_ONCE = 500;

/** Nine of ten are completed, one in a thousand is of a rare model. */
function historicRun(number: number): NewRun {
  const kind: RunKind =
    number % 10 === 0 ? "recommendation" : number % 3 === 0 ? "virtual_users" : "load_test";
  return newRun(number, { kind, model: number % 1000 === 7 ? "rare" : `model-${number % 4}` });
}

function statusOf(number: number): string {
  return number % 10 === 9 ? RUN_STATUSES[number % 100 === 9 ? 3 : 4]! : "completed";
}
