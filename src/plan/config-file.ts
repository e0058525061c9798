import { readFile } from "node:fs/promises";
import { ConfigError } from "../errors.ts";

/**
 * Reads a YAML or JSON file of settings, keys as in `CONFIG_KEYS`.
 * @throws ConfigError naming the file and, where it does not parse, the line and column.
 */
export async function readConfigFile(path: string): Promise<Record<string, unknown>> {
  const wrong = (message: string) => new ConfigError([{ field: path, message }]);
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === "ENOENT";
    throw wrong(missing ? "there is no such file." : `cannot be read: ${(error as Error).message}`);
  }
  // Most runs have no file, and start sooner without the parser.
  const { parseDocument } = await import("yaml");
  const document = parseDocument(text);
  const problem = document.errors[0];
  if (problem !== undefined) {
    const [start] = problem.linePos ?? [];
    const where = start === undefined ? "" : `line ${start.line}, column ${start.col}: `;
    throw wrong(`${where}${problem.message.split("\n")[0]}`);
  }
  const value: unknown = document.toJS();
  if (value === null || value === undefined) return {};
  if (typeof value !== "object" || Array.isArray(value)) {
    throw wrong("should hold settings, for example `url: http://localhost:8085`.");
  }
  return value as Record<string, unknown>;
}
