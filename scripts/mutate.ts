/**
 * Do the tests fail when the code is wrong? Changes one token at a time, at random places of the sources, and runs the
 * tests that are nearest to the changed file until one fails. What none of them notices is told: either a test is
 * missing, or the change changes nothing. Not a part of `npm test`, since it takes hours.
 *
 *   npm run mutate -- --count 100 --seed 1 --only src/judge
 */
import { spawn } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { parseAst } from "rolldown/parseAst";
import { random } from "../src/random.ts";
import { type Mutation, mutationsOf } from "./mutations.ts";
import { namesOf, reachOf } from "./test-reach.ts";
import { trackedFiles } from "./tracked-files.ts";

const { values } = parseArgs({
  options: {
    count: { type: "string", default: "100" },
    seed: { type: "string", default: "1" },
    only: { type: "string", multiple: true, default: [] },
    jobs: { type: "string", default: String(availableParallelism()) },
  },
});
/** What is judged and told; of the server what judges. */
const MUTATED =
  /^(src\/(?!scripted|selftest|cli\/)|action\/|server\/(agent\/(analysis|workflows\/judge)|load-tests\/(results|comparison|analysis|recommendation)))/;
/** Of a change that none of these notices, no test that is further away is likely to know. */
const NEAREST_TESTS = 14;
const LONGEST_MS = 120_000;

const files = trackedFiles();
const names = namesOf(files);
const reaches = files
  .filter((file) => file.endsWith(".test.ts"))
  .map((test) => [test, reachOf(test, names)] as const);
const sources = files.filter(
  (file) =>
    file.endsWith(".ts") &&
    MUTATED.test(file) &&
    (values.only.length === 0 || values.only.some((folder) => file.startsWith(folder))),
);
const all = sources.flatMap((file) => {
  const text = readFileSync(file, "utf8");
  return mutationsOf(parseAst(text, { lang: "ts" }), text).map((mutation) => ({ file, text, mutation }));
});
const chance = random(Number(values.seed), "mutations");
const chosen = Array.from(
  { length: Math.min(Number(values.count), all.length) },
  () => all.splice(Math.floor(chance.uniform() * all.length), 1)[0]!,
);

let done = 0;
const survivors: string[] = [];
await Promise.all(Array.from({ length: Number(values.jobs) }, work));
for (const line of survivors.toSorted()) console.log(line);
const noticed = done - survivors.length;
console.log(`${noticed} of ${done} changes noticed (${((100 * noticed) / done).toFixed(1)} %)`);

/** In a copy of the tree, until none is left. */
async function work(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "goodput-mutate-"));
  for (const file of files) cpSync(file, join(folder, file));
  symlinkSync(resolve("node_modules"), join(folder, "node_modules"));
  for (;;) {
    const next = chosen.pop();
    if (next === undefined) break;
    const { file, text, mutation } = next;
    writeFileSync(join(folder, file), applied(text, mutation));
    const test = await noticedBy(folder, file);
    writeFileSync(join(folder, file), text);
    done++;
    const line = text.slice(0, mutation.start).split("\n").length;
    const what = `${file}:${line}  ${text.slice(mutation.start, mutation.end)} → ${mutation.text}   in: ${text.split("\n")[line - 1]!.trim()}`;
    if (test === undefined) survivors.push(what);
    console.error(
      `${done} ${test === undefined ? `SURVIVED ${what}` : `noticed by ${test}: ${file}:${line}`}`,
    );
  }
  rmSync(folder, { recursive: true });
}

function applied(text: string, { start, end, text: other }: Mutation): string {
  return text.slice(0, start) + other + text.slice(end);
}

/** The first of the nearest tests that fails. */
async function noticedBy(folder: string, file: string): Promise<string | undefined> {
  const room = join("test", dirname(file).replace(/^src\//, ""));
  const nearest = reaches
    .flatMap(([test, reach]) => {
      const steps = reach.get(file);
      return steps === undefined ? [] : [{ test, steps: steps - (test.startsWith(room) ? 10 : 0) }];
    })
    .toSorted((a, b) => a.steps - b.steps)
    .slice(0, NEAREST_TESTS);
  for (const { test } of nearest) if (!(await passes(folder, test))) return test;
  return undefined;
}

/** A test that hangs has noticed something, too. */
function passes(folder: string, test: string): Promise<boolean> {
  return new Promise((tell) => {
    const child = spawn(process.execPath, ["--test-force-exit", test], {
      cwd: folder,
      stdio: "ignore",
      env: { ...process.env, NODE_COMPILE_CACHE: join(tmpdir(), "goodput-compile-cache") },
      timeout: LONGEST_MS,
      killSignal: "SIGKILL",
    });
    child.once("exit", (code) => tell(code === 0));
  });
}
