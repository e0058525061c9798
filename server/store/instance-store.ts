import { type Selectable, sql } from "kysely";
import {
  HISTORY_BOUNDS,
  type HistoryBounds,
  type Instance,
  type InstanceHistory,
  type InstanceSnapshot,
  type KnownInstance,
} from "../agent/collect/instance-history.ts";
import { AddressQueries, withoutQuery } from "./address-queries.ts";
import { again, attempt } from "./attempt.ts";
import { json, parsed, time } from "./column-values.ts";
import type { Database, InstanceRow } from "./database.ts";
import { instanceKey } from "./instance-key.ts";

/** The watched instances and what was read of them, the same on every database that Kysely speaks to. */
export function instanceStore(database: Database, bounds: HistoryBounds = HISTORY_BOUNDS): InstanceHistory {
  const queries = new AddressQueries(bounds.instances);
  const known = (row: KnownRow): KnownInstance => {
    const instance = JSON.parse(row.instance) as Instance;
    return {
      ...instance,
      metricsUrl: queries.whole(instance.instanceId, instance.metricsUrl),
      registeredAt: time(row.registered_at),
      latest: parsed<InstanceSnapshot>(row.latest),
      failure: parsed<NonNullable<KnownInstance["failure"]>>(row.failure),
    };
  };
  return {
    register: (instance, at) =>
      again("The instance cannot be stored", async () => {
        await register(database, instance, at);
        await forgetOldest(database, bounds.instances);
        queries.remember(instance.instanceId, instance.metricsUrl);
      }),
    find: (instanceId) =>
      again("The instance cannot be read", async () => {
        const row = await knownInstances(database)
          .where("instance_key", "=", instanceKey(instanceId))
          .executeTakeFirst();
        return row && known(row);
      }),
    list: () =>
      again("The instances cannot be listed", async () =>
        (await knownInstances(database).orderBy("turn").orderBy("id").execute()).map(known),
      ),
    // A connection that breaks at the very end leaves a reading there twice, which changes no trend.
    add: (instanceId, snapshot) =>
      again("The reading cannot be stored", () => add(database, instanceId, snapshot, bounds.snapshots)),
    fail: (instanceId, { at, message }) =>
      again("The failed reading cannot be stored", async () => {
        await database
          .updateTable("agent_instances")
          .set({ failure: json({ at, message }) })
          .where("instance_key", "=", instanceKey(instanceId))
          .execute();
      }),
    snapshots: (instanceId, limit) =>
      again("The readings cannot be read", async () => {
        if (limit < 1) return [];
        // No more are kept, and PostgreSQL has an error for a number that is too large.
        const most = Math.min(limit, bounds.snapshots);
        const rows = await lastSnapshots(database, instanceId, most).execute();
        return rows.map(({ snapshot }) => JSON.parse(snapshot) as InstanceSnapshot).reverse();
      }),
    remove: (instanceId) =>
      attempt("The instance cannot be deleted", async () => {
        const { numDeletedRows } = await database
          .deleteFrom("agent_instances")
          .where("instance_key", "=", instanceKey(instanceId))
          .executeTakeFirstOrThrow();
        queries.forget(instanceId);
        return numDeletedRows > 0n;
      }),
    ping: () =>
      again("The database cannot be asked", async () => {
        await sql`select 1 from agent_instances limit 1`.execute(database);
      }),
  };
}

type KnownRow = Pick<Selectable<InstanceRow>, "instance" | "registered_at" | "failure"> & {
  readonly latest: string | null;
};

/** Each with its last reading, which is found in the index. */
export function knownInstances(database: Database) {
  return database
    .selectFrom("agent_instances")
    .select(["instance", "registered_at", "failure"])
    .select(({ selectFrom }) =>
      selectFrom("agent_instance_snapshots")
        .select("snapshot")
        .whereRef("instance_ref", "=", "agent_instances.id")
        .orderBy("number", "desc")
        .limit(1)
        .as("latest"),
    );
}

/** The newest first. */
export function lastSnapshots(database: Database, instanceId: string, limit: number) {
  return database
    .selectFrom("agent_instance_snapshots")
    .select("snapshot")
    .where("instance_ref", "=", ({ selectFrom }) =>
      selectFrom("agent_instances").select("id").where("instance_key", "=", instanceKey(instanceId)),
    )
    .orderBy("number", "desc")
    .limit(limit);
}

/** Its turn is written before anything is asked, so that the instance is locked until all of it is done. */
function register(database: Database, { instanceId, instanceType, metricsUrl }: Instance, at: string) {
  const key = instanceKey(instanceId);
  const instance = json({ instanceId, instanceType, metricsUrl: withoutQuery(metricsUrl) });
  const anew = { instance, registered_at: time(at), failure: null };
  return database.transaction().execute(async (transaction) => {
    const turn = transaction
      .selectFrom("agent_instances as others")
      .select(({ fn, lit, eb }) => eb(fn.coalesce(fn.max("others.turn"), lit(0)), "+", lit(1)).as("turn"));
    const known =
      (await transaction
        .updateTable("agent_instances")
        .set({ turn })
        .where("instance_key", "=", key)
        .returning(["id", "instance"])
        .executeTakeFirst()) ??
      (await transaction
        .insertInto("agent_instances")
        .values({ instance_key: key, turn, ...anew })
        // Of two who have found none the second finds the first one's.
        .onConflict((conflict) => conflict.column("instance_key").doUpdateSet({ turn }))
        .returning(["id", "instance"])
        .executeTakeFirstOrThrow());
    if (known.instance === instance) return;
    await transaction.updateTable("agent_instances").set(anew).where("id", "=", known.id).execute();
    await transaction.deleteFrom("agent_instance_snapshots").where("instance_ref", "=", known.id).execute();
  });
}

async function forgetOldest(database: Database, most: number): Promise<void> {
  await database
    .deleteFrom("agent_instances")
    .where("id", "not in", ({ selectFrom }) =>
      selectFrom("agent_instances as others")
        .select("others.id")
        .orderBy("others.turn", "desc")
        .orderBy("others.id", "desc")
        .limit(most),
    )
    .execute();
}

/** Readings of an instance are numbered one by one: it is locked meanwhile, since its own row is written first. */
function add(database: Database, instanceId: string, snapshot: InstanceSnapshot, most: number) {
  return database.transaction().execute(async (transaction) => {
    const known = await transaction
      .updateTable("agent_instances")
      .set({ failure: null })
      .where("instance_key", "=", instanceKey(instanceId))
      .returning("id")
      .executeTakeFirst();
    if (known === undefined) return;
    const latest = (plus: number) =>
      transaction
        .selectFrom("agent_instance_snapshots as others")
        .where("others.instance_ref", "=", known.id)
        .select(({ eb, fn, lit }) =>
          eb(fn.coalesce(fn.max("others.number"), lit(0)), "+", lit(plus)).as("number"),
        );
    await transaction
      .insertInto("agent_instance_snapshots")
      .values({ instance_ref: known.id, number: latest(1), snapshot: json(snapshot) })
      .execute();
    await transaction
      .deleteFrom("agent_instance_snapshots")
      .where("instance_ref", "=", known.id)
      .where("number", "<=", latest(-most))
      .execute();
  });
}
