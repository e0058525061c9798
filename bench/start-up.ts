/**
 * How long it takes from the start of the process to its first request at the target: the command line from
 * its sources and as it is packed, and the Action's bundle; beside the Action with nothing to do (a mistake in its
 * inputs) and Node itself, from start to end.
 */
import { type ChildProcess, execFileSync } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { heading, shown, spread, table } from "./lib/table.ts";
import { CLIENT_CORE, spawnPinned, startTarget } from "./lib/target.ts";

const { values } = parseArgs({ options: { rounds: { type: "string", default: "10" } } });
// Below node_modules, where it finds what it imports.
const built = mkdtempSync(join("node_modules", ".goodput-bench-"));
const outDir = mkdtempSync(join(tmpdir(), "goodput-bench-"));
const target = await startTarget();
const times: Record<"source" | "built" | "action" | "idle" | "node", number[]> = {
  source: [],
  built: [],
  action: [],
  idle: [],
  node: [],
};
// Alone in a folder, as the runner has it.
const action = join(outDir, "index.js");
cpSync("dist", outDir, { recursive: true });
writeFileSync(join(outDir, "package.json"), '{"type":"module"}');
writeFileSync(join(outDir, "event.json"), "{}");
try {
  execFileSync(process.execPath, ["scripts/build-package.ts", "--out", built], { stdio: "inherit" });
  writeFileSync(join(built, "package.json"), '{"type":"module"}');
  for (let round = 0; round < Number(values.rounds); round++) {
    times.source.push(await toFirstRequest(commandLine("src/cli/bin.ts")));
    times.built.push(await toFirstRequest(commandLine(join(built, "goodput.js"))));
    times.action.push(await toFirstRequest(runAction({ INPUT_URL: target.url, INPUT_REQUESTS: "1" })));
    times.idle.push(await startToEnd(runAction({ INPUT_URL: "nothing" })));
    times.node.push(await startToEnd(() => spawnPinned(CLIENT_CORE, [process.execPath, "-e", "0"])));
  }
} finally {
  await target.stop();
  rmSync(built, { recursive: true });
  rmSync(outDir, { recursive: true });
}

heading(`Process start to first request, ${values.rounds} rounds: median (min–max)`);
console.log(
  table(
    ["", "ms"],
    [
      ["from its sources", shown(spread(times.source))],
      ["as it is packed", shown(spread(times.built))],
      ["the Action", shown(spread(times.action))],
      ["the Action with nothing to do, start to end", shown(spread(times.idle))],
      ["node alone, start to end", shown(spread(times.node))],
    ],
  ),
);

async function toFirstRequest(start: () => ChildProcess): Promise<number> {
  await target.stats();
  const startNs = Number(process.hrtime.bigint());
  const child = start();
  child.stdout!.resume();
  const [code] = await once(child, "exit");
  const { firstRequestNs, requests } = await target.stats();
  if (requests === 0) throw new Error(`no request came; the program ended with ${code}`);
  return (firstRequestNs - startNs) / 1e6;
}

async function startToEnd(start: () => ChildProcess): Promise<number> {
  const startNs = process.hrtime.bigint();
  const child = start();
  child.stdout!.resume();
  await once(child, "exit");
  return Number(process.hrtime.bigint() - startNs) / 1e6;
}

function commandLine(program: string): () => ChildProcess {
  const flags = ["--requests", "1", "--output-tokens", "8", "--out", outDir, "--no-progress"];
  return () => spawnPinned(CLIENT_CORE, [process.execPath, program, "run", "--url", target.url, ...flags]);
}

function runAction(inputs: Readonly<Record<string, string>>): () => ChildProcess {
  const env = {
    PATH: process.env.PATH,
    GITHUB_ACTIONS: "true",
    GITHUB_EVENT_PATH: join(outDir, "event.json"),
    GITHUB_OUTPUT: join(outDir, "output"),
    GITHUB_STEP_SUMMARY: join(outDir, "summary"),
    "INPUT_OUTPUT-DIR": join(outDir, "report"),
    ...inputs,
  };
  return () => {
    writeFileSync(env.GITHUB_OUTPUT, "");
    writeFileSync(env.GITHUB_STEP_SUMMARY, "");
    return spawnPinned(CLIENT_CORE, [process.execPath, action], { env });
  };
}
