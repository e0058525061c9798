import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { after, test } from "node:test";
import { neededStages, parseDockerfile } from "../../../scripts/dockerfile.ts";
import { send } from "../../support/server.ts";

const folder = mkdtempSync(join(tmpdir(), "goodput-image-"));
after(() => rmSync(folder, { recursive: true, force: true }));

test("[A-74] [A-75] as its image sets it the server keeps its database in the data folder, and honours API_KEY", async () => {
  const instructions = neededStages(parseDockerfile(readFileSync("Dockerfile", "utf8"))).flatMap(
    (stage) => stage.instructions,
  );
  const set = instructions
    .filter(({ keyword }) => keyword === "ENV")
    .flatMap(({ text }) => [...text.matchAll(/(\w+)=(\S+)/g)])
    .map(([, name, value]): [string, string] => [name!, value!.replace(/^\/data/, folder)]);
  const own = {
    HOST: "127.0.0.1",
    PORT: "0",
    GPU: "off",
    MODEL: "off",
    QUIET: "1",
    API_KEY: "your-secret-key",
  };
  const server = spawn(process.execPath, ["server/main.ts"], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...Object.fromEntries(set), ...own },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = await once(server.stdout, "data");
  const url = /http:\/\/\S+/.exec(String(line))![0];
  const body = { server_url: "http://127.0.0.1:1" };
  const refused = await send(`${url}/api/v1/benchmark/run`, { body });
  const taken = await send(`${url}/api/v1/benchmark/run`, { body, headers: { "x-api-key": own.API_KEY } });
  const history = await send(`${url}/api/v1/benchmark/history`);
  const closed = once(server, "close");
  server.kill("SIGTERM");
  await closed;
  // Without a model to ask for the body is refused, but not for want of a key.
  assert.deepEqual([refused.status, taken.status, history.status], [401, 400, 200]);
  assert.ok(existsSync(join(folder, "benchmarks.db")));
});

test("[A-117] one command runs every test there is", () => {
  const { scripts } = JSON.parse(readFileSync("package.json", "utf8"));
  assert.equal(scripts.test, "node scripts/test.ts");
  assert.match(readFileSync("scripts/test.ts", "utf8"), /\["test"\] : asked/);
  const files = globSync("**/*.ts", { exclude: (name) => /^(node_modules|dist|build)\b/.test(name) });
  const texts = new Map(files.map((file) => [file, readFileSync(file, "utf8")]));
  for (const [file, text] of texts) {
    if (!/^import .*\btest\b.* from "node:test";$/m.test(text)) continue;
    const found = /^test\/.*\.test\.ts$/.test(file);
    const imported = [...texts].some(
      ([other, importing]) => other.endsWith(".test.ts") && importing.includes(`/${basename(file)}"`),
    );
    assert.ok(found || imported, `${file} is run by nobody`);
  }
});

test("[A-118] the licence is MIT", () => {
  assert.equal(JSON.parse(readFileSync("package.json", "utf8")).license, "MIT");
  assert.match(readFileSync("LICENSE", "utf8"), /^MIT License\n/);
});
