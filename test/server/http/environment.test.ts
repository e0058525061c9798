import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { parseEnv } from "node:util";
import { DEFAULT_CONFIG, readConfig, secretsOf } from "../../../server/config.ts";

const example = readFileSync(".env.example", "utf8");
const settings = parseEnv(example);

/** Of the system, and no settings of the server's. */
const ELSEWHERE = ["PATH", "HOME"];
/** Of `goodput worker`, which reads the server's settings and these. */
const OF_WORKERS = ["GOODPUT_API_KEY"];

/** Names as the sources read them: from a variable called env, or by a name given to a function that does. */
const read = new Set(
  globSync("server/**/*.ts").flatMap((file) => {
    const code = readFileSync(file, "utf8").replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, "");
    return [...code.matchAll(/\benv\.([A-Z][A-Z0-9_]*)\b|\b(?:integer|given)\("([A-Z0-9_]+)"/g)].map(
      ([, direct, named]) => direct ?? named!,
    );
  }),
);

test("[A-116] .env.example has every variable that the server reads, and no other", () => {
  assert.deepEqual(
    Object.keys(settings).toSorted(),
    [...read].filter((name) => !ELSEWHERE.includes(name)).toSorted(),
  );
});

/** Where a field of the configuration is not called like its variable, or is made of several. */
const FIELDS: Readonly<Record<string, string>> = {
  // The model and where it is kept are one field, and a token, a cache and a directory are of the model too.
  MODELS_DIR: "model",
  HUGGINGFACE_TOKEN: "model",
  XDG_CACHE_HOME: "model",
  DATABASE_PATH: "store",
  DATABASE_URL: "store",
  DB_HOST: "store",
  DB_NAME: "store",
  DB_USER: "store",
  DB_PASSWORD: "store",
  DB_PORT: "store",
  API_USERNAME: "basicAuth",
  API_PASSWORD: "basicAuth",
  NODE_ENV: "rateLimit",
  TRUST_PROXY: "trustedProxies",
  AGENT_ID: "agent",
  POLLING_INTERVAL: "agent",
  WORKFLOWS_FILE: "agent",
  LOCUST_HOST: "virtualUsers",
  LOCUST_MODEL: "virtualUsers",
  LOCUST_TOKENIZER: "virtualUsers",
  API_AUTH_TOKEN: "virtualUsers",
};

test("[A-116] .env.example has every field of the configuration", () => {
  const fields = Object.keys(settings)
    .filter((name) => !OF_WORKERS.includes(name))
    .map(
      (name) =>
        FIELDS[name] ?? name.toLowerCase().replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase()),
    );
  assert.deepEqual([...new Set(fields)].toSorted(), Object.keys(DEFAULT_CONFIG).toSorted());
});

test("what .env.example says is what holds without it", () => {
  assert.deepEqual(readConfig(settings as Record<string, string>), DEFAULT_CONFIG);
  assert.deepEqual(readConfig({}), DEFAULT_CONFIG);
});

test("each setting of .env.example is explained right above it", () => {
  const lines = example.split("\n");
  for (const [index, line] of lines.entries()) {
    if (/^[A-Z]/.test(line)) assert.match(lines[index - 1] ?? "", /^# .+\S$/, line);
  }
});

test("[A-142] [A-144] [A-145] [A-146] what virtual users have by default is read", () => {
  const { virtualUsers } = readConfig({
    LOCUST_HOST: " http://vllm:8000 ",
    LOCUST_MODEL: "m",
    LOCUST_TOKENIZER: "t",
    API_AUTH_TOKEN: "k",
  });
  assert.deepEqual(virtualUsers, { url: "http://vllm:8000", model: "m", tokenizer: "t", apiKey: "k" });
});

test("[A-294] what no log may show is all of the configuration's secrets", () => {
  const env = {
    API_KEY: "one1",
    BASIC_AUTH: "on",
    API_USERNAME: "admin",
    API_PASSWORD: "two2",
    API_AUTH_TOKEN: "three3",
    DB_HOST: "h",
    DB_PASSWORD: "four4",
  };
  assert.deepEqual(secretsOf(readConfig(env)).toSorted(), ["four4", "one1", "three3", "two2"]);
  const url = "postgres://u:a%2Fb@h/d";
  assert.deepEqual(secretsOf(readConfig({ DATABASE_URL: url })), ["a/b"]);
});
