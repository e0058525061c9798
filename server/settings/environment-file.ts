import { existsSync } from "node:fs";
import { ConfigError } from "./config-error.ts";

/** Sets what the file has and the environment does not; a file that is not there sets nothing. */
export function loadEnvironmentFile(path: string): void {
  if (!existsSync(path)) return;
  try {
    process.loadEnvFile(path);
  } catch (error) {
    throw new ConfigError([`${path} cannot be read: ${(error as Error).message}`]);
  }
}
