import { createReadStream, createWriteStream } from "node:fs";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import type { z } from "zod";
import { GoodputError } from "../errors.ts";
import type { Plan } from "../plan/plan.ts";
import { NS_PER_S } from "../units.ts";
import type { RequestRecord, StretchRecord, StretchStart } from "./record.ts";
import { endShape, footerShape, headerShape, requestShape, startShape } from "./records-shape.ts";

/**
 * `records.jsonl`: a header, then a line per request as it ends between the lines of its stretch's start and
 * end, then a footer. Written
 * while the run goes on, so that an interrupted run keeps what it measured. In a request's line `outputs`
 * holds the first chunk's moment and then the gaps, which is half the digits.
 */
export const RECORDS_SCHEMA = "goodput.records/1";

export interface RecordsHeader {
  readonly schema: typeof RECORDS_SCHEMA;
  readonly generator: string;
  readonly run_id: string;
  readonly started_at: string;
  readonly environment: {
    readonly node: string;
    readonly platform: string;
    readonly cpu: string;
    readonly cores: number;
  };
  /** The model that was really asked, also when the plan left it to the target. */
  readonly model: string;
  readonly baselineModel?: string;
  /** What the synthetic prompts began by: with it the run can be repeated to the byte. Absent: the seed alone. */
  readonly promptSalt?: string;
  /** The part of the plan that this file holds; absent: all of it. */
  readonly shard?: { readonly index: number; readonly of: number };
  readonly plan: Plan;
}

export interface RecordsFooter {
  readonly state: "completed" | "cancelled";
  readonly durationNs: number;
}

export interface RecordsWriter {
  request(record: RequestRecord): void;
  start(stretch: StretchStart): void;
  end(stretch: StretchRecord): void;
  /** Resolves once everything is on disk. */
  close(footer: RecordsFooter): Promise<void>;
  /** Rejects when a write fails; never resolves otherwise. */
  readonly failed: Promise<never>;
}

/**
 * Requests are written several at a time: a write for each costs more than everything else that is done to
 * keep it. What a kill can lose is a second of them.
 */
const BATCH_CHARACTERS = 64 * 1024;
const BATCH_NS = NS_PER_S;

export function writeRecords(path: string, header: RecordsHeader): RecordsWriter {
  const stream = createWriteStream(path);
  const failed = new Promise<never>((_, reject) => {
    stream.once("error", (error) =>
      reject(
        new GoodputError("OUTPUT_UNWRITABLE", `Cannot write ${path}: ${error.message}`, {
          hint: "Records written so far are kept; give another folder with --out.",
          cause: error,
        }),
      ),
    );
  });
  // Somebody may only look at it later, or never.
  failed.catch(() => {});
  let batch = "";
  let batchEndsAt = 0;
  const flush = () => {
    if (batch !== "") stream.write(batch);
    batch = "";
  };
  const line = (value: unknown) => {
    batch += `${JSON.stringify(value)}\n`;
    flush();
  };
  line(header);
  return {
    failed,
    request: (record) => {
      if (batch === "") batchEndsAt = record.end + BATCH_NS;
      batch += `{"request":${JSON.stringify(lineOf(record))}}\n`;
      if (batch.length >= BATCH_CHARACTERS || record.end >= batchEndsAt) flush();
    },
    start: (start) => line({ start }),
    end: (end) => line({ end }),
    close: (footer) => {
      line({ footer });
      return Promise.race([failed, new Promise<void>((resolve) => stream.end(resolve))]);
    },
  };
}

/** Everything of a records file, one line at a time: files outgrow memory. */
export type RecordsLine =
  | { readonly header: RecordsHeader }
  | { readonly request: RequestRecord }
  | { readonly start: StretchStart }
  | { readonly end: StretchRecord }
  | { readonly footer: RecordsFooter };

/** A request of a million chunks is a few megabytes; what is longer is no line of this program. */
const LONGEST_LINE_BYTES = 64 * 1024 * 1024;

/**
 * The file may come from anywhere: every line is checked before anything is made of it.
 * @throws GoodputError RESULT_UNREADABLE, naming the line.
 */
export async function* readRecords(path: string): AsyncGenerator<RecordsLine> {
  let number = 0;
  const unreadable = (what: string, cause?: unknown) =>
    new GoodputError("RESULT_UNREADABLE", `${path}, line ${number}: ${what}`, { cause });
  const checked = <T>(shape: z.ZodType, value: unknown): T => {
    const { error } = shape.safeParse(value);
    if (error === undefined) return value as T;
    const { path: place, message } = error.issues[0]!;
    throw unreadable(`damaged: ${[...place, message].join(": ").slice(0, 300)}.`);
  };
  const stream = Readable.from(boundedLines(createReadStream(path)));
  try {
    for await (const text of createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY })) {
      number++;
      let line: unknown;
      try {
        line = JSON.parse(text);
      } catch (error) {
        throw unreadable("not JSON; the run may have been killed while it wrote.", error);
      }
      if (typeof line !== "object" || line === null) throw unreadable("expected an object.");
      if (number === 1) {
        if (!("schema" in line) || line.schema !== RECORDS_SCHEMA)
          throw unreadable(`expected the schema ${RECORDS_SCHEMA}.`);
        yield { header: checked<RecordsHeader>(headerShape, line) };
      } else if ("request" in line) {
        const record = checked<RequestRecord>(requestShape, line.request);
        yield { request: { ...record, outputs: fromGaps(record.outputs) } };
      } else if ("start" in line) {
        yield { start: checked<StretchStart>(startShape, line.start) };
      } else if ("end" in line) {
        yield { end: checked<StretchRecord>(endShape, line.end) };
      } else if ("footer" in line) {
        yield { footer: checked<RecordsFooter>(footerShape, line.footer) };
      } else {
        throw unreadable("expected a request, a stretch's start or end, or the footer.");
      }
    }
  } catch (error) {
    if (error instanceof GoodputError) throw error;
    throw new GoodputError("RESULT_UNREADABLE", `Cannot read ${path}: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/** A line that never ends would otherwise be read into memory until there is none left. */
async function* boundedLines(stream: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let bytes = 0;
  for await (const chunk of stream) {
    const lineEnd = chunk.lastIndexOf(10);
    bytes = lineEnd < 0 ? bytes + chunk.length : chunk.length - lineEnd - 1;
    if (bytes > LONGEST_LINE_BYTES)
      throw new Error(`it has a line longer than ${LONGEST_LINE_BYTES / 1024 / 1024} MiB`);
    yield chunk;
  }
}

/** In the order in which things happened; named one by one, since copying the rest costs more than writing it. */
function lineOf(record: RequestRecord) {
  return {
    level: record.level,
    index: record.index,
    turn: record.turn,
    side: record.side,
    ramp: record.ramp,
    scheduled: record.scheduled,
    held: record.held,
    issued: record.issued,
    sent: record.sent,
    firstByte: record.firstByte,
    outputs: toGaps(record.outputs),
    end: record.end,
    status: record.status,
    bytes: record.bytes,
    inputTokens: record.inputTokens,
    cachedTokens: record.cachedTokens,
    sharedTokens: record.sharedTokens,
    outputTokens: record.outputTokens,
    tokenSource: record.tokenSource,
    outcome: record.outcome,
    failure: record.failure,
  } satisfies Record<Exclude<keyof RequestRecord, "text">, unknown>;
}

function toGaps(moments: readonly number[]): number[] {
  return moments.map((moment, i) => (i === 0 ? moment : moment - moments[i - 1]!));
}

function fromGaps(gaps: readonly number[]): number[] {
  let moment = 0;
  return gaps.map((gap) => (moment += gap));
}
