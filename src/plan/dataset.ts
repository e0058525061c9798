import { extname } from "node:path";
import { ConfigError } from "../errors.ts";
import { type CsvRow, parseCsv } from "./csv.ts";
import { count, type DatasetItem, OUTPUT_NAMES, readItem } from "./dataset-item.ts";
import { Fault, readAll, readInput, textOf } from "./input-file.ts";
import { jsonElements, jsonLines } from "./json-places.ts";

export interface Dataset {
  /** At least one. */
  readonly items: readonly DatasetItem[];
  /** Conversations in which nobody asks anything. */
  readonly skipped: number;
}

/**
 * Reads a file of prompts:
 *
 *   .csv     a header with a column "prompt"; "max_tokens" (or another name of it) and "system" where wanted
 *   .txt     a prompt per line; what needs several lines goes into JSONL
 *   others   a JSON list when it begins with [, JSONL when it begins with {, else a prompt per line
 *
 * The objects of JSON and JSONL have "prompt"; "messages" (OpenAI's); "conversations" (ShareGPT's); or
 * "input_length", "output_length" and "hash_ids" (Mooncake's).
 * @throws ConfigError naming the file, line or item, and what would be right.
 */
export async function readDataset(path: string): Promise<Dataset> {
  const bytes = await readInput(path);
  const dataset = readBytes(path, bytes);
  if (dataset.items.length > 0) return dataset;
  const why = dataset.skipped > 0 ? `; in none of its ${dataset.skipped} conversations does a user ask` : "";
  throw new ConfigError([{ field: path, message: `holds no prompt${why}.` }]);
}

function readBytes(path: string, bytes: Buffer): Dataset {
  const extension = extname(path).toLowerCase();
  if (extension === ".csv") return readCsv(path, textOf(path, bytes));
  const begins = extension === ".txt" ? "" : bytes.toString("utf8", 0, 1024).trimStart()[0];
  if (begins === "[") return readAll(path, jsonElements(bytes), ({ json }) => readItem(json));
  if (begins === "{" || extension === ".jsonl" || extension === ".ndjson") {
    return readAll(path, jsonLines(bytes), ({ json }) => readItem(json));
  }
  const lines = textOf(path, bytes).split(/\r\n|\n|\r/);
  const items = lines.filter((line) => line.trim() !== "").map((line) => prompt(line));
  return { items, skipped: 0 };
}

function readCsv(path: string, text: string): Dataset {
  const { columns, rows } = parseCsv(path, text);
  if (columns.length > 0 && !columns.includes("prompt")) {
    const found = columns.slice(0, 10).map((name) => JSON.stringify(name));
    throw new ConfigError([
      { field: `${path} line 1`, message: `should name a column "prompt"; it names ${found.join(", ")}.` },
    ]);
  }
  return readAll(path, rows, readRow);
}

function readRow({ cells }: CsvRow): DatasetItem {
  const text = cells.get("prompt")!;
  if (text.trim() === "") throw new Fault('has an empty "prompt".');
  const name = OUTPUT_NAMES.find((name) => (cells.get(name) ?? "").trim() !== "");
  const maxTokens = name === undefined ? undefined : count({ [name]: cells.get(name) }, name, 1);
  const system = cells.get("system");
  return {
    ...prompt(text, maxTokens),
    ...(system !== undefined && system.trim() !== "" && { system }),
  };
}

function prompt(content: string, maxTokens?: number): DatasetItem & { kind: "texts" } {
  return { kind: "texts", turns: [{ content, ...(maxTokens !== undefined && { maxTokens }) }] };
}
