#!/usr/bin/env node
import { beginAgain } from "../node-flags.ts";
import { tooOldNode } from "./node-version.ts";

const tooOld = tooOldNode(process.versions.node);
if (tooOld !== undefined) {
  console.error(tooOld);
  process.exit(2);
}
const [, , command = ""] = process.argv;
if (["run", "selftest"].includes(command)) beginAgain(process);
const { main } = await import("./main.ts");
process.exitCode = await main(process.argv.slice(2));
