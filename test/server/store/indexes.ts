import assert from "node:assert/strict";
import { test } from "node:test";
import { type CompiledQuery, sql } from "kysely";
import { type Database, openDatabase } from "../../../server/store/database.ts";
import { instanceKey } from "../../../server/store/instance-key.ts";
import { knownInstances, lastSnapshots } from "../../../server/store/instance-store.ts";
import { historyQuery } from "../../../server/store/run-queries.ts";
import type { RunFilter } from "../../../server/store/run-store.ts";
import type { StoreConfig } from "../../../server/store/store-config.ts";
import { newestWorkflows, unfinishedWorkflows } from "../../../server/store/workflow-store.ts";
import { fillHistory } from "../../support/stored-runs.ts";
import { newWorkflow } from "../../support/stored-workflows.ts";

/** The four indexes of the documents by name, and each in the plan of the query that it is for. */
export function indexContract(name: string, fresh: () => Promise<StoreConfig>): void {
  const { plan, indexes, analyze } = name === "SQLite" ? SQLITE : POSTGRES;

  test(`${name}: [A-109] [A-110] [A-111] [A-112] [A-113] an empty database gets the indexes by their names`, async () => {
    const database = await openDatabase(await fresh());
    const found = await indexes(database);
    for (const [index, columns] of [
      ["idx_benchmark_runs_created_at", "created_at DESC, id DESC"],
      ["idx_benchmark_runs_status", "status"],
      ["idx_benchmark_runs_status_created", "status, created_at DESC, id DESC"],
      ["idx_benchmark_runs_model", "model, created_at DESC, id DESC, status"],
    ] as const) {
      assert.equal(found.get(index), columns);
    }
    await database.destroy();
  });

  test(`${name}: [A-70] the plans of the history's queries use them, and sort no more than a page`, async () => {
    const database = await openDatabase(await fresh());
    await fillHistory(database, 5000);
    await sql.raw(analyze).execute(database);
    const rows: (readonly [filter: RunFilter, page: string, count: RegExp])[] = [
      [{}, "idx_benchmark_runs_created_at", /idx_benchmark_runs_\w+/],
      [{ status: "failed" }, "idx_benchmark_runs_status_created", /idx_benchmark_runs_status/],
      [{ model: "rare" }, "idx_benchmark_runs_model", /idx_benchmark_runs_model/],
      [{ kind: "recommendation" }, "idx_benchmark_runs_kind", /idx_benchmark_runs_\w+/],
    ];
    for (const [filter, page, count] of rows) {
      const text = await plan(database, historyQuery(database, filter, { limit: 50, offset: 0 }).compile());
      assert.ok(text.includes(page), text);
      assert.match(text, count);
    }
    // Counting by status alone reads the narrowest index there is.
    const counting = database
      .selectFrom("benchmark_runs")
      .select(({ fn }) => fn.countAll().as("total"))
      .where("status", "=", "failed");
    assert.match(await plan(database, counting.compile()), /idx_benchmark_runs_status\b/);
    await database.destroy();
  });

  test(`${name}: the plans of the agent's queries use its indexes, and sort no readings`, async () => {
    const database = await openDatabase(await fresh());
    await fillAgent(database);
    await sql.raw(analyze).execute(database);
    const readings = /agent_instance_snapshots_(1|pkey)\b/;
    const rows: (readonly [reason: string, query: { compile(): CompiledQuery }, index: RegExp])[] = [
      ["the last readings", lastSnapshots(database, "i7", 50), readings],
      ["every instance's last one", knownInstances(database).orderBy("turn").orderBy("id"), readings],
      ["all workflows", newestWorkflows(database, {}, 50), /idx_agent_workflows_created_at/],
      ["of a status", newestWorkflows(database, { status: "IN_PROGRESS" }, 50), /idx_agent_workflows_status/],
      ["of an instance", newestWorkflows(database, { instanceId: "i7" }, 50), /idx_agent_workflows_instance/],
      [
        "of both",
        newestWorkflows(database, { instanceId: "i7", status: "IN_PROGRESS" }, 50),
        /idx_agent_workflows_(instance|status)/,
      ],
      ["what is unfinished", unfinishedWorkflows(database), /idx_agent_workflows_status/],
    ];
    for (const [reason, query, index] of rows) {
      const text = await plan(database, query.compile());
      assert.match(text, index, reason);
      // Only instances, which are few, may be read one and all.
      assert.doesNotMatch(text, /(SCAN|Seq Scan on) agent_(instance_snapshots\b|workflows$)/m, reason);
    }
    const last = await plan(database, lastSnapshots(database, "i7", 50).compile());
    assert.doesNotMatch(last, /TEMP B-TREE|Sort/);
    await database.destroy();
  });
}

/** Long histories of many instances, at once. */
async function fillAgent(database: Database): Promise<void> {
  await database.transaction().execute(async (transaction) => {
    for (let id = 1; id <= INSTANCES; id++) {
      const at = newWorkflow(id).createdAt;
      const key = instanceKey(`i${id}`);
      const { id: ref } = await transaction
        .insertInto("agent_instances")
        .values({ instance_key: key, instance: "{}", registered_at: at, failure: null, turn: id })
        .returning("id")
        .executeTakeFirstOrThrow();
      const rows = Array.from({ length: 100 }, (_, n) => ({
        instance_ref: ref,
        number: n + 1,
        snapshot: "{}",
      }));
      await transaction.insertInto("agent_instance_snapshots").values(rows).execute();
      const workflows = Array.from({ length: 20 }, (_, n) => newWorkflow(id * 20 + n));
      await transaction
        .insertInto("agent_workflows")
        .values(
          workflows.map(({ workflowId, createdAt }, n) => ({
            workflow_id: workflowId,
            instance_key: key,
            status: id % 100 === 0 && n < 2 ? "IN_PROGRESS" : "COMPLETED",
            created_at: createdAt,
            workflow: "{}",
          })),
        )
        .execute();
    }
  });
}

const INSTANCES = 200;

interface Inspection {
  readonly plan: (database: Database, query: CompiledQuery) => Promise<string>;
  /** Columns by index. */
  readonly indexes: (database: Database) => Promise<Map<string, string>>;
  readonly analyze: string;
}

const SQLITE: Inspection = {
  plan: async (database, query) => {
    const text = `explain query plan ${query.sql}`;
    const { rows } = await database.executeQuery<{ detail: string }>({ ...query, sql: text });
    return rows.map(({ detail }) => detail).join("\n");
  },
  indexes: async (database) => {
    const { rows } = await sql<{ index: string; column: string; desc: number }>`
      select list.name as "index", info.name as "column", info."desc" as "desc"
      from pragma_index_list('benchmark_runs') as list, pragma_index_xinfo(list.name) as info
      where info.key order by list.name, info.seqno`.execute(database);
    const found = new Map<string, string>();
    for (const { index, column, desc } of rows) {
      const before = found.get(index);
      found.set(index, `${before === undefined ? "" : `${before}, `}${column}${desc ? " DESC" : ""}`);
    }
    return found;
  },
  analyze: "select 1",
};

const POSTGRES: Inspection = {
  plan: async (database, query) => {
    const text = `explain ${query.sql}`;
    const { rows } = await database.executeQuery<{ "QUERY PLAN": string }>({ ...query, sql: text });
    return rows.map((row) => row["QUERY PLAN"]).join("\n");
  },
  indexes: async (database) => {
    const { rows } = await sql<{ indexname: string; indexdef: string }>`
      select indexname, indexdef from pg_indexes where tablename = 'benchmark_runs'`.execute(database);
    return new Map(rows.map(({ indexname, indexdef }) => [indexname, /\((.*)\)/.exec(indexdef)![1]!]));
  },
  analyze: "vacuum analyze",
};
