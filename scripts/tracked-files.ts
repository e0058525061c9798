import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";

/** Everything in the working tree that git keeps, or would keep. */
export function trackedFiles(): string[] {
  return gitLines("ls-files", "--cached", "--others", "--exclude-standard").filter(existsSync);
}

export function gitLines(...args: string[]): string[] {
  return execFileSync("git", args, { encoding: "utf8" })
    .split("\n")
    .filter((line) => line !== "");
}
