#!/usr/bin/env node
import { beginAgain } from "../node-flags.ts";

const [, , command = ""] = process.argv;
if (["run", "selftest"].includes(command)) beginAgain(process);
const { main } = await import("./main.ts");
process.exitCode = await main(process.argv.slice(2));
