import { aroundText } from "./event-template.ts";
import { LineParser } from "./ndjson.ts";
import type { Protocol, StreamEvent } from "./protocol.ts";
import { SseParser } from "./sse.ts";

/** Turns the reads of a streamed answer into what its events say. */
export interface EventReader {
  /** @throws SyntaxError or RangeError when the stream is not what its protocol allows. */
  push(chunk: Buffer): void;
  end(): void;
}

type OnEvent = (event: StreamEvent | "done") => void;

/** NDJSON, as Ollama streams it. */
export function lineReader(protocol: Protocol, onEvent: OnEvent): EventReader {
  return new LineParser((line) => onEvent(protocol.read(line)));
}

/** Server-sent events. */
export function sseReader(protocol: Protocol, keepText: boolean, onEvent: OnEvent): EventReader {
  return new SseReader(protocol, keepText, onEvent);
}

/** What an event says that carries text and nothing else. */
const PLAIN_OUTPUT: StreamEvent = { output: true, finished: false };

/**
 * Parses the JSON of an event and learns from it how the next ones look: they mostly differ in their text
 * alone, and are then told by comparing bytes. Without that the engine over a null transport
 * handles half as many events a second (`bench/engine.ts`).
 */
class SseReader implements EventReader {
  readonly #protocol: Protocol;
  readonly #onEvent: OnEvent;
  readonly #parser: SseParser;
  /** The head of the template in use, to know its events when they come cut, or with an escape that it leaves to JSON. */
  #head = "";
  #learned = 0;
  #repeats = 0;

  constructor(protocol: Protocol, keepText: boolean, onEvent: OnEvent) {
    this.#protocol = protocol;
    this.#onEvent = onEvent;
    const onRepeat = keepText ? this.#repeatWithText : this.#repeat;
    this.#parser = new SseParser(this.#data, onRepeat);
  }

  push(chunk: Buffer): void {
    this.#parser.push(chunk);
  }

  end(): void {
    this.#parser.end();
  }

  readonly #data = (data: string): void => {
    const event = this.#protocol.read(data);
    if (event !== "done" && event.output && event.text !== undefined) this.#learn(data, event);
    this.#onEvent(event);
  };

  /** Where every event differs in more than its text each one would be learned in vain: a template must have been of use before the next. */
  #learn(data: string, event: StreamEvent): void {
    if (this.#repeats < this.#learned || (this.#head !== "" && data.startsWith(this.#head))) return;
    this.#learned++;
    const around = aroundText(data, event, this.#protocol.read);
    if (around === undefined) return;
    this.#head = around.head;
    this.#parser.expect(around.head, around.tail);
  }

  readonly #repeat = (): void => {
    this.#repeats++;
    this.#onEvent(PLAIN_OUTPUT);
  };

  readonly #repeatWithText = (bytes: Buffer, start: number, end: number): void => {
    this.#repeats++;
    const text: string = JSON.parse(`"${bytes.toString("utf8", start, end)}"`);
    this.#onEvent({ output: true, finished: false, text });
  };
}
