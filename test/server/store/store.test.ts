import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import type { StoreConfig } from "../../../server/store/store-config.ts";
import { startPostgres } from "../../support/postgres.ts";
import { storeContract } from "./contract.ts";
import { indexContract } from "./indexes.ts";
import { instanceContract } from "./instances.ts";
import { migrationContract } from "./migrations.ts";
import { postgresTests } from "./postgres.ts";
import { workflowContract } from "./workflows.ts";

/** Everything a store promises, on both databases. */
const folder = mkdtempSync(join(tmpdir(), "goodput-store-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const postgres = await startPostgres();
after(() => postgres.stop());

let files = 0;
const DATABASES: readonly (readonly [name: string, fresh: () => Promise<StoreConfig>])[] = [
  ["SQLite", async () => ({ kind: "sqlite", path: join(folder, `${++files}.db`) })],
  ["PostgreSQL", () => postgres.fresh()],
];
for (const [name, fresh] of DATABASES) {
  storeContract(name, fresh);
  instanceContract(name, fresh);
  workflowContract(name, fresh);
  migrationContract(name, fresh);
  indexContract(name, fresh);
}
postgresTests(postgres);
