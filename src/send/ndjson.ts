import { MAX_EVENT_BYTES } from "./sse.ts";

const LF = 0x0a;

/** Lines of JSON from bytes, as Ollama streams them; any way of cutting the same bytes gives the same lines. */
export class LineParser {
  readonly #onLine: (line: string) => void;
  #rest: Buffer | undefined;

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  /** @throws RangeError when one line exceeds MAX_EVENT_BYTES. */
  push(chunk: Buffer): void {
    const bytes = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk]);
    let start = 0;
    for (let end = bytes.indexOf(LF); end !== -1; end = bytes.indexOf(LF, start)) {
      this.#line(bytes.toString("utf8", start, end));
      start = end + 1;
    }
    this.#rest = start < bytes.length ? bytes.subarray(start) : undefined;
    if (bytes.length - start > MAX_EVENT_BYTES) {
      throw new RangeError(`a line of the stream exceeds ${MAX_EVENT_BYTES} bytes`);
    }
  }

  end(): void {
    if (this.#rest !== undefined) this.#line(this.#rest.toString("utf8"));
    this.#rest = undefined;
  }

  #line(line: string): void {
    if (line.trim() !== "") this.#onLine(line);
  }
}
