import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { parse } from "yaml";
import { type Instruction, neededStages, parseDockerfile, type Stage } from "../scripts/dockerfile.ts";
import { DEFAULT_CONFIG, readConfig } from "../server/config.ts";

const source = readFileSync("Dockerfile", "utf8");
const packageFile = JSON.parse(readFileSync("package.json", "utf8"));
const lock = JSON.parse(readFileSync("package-lock.json", "utf8"));
const variants = ["off", "cuda"].map((gpu) => ({ gpu, file: parseDockerfile(source, { GPU: gpu }) }));

/** What the finished image is made of, from its first base on. */
function chain(stages: readonly Stage[]): Instruction[] {
  const last = stages.at(-1)!;
  const below = stages.slice(0, -1).filter(({ name }) => name === last.base);
  return [...below.flatMap(({ instructions }) => instructions), ...last.instructions];
}

for (const { gpu, file } of variants) {
  const stages = neededStages(file);
  const image = chain(stages);
  const all = stages.flatMap(({ instructions }) => instructions);
  const having = (keyword: string) => image.filter((instruction) => instruction.keyword === keyword);

  test(`GPU=${gpu}: every base is a stage of this file or an image of one version`, () => {
    const names = new Set(stages.map(({ name }) => name));
    for (const { base } of stages) {
      assert.ok(names.has(base) || /^[\w/.-]+:\d+\.\d+\.\d+-[\w.-]+$/.test(base), base);
    }
  });

  test(`GPU=${gpu}: it runs as somebody other than root, from a healthy start to its command`, () => {
    assert.deepEqual(
      having("USER").map(({ text }) => text),
      ["node"],
    );
    const user = image.findIndex(({ keyword }) => keyword === "USER");
    const after = image.slice(user).map(({ keyword }) => keyword);
    assert.ok(
      !after.includes("COPY") && !after.includes("RUN"),
      "all files are root's, and stay as they are",
    );
    assert.equal(having("HEALTHCHECK").length, 1);
    assert.ok(having("HEALTHCHECK")[0]?.list?.length, "without a shell");
    assert.deepEqual(having("CMD")[0]?.list, ["node_modules/.bin/goodput", "serve"]);
    assert.deepEqual(
      having("VOLUME").map(({ text }) => text),
      ["/models /data"],
    );
  });

  test(`GPU=${gpu}: nothing secret, nothing unpinned and nothing from elsewhere comes into it`, () => {
    const text = all.map(({ keyword, text }) => `${keyword} ${text}`).join("\n");
    assert.doesNotMatch(
      text,
      /token|password|secret|api_key|apt-get|curl|wget|https?:\/\/(?!127\.0\.0\.1)|:latest/i,
    );
    const { version } = lock.packages["node_modules/node-llama-cpp"];
    for (const [, found] of text.matchAll(/node-llama-cpp\S*?@(\d[\w.]*)/g)) assert.equal(found, version);
    assert.ok([...text.matchAll(/node-llama-cpp\S*?@\d/g)].length >= 2);
  });

  test(`GPU=${gpu}: what it is told by default is what the server takes`, () => {
    const env = having("ENV").flatMap(({ text }) => [...text.matchAll(/(\w+)=(\S+)/g)]);
    const settings = Object.fromEntries(
      env.map(([, name, value]) => [name, value === `\${GPU}` ? gpu : value]),
    );
    const config = readConfig(settings);
    assert.deepEqual([config.host, config.gpu], ["0.0.0.0", gpu === "off" ? false : gpu]);
    assert.equal(String(config.port), having("EXPOSE")[0]?.text);
    assert.equal(config.port, DEFAULT_CONFIG.port);
    assert.deepEqual(
      [config.store, config.dataDir],
      [{ kind: "sqlite", path: "/data/benchmarks.db" }, "/data"],
    );
  });
}

test("Node is the version that everything here is tested on", () => {
  const { args } = variants[0]!.file;
  assert.equal(args.get("NODE_VERSION"), packageFile.devDependencies.node);
});

test("by default no image for graphics cards is fetched", () => {
  assert.equal(parseDockerfile(source).args.get("GPU"), "off");
  const bases = neededStages(parseDockerfile(source)).map(({ base }) => base);
  assert.ok(
    bases.every((base) => !base.includes("cuda")),
    String(bases),
  );
});

test("neither secrets nor what is built or downloaded goes into the build", () => {
  const ignored = readFileSync(".dockerignore", "utf8").split("\n");
  for (const path of [".env", ".git", "node_modules", "build", "*.gguf"])
    assert.ok(ignored.includes(path), path);
  for (const path of [".npmrc", "package.json", "server", "src", "README.md"]) {
    assert.ok(!ignored.includes(path) && existsSync(path), path);
  }
});

test("compose has the server with and without a graphics card, models in a volume, and no secret", () => {
  const compose = parse(readFileSync("compose.yaml", "utf8"), { merge: true, version: "1.1" });
  assert.deepEqual(Object.keys(compose), ["name", "services", "volumes"]);
  assert.deepEqual(Object.keys(compose.services), ["goodput", "goodput-cuda", "database"]);
  const { goodput, "goodput-cuda": cuda } = compose.services;
  const known =
    "build cap_drop depends_on deploy env_file environment image init ports profiles restart security_opt stop_grace_period volumes".split(
      " ",
    );
  for (const service of [goodput, cuda]) {
    for (const key of Object.keys(service)) assert.ok(known.includes(key), key);
    assert.deepEqual(service.ports, [`\${PORT:-8085}:8085`]);
    assert.deepEqual(service.volumes, ["models:/models", "data:/data"]);
    assert.deepEqual(service.env_file, [{ path: ".env", required: false }]);
    // Every value is a text: older readers of YAML make a truth value of a bare off.
    for (const value of Object.values(service.environment)) assert.equal(typeof value, "string");
    // As compose fills them in where neither the shell nor .env says anything.
    const environment = Object.entries<string>(service.environment).map(([name, value]) => [
      name,
      value.replace(/\$\{\w+:-(.*?)\}/g, "$1"),
    ]);
    const config = readConfig(Object.fromEntries(environment));
    assert.equal(config.port, 8085);
    assert.deepEqual(config.store, { kind: "sqlite", path: "/data/benchmarks.db" });
    assert.equal(config.dataDir, "/data");
  }
  assert.deepEqual(compose.volumes, { models: null, data: null, database: null });
  assert.equal(goodput.profiles, undefined);
  assert.deepEqual([goodput.build.args.GPU, goodput.environment.GPU], ["off", "off"]);
  assert.deepEqual([cuda.build.args.GPU, cuda.environment.GPU, cuda.profiles], ["cuda", "cuda", ["gpu"]]);
  assert.deepEqual(cuda.deploy.resources.reservations.devices, [
    { driver: "nvidia", count: "all", capabilities: ["gpu"] },
  ]);
});

test("[A-153] [A-120] with its profile compose has a PostgreSQL that the server waits for, and its data in a volume", () => {
  const { goodput, database } = parse(readFileSync("compose.yaml", "utf8")).services;
  assert.deepEqual(database.profiles, ["postgres"]);
  assert.match(database.image, /^postgres:\d+-\w+$/);
  assert.deepEqual(database.volumes, ["database:/var/lib/postgresql"]);
  assert.ok(database.healthcheck.test.length > 0);
  // Without the profile there is nothing to wait for.
  assert.deepEqual(goodput.depends_on, { database: { condition: "service_healthy", required: false } });
  // Both sides say the same of name, user and password.
  const same = { DB_NAME: "POSTGRES_DB", DB_USER: "POSTGRES_USER", DB_PASSWORD: "POSTGRES_PASSWORD" };
  for (const [ours, theirs] of Object.entries(same)) {
    assert.equal(goodput.environment[ours], database.environment[theirs]);
  }
  assert.equal(database.ports, undefined, "nobody outside needs it");
});

const mistakes: [string, string, RegExp][] = [
  ["an instruction that nobody knows", "FROM a:1\nRUNN x", /line 2: RUNN/],
  ["a step before the first base", "RUN x", /line 1: RUN before the first FROM/],
  ["a line that never ends", "FROM a:1\nRUN x \\", /line 2: .*past the end/],
];
for (const [what, text, expected] of mistakes) {
  test(`${what} is told with its line`, () => {
    assert.throws(() => parseDockerfile(text), expected);
  });
}

test("continued lines, comments between them, flags and lists are read as an engine reads them", () => {
  const { stages } = parseDockerfile(
    `ARG A=1\nFROM a:\${A} AS b\n# one\nRUN x \\\n  # two\n  && y\nCOPY --from=b --chown=c /d /e\nHEALTHCHECK --retries=3 CMD ["f", "g"]`,
  );
  const [stage] = stages;
  assert.equal(stage?.base, "a:1");
  const [run, copy, health] = stage!.instructions;
  assert.deepEqual([run?.text, run?.line], ["x && y", 4]);
  assert.deepEqual([copy?.flags, copy?.text], [{ from: "b", chown: "c" }, "/d /e"]);
  assert.deepEqual([health?.flags, health?.list], [{ retries: "3" }, ["f", "g"]]);
});
