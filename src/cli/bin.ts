#!/usr/bin/env node
import { availableParallelism } from "node:os";

const [, , command = ""] = process.argv;
if (["run", "selftest"].includes(command)) startWithFewThreads();
const { main } = await import("./main.ts");
process.exitCode = await main(process.argv.slice(2));

/**
 * Node gives V8 four threads beside the program's own on every machine. With as few cores as that, they take turns with
 * it while garbage is collected, and answers seem to come tens of milliseconds late (`npm run bench:timing`). Their number
 * can only be said to a program as it starts: this one begins again, in its own place, with as many as there is room for.
 */
function startWithFewThreads(): void {
  const said = [...process.execArgv, process.env.NODE_OPTIONS ?? ""].join(" ").includes("--v8-pool-size");
  if (said || availableParallelism() > 4) return;
  const args = [process.execPath, "--v8-pool-size=0", ...process.execArgv, ...process.argv.slice(1)];
  // Windows has no such thing.
  process.execve?.(process.execPath, args, process.env);
}
