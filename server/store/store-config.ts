import { ConfigError } from "../settings/config-error.ts";

/** Where runs are kept. */
export type StoreConfig =
  | { readonly kind: "sqlite"; readonly path: string }
  | { readonly kind: "postgres"; readonly connection: PostgresConnection | string };

export interface PostgresConnection {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password?: string;
}

/** PostgreSQL when `DB_HOST` or `DATABASE_URL` is set, else SQLite; every mistake at once, and no password in any. */
export function storeConfig(env: Readonly<Record<string, string | undefined>>): StoreConfig {
  const given = (name: string): string | undefined => env[name]?.trim() || undefined;
  const url = given("DATABASE_URL");
  const host = given("DB_HOST");
  if (url === undefined && host === undefined) {
    return { kind: "sqlite", path: given("DATABASE_PATH") ?? "benchmarks.db" };
  }

  const mistakes: string[] = [];
  if (url !== undefined && host !== undefined) {
    mistakes.push("DB_HOST: DATABASE_URL names a database too; set one of the two.");
  }
  // Whoever takes this for an address may have put a password into it, so it is not told again.
  if (host !== undefined && !HOST.test(host)) {
    mistakes.push("DB_HOST: is no host name; a whole address belongs into DATABASE_URL.");
  }
  const connection =
    url === undefined
      ? {
          host: host!,
          port: port(given("DB_PORT"), mistakes),
          database: given("DB_NAME") ?? DEFAULTS.database,
          user: given("DB_USER") ?? DEFAULTS.user,
          // Spaces around a password belong to it.
          ...(env.DB_PASSWORD && { password: env.DB_PASSWORD }),
        }
      : completed(url, mistakes);
  if (mistakes.length > 0) throw new ConfigError(mistakes);
  return { kind: "postgres", connection };
}

/** For people and logs: never a user, a password or an option of the address. */
export function storeName(config: StoreConfig): string {
  if (config.kind === "sqlite") return `SQLite file ${config.path}`;
  const { connection } = config;
  if (typeof connection === "object") {
    return `PostgreSQL at ${connection.host}:${connection.port}, database ${connection.database}`;
  }
  // Anything may call openRunStore with any text; what cannot be read is not told.
  if (!URL.canParse(connection)) return "PostgreSQL";
  const { hostname, port: urlPort, pathname, searchParams } = new URL(connection);
  const host = hostname || searchParams.get("host") || DEFAULTS.host;
  const database = decoded(pathname.slice(1)) || DEFAULTS.database;
  return `PostgreSQL at ${host}:${urlPort || DEFAULTS.port}, database ${database}`;
}

const DEFAULTS = { host: "localhost", port: 5432, database: "benchmark_db", user: "postgres" } as const;
/** A name, an address, or the folder of a Unix socket. */
const HOST = /^(?:[\w.:-]+|\/[^@\s]*)$/;

function port(text: string | undefined, mistakes: string[]): number {
  if (text === undefined) return DEFAULTS.port;
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= 1 && value <= 65_535) return value;
  mistakes.push(`DB_PORT: ${JSON.stringify(text)} is not a whole number from 1 to 65535.`);
  return DEFAULTS.port;
}

/** What the address leaves out gets the same defaults as DB_*. */
function completed(text: string, mistakes: string[]): string {
  if (!URL.canParse(text) || !/^postgres(?:ql)?:$/.test(new URL(text).protocol)) {
    mistakes.push("DATABASE_URL: is not an address like postgres://user:password@host:5432/database.");
    return text;
  }
  const url = new URL(text);
  if (url.hostname === "" && !url.searchParams.has("host")) url.hostname = DEFAULTS.host;
  if (url.username === "" && !url.searchParams.has("user")) {
    // An address without a host has no place for a user.
    if (url.hostname === "") url.searchParams.set("user", DEFAULTS.user);
    else url.username = DEFAULTS.user;
  }
  if (url.pathname.length <= 1) url.pathname = `/${DEFAULTS.database}`;
  if ([url.username, url.password, url.pathname].some((part) => decoded(part) === undefined)) {
    mistakes.push("DATABASE_URL: has a % that stands for no character; write %25 for the sign itself.");
  }
  return url.href;
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
