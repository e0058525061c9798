/**
 * How long it takes from the start of the process to its first request at the target: the command line from
 * its sources and as it is packed, beside Node itself starting and ending with nothing to do.
 */
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
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
const times: Record<"source" | "built" | "node", number[]> = { source: [], built: [], node: [] };
try {
  execFileSync(
    process.execPath,
    ["node_modules/typescript/bin/tsc", "-p", "tsconfig.build.json", "--outDir", built],
    {
      stdio: "inherit",
    },
  );
  writeFileSync(join(built, "package.json"), '{"type":"module"}');
  for (let round = 0; round < Number(values.rounds); round++) {
    times.source.push(await toFirstRequest("src/cli/bin.ts"));
    times.built.push(await toFirstRequest(join(built, "src/cli/bin.js")));
    times.node.push(await startToEnd());
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
      ["node alone, start to end", shown(spread(times.node))],
    ],
  ),
);

async function toFirstRequest(program: string): Promise<number> {
  await target.stats();
  const startNs = Number(process.hrtime.bigint());
  const flags = [
    "--url",
    target.url,
    "--requests",
    "1",
    "--output-tokens",
    "8",
    "--out",
    outDir,
    "--no-progress",
  ];
  const child = spawnPinned(CLIENT_CORE, [process.execPath, program, "run", ...flags]);
  child.stdout!.resume();
  const [code] = await once(child, "exit");
  const { firstRequestNs, requests } = await target.stats();
  if (requests === 0) throw new Error(`no request came; the program ended with ${code}`);
  return (firstRequestNs - startNs) / 1e6;
}

async function startToEnd(): Promise<number> {
  const startNs = process.hrtime.bigint();
  await once(spawnPinned(CLIENT_CORE, [process.execPath, "-e", "0"]), "exit");
  return Number(process.hrtime.bigint() - startNs) / 1e6;
}
