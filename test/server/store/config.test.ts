import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigError } from "../../../server/settings/config-error.ts";
import { storeConfig, storeName } from "../../../server/store/store-config.ts";

const defaults = { host: "db", port: 5432, database: "benchmark_db", user: "postgres" };

const SETTINGS: readonly (readonly [reason: string, env: Record<string, string>, expected: object])[] = [
  ["[A-108] [A-114] nothing is set", {}, { kind: "sqlite", path: "benchmarks.db" }],
  [
    "what is set is empty",
    { DATABASE_PATH: " ", DB_HOST: "", DATABASE_URL: "" },
    { kind: "sqlite", path: "benchmarks.db" },
  ],
  [
    "[A-115] a path is set",
    { DATABASE_PATH: "/data/benchmarks.db" },
    { kind: "sqlite", path: "/data/benchmarks.db" },
  ],
  [
    "no host is named, whatever else is (C16)",
    { DB_NAME: "x", DB_USER: "x", DB_PORT: "no port", DB_PASSWORD: "x" },
    { kind: "sqlite", path: "benchmarks.db" },
  ],
  [
    "[A-135] [A-136] [A-138] only a host is named",
    { DB_HOST: "db" },
    { kind: "postgres", connection: defaults },
  ],
  [
    "a host is named beside the image's own path",
    { DB_HOST: "db", DATABASE_PATH: "/data/benchmarks.db" },
    { kind: "postgres", connection: defaults },
  ],
  [
    "[A-137] everything is named",
    { DB_HOST: "::1", DB_NAME: "runs", DB_USER: "me", DB_PASSWORD: " p@ss ", DB_PORT: "6543" },
    {
      kind: "postgres",
      connection: { host: "::1", port: 6543, database: "runs", user: "me", password: " p@ss " },
    },
  ],
  [
    "the host is the folder of a socket",
    { DB_HOST: "/var/run/postgresql" },
    { kind: "postgres", connection: { ...defaults, host: "/var/run/postgresql" } },
  ],
  [
    "an address is whole",
    { DATABASE_URL: "postgresql://me:p%40ss@db:6543/runs?sslmode=require" },
    { kind: "postgres", connection: "postgresql://me:p%40ss@db:6543/runs?sslmode=require" },
  ],
  [
    "[A-134] an address leaves out everything",
    { DATABASE_URL: "postgres://" },
    { kind: "postgres", connection: "postgres://postgres@localhost/benchmark_db" },
  ],
  [
    "an address leaves out the user and the database",
    { DATABASE_URL: "postgres://db:1/" },
    { kind: "postgres", connection: "postgres://postgres@db:1/benchmark_db" },
  ],
  [
    "an address names the host as an option",
    { DATABASE_URL: "postgres:///runs?host=/var/run/postgresql" },
    { kind: "postgres", connection: "postgres:///runs?host=%2Fvar%2Frun%2Fpostgresql&user=postgres" },
  ],
];
for (const [reason, env, expected] of SETTINGS) {
  test(`the store is chosen when ${reason}`, () => assert.deepEqual(storeConfig(env), expected));
}

const MISTAKES: readonly (readonly [
  reason: string,
  env: Record<string, string>,
  mistakes: readonly string[],
])[] = [
  [
    "a port is none",
    { DB_HOST: "db", DB_PORT: "65536" },
    ['DB_PORT: "65536" is not a whole number from 1 to 65535.'],
  ],
  [
    "several things are wrong",
    { DB_HOST: "postgres://me:hunter2@db", DB_PORT: "5432x", DATABASE_URL: "mysql://me:hunter2@db/x" },
    [
      "DB_HOST: DATABASE_URL names a database too; set one of the two.",
      "DB_HOST: is no host name; a whole address belongs into DATABASE_URL.",
      "DATABASE_URL: is not an address like postgres://user:password@host:5432/database.",
    ],
  ],
  [
    "an address is none",
    { DATABASE_URL: "hunter2" },
    ["DATABASE_URL: is not an address like postgres://user:password@host:5432/database."],
  ],
  [
    "a password has a bare %",
    { DATABASE_URL: "postgres://me:hunter2%@db/x" },
    ["DATABASE_URL: has a % that stands for no character; write %25 for the sign itself."],
  ],
  [
    "host and port are wrong",
    { DB_HOST: "me:hunter2@db", DB_PORT: "-1" },
    [
      "DB_HOST: is no host name; a whole address belongs into DATABASE_URL.",
      'DB_PORT: "-1" is not a whole number from 1 to 65535.',
    ],
  ],
];
for (const [reason, env, mistakes] of MISTAKES) {
  test(`every mistake is told at once, and no password, when ${reason}`, () => {
    assert.throws(
      () => storeConfig(env),
      (error) => {
        assert.ok(error instanceof ConfigError);
        assert.deepEqual(error.mistakes, mistakes);
        return !error.message.includes("hunter2");
      },
    );
  });
}

const NAMES: readonly (readonly [Parameters<typeof storeName>[0], string])[] = [
  [{ kind: "sqlite", path: "benchmarks.db" }, "SQLite file benchmarks.db"],
  [storeConfig({ DB_HOST: "db", DB_PASSWORD: "hunter2" }), "PostgreSQL at db:5432, database benchmark_db"],
  [
    storeConfig({ DATABASE_URL: "postgres://me:hunter2@db:1/r%20s?password=hunter2" }),
    "PostgreSQL at db:1, database r s",
  ],
  [storeConfig({ DATABASE_URL: "postgres:///x?host=/run" }), "PostgreSQL at /run:5432, database x"],
  [{ kind: "postgres", connection: "hunter2" }, "PostgreSQL"],
];
for (const [config, name] of NAMES) {
  test(`a store is called "${name}"`, () => assert.equal(storeName(config), name));
}
