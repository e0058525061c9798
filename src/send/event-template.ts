import type { StreamEvent } from "./protocol.ts";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const FIRST_PRINTABLE = 0x20;
const SHORT_ESCAPES = Buffer.from('"\\\\/bfnrt');

/**
 * What the events of one stream have in common: all bytes but those of one piece of text. JSON that differs
 * from a known event only within a string differs only in that string's value, so such an event is read by
 * comparing bytes.
 */
export class EventTemplate {
  readonly #bytes: Buffer;
  readonly #view: DataView;
  readonly #headLength: number;
  readonly #tailLength: number;

  constructor(head: string, tail: string) {
    this.#bytes = Buffer.from(head + tail);
    this.#view = viewOf(this.#bytes.buffer);
    this.#headLength = Buffer.byteLength(head);
    this.#tailLength = this.#bytes.length - this.#headLength;
  }

  get headLength(): number {
    return this.#headLength;
  }

  get tailLength(): number {
    return this.#tailLength;
  }

  /** Where the event that begins at `start` ends; −1 when it is another one, is cut, or its text is empty. */
  endOf(bytes: Buffer, start: number): number {
    const textStart = start + this.#headLength;
    const lastTail = bytes.length - this.#tailLength;
    if (textStart >= lastTail || !this.#isAt(bytes, start, 0, this.#headLength)) return -1;
    let at = textStart;
    for (let byte = bytes[at]!; byte !== QUOTE; byte = bytes[at]!) {
      if (byte < FIRST_PRINTABLE) return -1;
      if (byte === BACKSLASH && !isShortEscape(bytes[++at])) return -1;
      if (++at > lastTail) return -1;
    }
    const { length } = this.#bytes;
    return at > textStart && this.#isAt(bytes, at, this.#headLength, length) ? at + this.#tailLength : -1;
  }

  /**
   * Compares eight bytes at a time, as numbers: a quarter of the time of one by one, and less than
   * `Buffer.compare`. Bytes that are no number are taken for different, and are left to JSON.
   */
  #isAt(bytes: Buffer, start: number, from: number, to: number): boolean {
    const own = this.#view;
    const ownOffset = this.#bytes.byteOffset;
    const other = viewOf(bytes.buffer);
    const otherOffset = bytes.byteOffset + start - from;
    let at = to - 8;
    // From the end, since that is where other events differ first.
    for (; at >= from; at -= 8) {
      if (own.getFloat64(ownOffset + at, true) !== other.getFloat64(otherOffset + at, true)) return false;
    }
    for (let i = from; i < at + 8; i++) {
      if (own.getUint8(ownOffset + i) !== other.getUint8(otherOffset + i)) return false;
    }
    return true;
  }
}

/** Escapes of one letter stand for one character; `\u` may stand for half of one, and is left to JSON. */
function isShortEscape(byte: number | undefined): boolean {
  return byte !== undefined && SHORT_ESCAPES.includes(byte);
}

/** Events of one read share its memory and templates a pool, and a view of each. */
function viewOf(memory: ArrayBufferLike): DataView {
  if (memory === latest.buffer) return latest;
  if (memory === earlier.buffer) return earlier;
  earlier = latest;
  latest = new DataView(memory);
  return latest;
}

let latest: DataView = new DataView(new ArrayBuffer(0));
let earlier = latest;

/** An event's data around its text. */
export interface AroundText {
  readonly head: string;
  readonly tail: string;
}

/** Stands in for the text while it is looked for; no model says it, and JSON writes it as it is. */
const PROBE = "\u2063probe\u2063";

/**
 * Finds the string in an event's data that is its text, and proves it: with another string in its place the
 * protocol must read that one. Undefined where an event says more than its text.
 */
export function aroundText(
  data: string,
  event: StreamEvent,
  read: (data: string) => StreamEvent | "done",
): AroundText | undefined {
  if (!event.output || event.finished || event.text === undefined || event.usage || event.error !== undefined)
    return undefined;
  const literal = JSON.stringify(event.text);
  const at = data.lastIndexOf(literal);
  if (at === -1) return undefined;
  const head = data.slice(0, at + 1);
  const tail = data.slice(at + literal.length - 1);
  const probed = read(`${head}${PROBE}${tail}`);
  if (probed === "done" || probed.text !== PROBE || probed.finished || probed.usage || !probed.output)
    return undefined;
  return { head, tail };
}
