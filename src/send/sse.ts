import { EventTemplate } from "./event-template.ts";

/**
 * Server-sent events from bytes, by the HTML standard's section 9.2.6 "Interpreting an event stream".
 *
 * Works on bytes, so that a cut inside a UTF-8 sequence or between CR and LF cannot matter: any way of
 * cutting the same bytes gives the same events. Only `data` is kept; comments, `id`, `event` and `retry`
 * carry no output of a model.
 */

const LF = 0x0a;
const CR = 0x0d;
const COLON = 0x3a;
const SPACE = 0x20;
const DATA = "data:";
const DATA_SPACE = "data: ";
const BOM = [0xef, 0xbb, 0xbf] as const;

/** An event larger than this is an attack or a defect, not a token. */
export const MAX_EVENT_BYTES = 4 * 1024 * 1024;

export class SseParser {
  readonly #onData: (data: string) => void;
  readonly #onRepeat: (bytes: Buffer, textStart: number, textEnd: number) => void;
  /** The unfinished last line of earlier reads. */
  #rest: Buffer | undefined;
  /** `data` lines of the event that is being read. */
  #data: string | undefined;
  #dataBytes = 0;
  /** The last line ended with CR at the end of a read: an LF that follows belongs to it. */
  #afterCr = false;
  #atStart = true;
  /** How the last event was framed: what stood before its data, and what ended the line. */
  #lead = "";
  #ending: "\n" | "\r\n" = "\n";
  #template: EventTemplate | undefined;

  /** @param onRepeat is told of events that are as `expect` said; their text is in those bytes. */
  constructor(
    onData: (data: string) => void,
    onRepeat: (bytes: Buffer, textStart: number, textEnd: number) => void = () => {},
  ) {
    this.#onData = onData;
    this.#onRepeat = onRepeat;
  }

  /** From now on, events framed as the last one whose data is `head`, a text and `tail` go to `onRepeat`. */
  expect(head: string, tail: string): void {
    this.#template = new EventTemplate(this.#lead + head, tail + this.#ending + this.#ending);
  }

  /** @throws RangeError when one event exceeds MAX_EVENT_BYTES. */
  push(chunk: Buffer): void {
    let bytes = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk]);
    this.#rest = undefined;
    if (this.#atStart) {
      if (bytes.length < BOM.length && BOM.slice(0, bytes.length).every((byte, i) => bytes[i] === byte)) {
        this.#rest = bytes;
        return;
      }
      if (BOM.every((byte, i) => bytes[i] === byte)) bytes = bytes.subarray(BOM.length);
      this.#atStart = false;
    }
    let start = 0;
    if (this.#afterCr && bytes.length > 0) {
      if (bytes[0] === LF) start = 1;
      this.#afterCr = false;
    }
    // Behind `start`: not looked for yet.
    let nextLf = -2;
    let nextCr = -2;
    while (start < bytes.length) {
      if (this.#template !== undefined && this.#data === undefined) {
        start = this.#repeats(this.#template, bytes, start);
        if (start === bytes.length) return;
      }
      if (nextLf !== -1 && nextLf < start) nextLf = bytes.indexOf(LF, start);
      if (nextCr !== -1 && nextCr < start) nextCr = bytes.indexOf(CR, start);
      if (nextLf === -1 && nextCr === -1) break;
      const isCr = nextCr !== -1 && (nextLf === -1 || nextCr < nextLf);
      const end = isCr ? nextCr : nextLf;
      this.#line(bytes, start, end);
      const isCrLf = isCr && bytes[end + 1] === LF;
      this.#ending = isCrLf ? "\r\n" : "\n";
      if (isCr && end + 1 === bytes.length) this.#afterCr = true;
      start = isCrLf ? end + 2 : end + 1;
    }
    if (start < bytes.length) {
      this.#rest = bytes.subarray(start);
      this.#limit(this.#rest.length);
    }
  }

  /** Reads events of the template for as long as they come; gives where the next other one begins. */
  #repeats(template: EventTemplate, bytes: Buffer, from: number): number {
    let start = from;
    for (let end = template.endOf(bytes, start); end !== -1; end = template.endOf(bytes, start)) {
      this.#onRepeat(bytes, start + template.headLength, end - template.tailLength);
      start = end;
    }
    return start;
  }

  /**
   * The standard drops an event that no blank line ended; servers that leave out the last blank line are
   * common, and what they sent was received, so it is given.
   */
  end(): void {
    if (this.#rest !== undefined) this.#line(this.#rest, 0, this.#rest.length);
    this.#rest = undefined;
    this.#dispatch();
  }

  #line(bytes: Buffer, start: number, end: number): void {
    if (start === end) {
      this.#dispatch();
      return;
    }
    // "data" followed by a colon, or alone on its line.
    if (
      bytes[start] !== 0x64 ||
      bytes[start + 1] !== 0x61 ||
      bytes[start + 2] !== 0x74 ||
      bytes[start + 3] !== 0x61
    )
      return;
    let from = start + 4;
    if (from < end) {
      if (bytes[from] !== COLON) return;
      from++;
      if (bytes[from] === SPACE && from < end) from++;
    }
    this.#lead = from - start === DATA_SPACE.length ? DATA_SPACE : DATA;
    const value = bytes.toString("utf8", Math.min(from, end), end);
    this.#limit(end - from);
    this.#data = this.#data === undefined ? value : `${this.#data}\n${value}`;
    this.#dataBytes += end - from + 1;
  }

  #dispatch(): void {
    if (this.#data === undefined) return;
    const data = this.#data;
    this.#data = undefined;
    this.#dataBytes = 0;
    this.#onData(data);
  }

  #limit(pending: number): void {
    if (this.#dataBytes + pending > MAX_EVENT_BYTES) {
      throw new RangeError(`an event of the stream exceeds ${MAX_EVENT_BYTES} bytes`);
    }
  }
}
