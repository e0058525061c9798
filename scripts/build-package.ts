/** Builds what `npm pack` ships: Node strips no types below node_modules, so a package holds JavaScript. */
import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";

rmSync("build", { recursive: true, force: true });
execFileSync(process.execPath, ["node_modules/typescript/bin/tsc", "-p", "tsconfig.build.json"], {
  stdio: "inherit",
});
