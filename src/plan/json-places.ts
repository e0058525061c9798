/** A JSON value in a file, not yet parsed. */
export interface JsonPlace {
  /** "line 12", "item 3 (line 40)". */
  readonly where: string;
  readonly json: string;
}

const [NEW_LINE, QUOTE, BACKSLASH, COMMA] = [0x0a, 0x22, 0x5c, 0x2c];
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];

/**
 * The lines of JSONL that are not empty. Both ways of reading cut bytes and not text, since a text of more
 * than 512 MiB cannot be made, and the data set that everybody uses (ShareGPT's) is larger.
 */
export function* jsonLines(bytes: Buffer): Generator<JsonPlace> {
  let line = 1;
  for (let start = 0; start < bytes.length; line++) {
    const found = bytes.indexOf(NEW_LINE, start);
    const end = found === -1 ? bytes.length : found;
    const json = bytes.toString("utf8", start, end).trim();
    if (json !== "") yield { where: `line ${line}`, json };
    start = end + 1;
  }
}

/** The elements of a JSON list; what is wrong in one is left to whoever parses it. */
export function* jsonElements(bytes: Buffer): Generator<JsonPlace> {
  let depth = 0;
  let line = 1;
  let item = 0;
  let start = -1;
  let startLine = line;
  const place = (end: number) => ({
    where: `item ${++item} (line ${startLine})`,
    json: bytes.toString("utf8", start, end).trim(),
  });
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!;
    if (byte === NEW_LINE) line++;
    if (depth === 1 && start === -1 && byte > 0x20 && byte !== COMMA && byte !== CLOSE_LIST) {
      start = i;
      startLine = line;
    }
    if (byte === QUOTE) {
      for (i++; i < bytes.length && bytes[i] !== QUOTE; i++) if (bytes[i] === BACKSLASH) i++;
    } else if (byte === OPEN_LIST || byte === OPEN_OBJECT) {
      depth++;
    } else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) {
      depth--;
    }
    if (start !== -1 && ((depth === 1 && byte === COMMA) || depth === 0)) {
      yield place(i);
      start = -1;
    }
    if (depth === 0 && byte === CLOSE_LIST) return;
  }
  // A file that was cut off: the parser says so of its last element.
  if (start !== -1) yield place(bytes.length);
}
