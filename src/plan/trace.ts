import { ConfigError } from "../errors.ts";
import { NS_PER_MS, NS_PER_S } from "../units.ts";
import { parseCsv } from "./csv.ts";
import { count, parseObject, type RecordedLengths, recordedLengths } from "./dataset-item.ts";
import { Fault, readAll, readInput, textOf } from "./input-file.ts";
import { jsonLines } from "./json-places.ts";
import type { TraceFormat } from "./plan.ts";

/** What was asked of a real service, and when; in the order of the moments. */
export interface Trace {
  /** Whole nanoseconds, from 0 on. */
  readonly arrivals: Float64Array;
  /** As many. */
  readonly requests: readonly (RecordedLengths & { readonly outputTokens: number })[];
  /** Rows without a prompt or without an answer: requests that failed when they were recorded. */
  readonly skipped: number;
}

/**
 * Reads a recorded trace:
 *
 *   mooncake   JSONL: timestamp (ms), input_length, output_length, hash_ids
 *   azure      CSV: TIMESTAMP (2023-11-16 18:15:46.6805900), ContextTokens, GeneratedTokens
 *   burstgpt   CSV: Timestamp (s), Model, Request tokens, Response tokens, Total tokens, Log Type
 *
 * @param timeScale multiplies every gap: 2 takes twice as long, 0.5 replays twice as fast.
 * @throws ConfigError naming the file and the line.
 */
export async function readTrace(path: string, format: TraceFormat, timeScale: number): Promise<Trace> {
  const bytes = await readInput(path);
  const { items, skipped } = readRows(path, bytes, format === "auto" ? detect(path, bytes) : format);
  const rows = items.toSorted((a, b) => a.seconds - b.seconds || a.restNs - b.restNs);
  const [first] = rows;
  if (first === undefined) throw new ConfigError([{ field: path, message: "holds no request to replay." }]);
  return {
    arrivals: Float64Array.from(rows, ({ seconds, restNs }) =>
      Math.round(((seconds - first.seconds) * NS_PER_S + (restNs - first.restNs)) * timeScale),
    ),
    requests: rows.map(({ seconds, restNs, ...lengths }) => lengths),
    skipped,
  };
}

/** The moment in two parts: one number of nanoseconds since 1970 would be more than a double holds exactly. */
interface Row extends RecordedLengths {
  readonly seconds: number;
  readonly restNs: number;
  readonly outputTokens: number;
}

type NamedFormat = Exclude<TraceFormat, "auto">;

/** By what is in it: all three are called trace.csv or trace.jsonl. */
function detect(path: string, bytes: Buffer): NamedFormat {
  const beginning = bytes.toString("utf8", 0, 4096).trimStart();
  if (beginning.startsWith("{")) return "mooncake";
  const [header = ""] = beginning.toLowerCase().split(/[\r\n]/);
  if (header.includes("contexttokens")) return "azure";
  if (header.includes("request tokens")) return "burstgpt";
  const message =
    "is no trace that is known: mooncake is JSONL with timestamp and input_length; azure is CSV with TIMESTAMP, ContextTokens, GeneratedTokens; burstgpt is CSV with Timestamp, Request tokens, Response tokens.";
  throw new ConfigError([{ field: path, message }]);
}

function readRows(path: string, bytes: Buffer, format: NamedFormat): { items: Row[]; skipped: number } {
  if (format === "mooncake") {
    return readAll(path, jsonLines(bytes), ({ json }) => mooncakeRow(parseObject(json)));
  }
  const names = CSV_COLUMNS[format];
  const { columns, rows } = parseCsv(path, textOf(path, bytes));
  const missing = Object.values(names).filter((name) => !columns.includes(name.toLowerCase()));
  if (columns.length > 0 && missing.length > 0) {
    const message = `should name the columns ${Object.values(names).join(", ")}; it lacks ${missing.join(", ")}.`;
    throw new ConfigError([{ field: `${path} line 1`, message }]);
  }
  return readAll(path, rows, ({ cells }) => {
    const cell = (name: string) => ({ [name]: cells.get(name.toLowerCase()) });
    const inputTokens = required(cell(names.input), names.input);
    const outputTokens = required(cell(names.output), names.output);
    const written = cells.get(names.time.toLowerCase())!.trim();
    const moment = format === "azure" ? calendarMoment(written) : secondsMoment(written, names.time);
    return inputTokens === 0 || outputTokens === 0 ? undefined : { ...moment, inputTokens, outputTokens };
  });
}

const CSV_COLUMNS = {
  azure: { time: "TIMESTAMP", input: "ContextTokens", output: "GeneratedTokens" },
  burstgpt: { time: "Timestamp", input: "Request tokens", output: "Response tokens" },
} as const;

function mooncakeRow(item: Readonly<Record<string, unknown>>): Row | undefined {
  const { timestamp } = item;
  if (typeof timestamp !== "number" || !Number.isFinite(timestamp) || timestamp < 0) {
    throw new Fault('should have a "timestamp" in milliseconds, from 0 on.');
  }
  const outputTokens = required(item, "output_length");
  if (required(item, "input_length") === 0 || outputTokens === 0) return undefined;
  return { seconds: 0, restNs: timestamp * NS_PER_MS, ...recordedLengths(item), outputTokens };
}

function required(item: Readonly<Record<string, unknown>>, name: string): number {
  const value = count(item, name, 0);
  if (value === undefined) throw new Fault(`should have "${name}", a whole number of tokens.`);
  return value;
}

/** Without a zone it is in UTC; only gaps matter. */
function calendarMoment(text: string): { seconds: number; restNs: number } {
  const match = /^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?\s*(Z|[+-]\d\d:?\d\d)?$/.exec(text);
  const [, day, time, fraction = "", zone = "Z"] = match ?? [];
  const milliseconds = Date.parse(`${day}T${time}${zone.replace(/(\d\d)(\d\d)$/, "$1:$2")}`);
  if (Number.isNaN(milliseconds)) {
    throw new Fault(
      `has ${JSON.stringify(text)} as TIMESTAMP; it should be as 2023-11-16 18:15:46.6805900 is.`,
    );
  }
  return { seconds: milliseconds / 1000, restNs: Number(fraction.padEnd(9, "0")) };
}

function secondsMoment(text: string, name: string): { seconds: number; restNs: number } {
  const value = text === "" ? Number.NaN : Number(text);
  if (!Number.isFinite(value) || value < 0) {
    throw new Fault(`has ${JSON.stringify(text)} as ${name}; it should be seconds, from 0 on.`);
  }
  const seconds = Math.floor(value);
  return { seconds, restNs: Math.round((value - seconds) * NS_PER_S) };
}
