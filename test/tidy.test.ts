import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { test } from "node:test";
import { VERSION } from "../src/version.ts";

/**
 * The layout as a test. A new arrow between folders is a decision: a page in docs/decisions/ and a line
 * here, in the same commit.
 */

/** The stages in order: each may look left, never right. */
const STAGES = ["plan", "schedule", "send", "observe", "record", "summarize", "judge", "report"];
/** Words that any part of the engine may use; they know no stage. */
const SHARED = ["clock", "random", "units", "errors", "redact", "result", "version", "conclusion"].map(
  (name) => `src/${name}.ts`,
);

/** Of a front door, before anything else is loaded. */
const FIRST = "src/node-flags.ts";

const sources = globSync("{src,server,action}/**/*.ts");

for (const file of sources) {
  test(`${file} imports only what it may`, () => {
    for (const target of importsOf(file)) {
      assert.ok(mayImport(file, target), `${file} must not import ${target}`);
    }
  });
}

test("no file imports itself by way of others, not for types either", () => {
  const circles: string[] = [];
  const done = new Set<string>();
  const visit = (file: string, way: readonly string[]) => {
    if (way.includes(file)) circles.push([...way.slice(way.indexOf(file)), file].join(" → "));
    if (done.has(file) || way.includes(file)) return;
    for (const target of importsOf(file)) visit(target, [...way, file]);
    done.add(file);
  };
  for (const file of sources) visit(file, []);
  assert.deepEqual(circles, []);
});

test("only clock.ts asks the time in the engine", () => {
  const asking = engineFiles().filter((file) =>
    /\b(Date\.now|new Date\(\)|performance\.now|process\.hrtime|setTimeout|setInterval|setImmediate)\b/.test(
      code(file),
    ),
  );
  assert.deepEqual(asking, ["src/clock.ts"]);
});

test("only random.ts has chance", () => {
  const drawing = [...engineFiles(), ...globSync("src/cli/*.ts")].filter((file) =>
    /\b(Math\.random|randomUUID|randomBytes|randomInt|getRandomValues)\b/.test(code(file)),
  );
  assert.deepEqual(drawing, ["src/random.ts"]);
});

test("only front doors read the environment, print or end the process", () => {
  const guilty = engineFiles().filter((file) =>
    /process\.(env|exit|exitCode|stdout|stderr|argv)\b|\bconsole\./.test(code(file)),
  );
  assert.deepEqual(guilty, []);
});

test("the version is package.json's", () => {
  assert.equal(VERSION, JSON.parse(readFileSync("package.json", "utf8")).version);
});

test("the lock file has an entry for every platform's packages, and no address of a registry", () => {
  const text = readFileSync("package-lock.json", "utf8");
  const { packages } = JSON.parse(text) as {
    packages: Record<string, { optionalDependencies?: Record<string, string> }>;
  };
  // npm drops those it cannot find where the lock file is made, and `npm ci` then fails for everybody.
  for (const { optionalDependencies = {} } of Object.values(packages)) {
    for (const name of Object.keys(optionalDependencies)) assert.ok(`node_modules/${name}` in packages, name);
  }
  assert.doesNotMatch(text, /"resolved"/);
});

function mayImport(file: string, target: string): boolean {
  // The program that is measured shares nothing with the one that measures.
  if (file.startsWith("server/inference/")) return target.startsWith("server/inference/");
  if (file.startsWith("server/")) {
    return target.startsWith("server/") || target === "src/index.ts" || target === "src/version.ts";
  }
  if (file.startsWith("action/"))
    return (
      target.startsWith("action/") ||
      target === "src/index.ts" ||
      (file === "action/start.ts" && target === FIRST)
    );
  if (file.startsWith("src/cli/")) {
    return (
      target.startsWith("src/cli/") ||
      target === "src/index.ts" ||
      (file === "src/cli/bin.ts" && target === FIRST) ||
      (file === "src/cli/serve.ts" && /^server\/(main|model\/optimize)\.ts$/.test(target)) ||
      (file === "src/cli/worker.ts" && target === "server/workers/worker-main.ts") ||
      // Loaded only by whoever asks for them.
      (file === "src/cli/scripted.ts" && isScripted(target)) ||
      (file === "src/cli/selftest.ts" && /^src\/selftest(-text)?\.ts$/.test(target))
    );
  }
  if (SHARED.includes(file)) return SHARED.includes(target);
  // The scripted server is measured, and knows no stage.
  if (isScripted(file)) return isScripted(target) || SHARED.includes(target);
  const stage = STAGES.indexOf(file.split("/")[1]!);
  // run.ts and index.ts know every stage.
  if (stage === -1) return target.startsWith("src/") && !target.startsWith("src/cli/");
  const targetStage = STAGES.indexOf(target.split("/")[1]!);
  return SHARED.includes(target) || (targetStage !== -1 && targetStage <= stage);
}

function engineFiles(): string[] {
  return globSync("src/**/*.ts")
    .filter((file) => !file.startsWith("src/cli/") && !isScripted(file))
    .toSorted();
}

function isScripted(file: string): boolean {
  return file === "src/scripted-server.ts" || file.startsWith("src/scripted/");
}

function importsOf(file: string): string[] {
  return [...readFileSync(file, "utf8").matchAll(/(?:from|import\()\s*"(\.[^"]+)"/g)].map((match) =>
    normalize(join(dirname(file), match[1]!)),
  );
}

/** Without comments, which may speak of anything. */
function code(file: string): string {
  return readFileSync(file, "utf8").replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, "");
}
