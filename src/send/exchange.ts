import type { Clock } from "../clock.ts";
import { NS_PER_MS } from "../units.ts";
import { isClientLimit } from "./client-limit.ts";
import { messageOf } from "./connection-failure.ts";
import { type EventReader, lineReader, sseReader } from "./event-reader.ts";
import { errorText } from "./json-fields.ts";
import { onAbort } from "./on-abort.ts";
import type { Protocol, StreamEvent } from "./protocol.ts";
import type { HttpRequest, ResponseHandler, Transport } from "./transport.ts";

/** What became of one request. Moments are clock nanoseconds; absent means it did not happen. */
export interface Exchange {
  readonly issued: number;
  readonly sent?: number;
  readonly firstByte?: number;
  /** Arrival of every chunk that carried output. */
  readonly outputs: readonly number[];
  readonly end: number;
  readonly status?: number;
  /** Of the response's body. */
  readonly bytes: number;
  /** The answer, where a conversation goes on with it. */
  readonly text?: string;
  readonly inputTokens?: number;
  /** Of the input, those that the server had in its cache; absent where it does not tell. */
  readonly cachedTokens?: number;
  readonly outputTokens: number;
  readonly tokenSource: "usage" | "chunks";
  /** Incomplete: cut off by us, not by the server, and neither good nor bad. */
  readonly outcome: "completed" | "failed" | "incomplete";
  readonly failure?: Failure;
}

export const FAILURE_REASONS = [
  "client_limit",
  "connect",
  "timeout",
  "http_3xx",
  "http_4xx",
  "http_5xx",
  "bad_stream",
  "truncated",
] as const;
export type FailureReason = (typeof FAILURE_REASONS)[number];

export interface Failure {
  readonly reason: FailureReason;
  /** The server's or the system's words, cut short; hostile until encoded. */
  readonly detail: string;
}

const MAX_DETAIL = 300;
/** Of an error's body; the rest is counted and dropped. */
const MAX_ERROR_BODY = 16 * 1024;
/** Of an answer that comes whole. */
const MAX_WHOLE_BODY = 16 * 1024 * 1024;

export interface ExchangeOptions {
  readonly clock: Clock;
  /** From the moment of issue to the end of the answer. */
  readonly timeoutNs: number;
  readonly signal: AbortSignal;
  /** Keep the answer's text. */
  readonly keepText?: boolean;
  /** Takes secrets out of what the server says, before it is cut short and a secret with it. */
  readonly redact?: (text: string) => string;
}

/** Sends one request and reads its answer. Always resolves: a failure is a result. */
export function exchange(
  transport: Transport,
  protocol: Protocol,
  request: HttpRequest,
  options: ExchangeOptions,
): Promise<Exchange> {
  return new Promise((resolve) => new Conversation(transport, protocol, request, options, resolve));
}

class Conversation implements ResponseHandler {
  readonly #protocol: Protocol;
  readonly #options: ExchangeOptions;
  readonly #resolve: (exchange: Exchange) => void;
  /** Absent until the transport has taken the request. */
  readonly #abort: (() => void) | undefined;
  readonly #disarm: () => void;
  readonly #forget: () => void;

  readonly #issued: number;
  #sent: number | undefined;
  #firstByte: number | undefined;
  readonly #outputs: number[] = [];
  #status: number | undefined;
  #bytes = 0;
  #inputTokens: number | undefined;
  #cachedTokens: number | undefined;
  #outputTokens: number | undefined;
  #finished = false;
  #settled = false;
  /** Cuts a stream into events; absent while the answer is one body, an error's or a whole answer's. */
  #reader: EventReader | undefined;
  readonly #body: Buffer[] = [];
  #text = "";
  /** Of the read that is being parsed: every event in it arrived then. */
  #readAt = 0;

  constructor(
    transport: Transport,
    protocol: Protocol,
    request: HttpRequest,
    options: ExchangeOptions,
    resolve: (exchange: Exchange) => void,
  ) {
    const { clock, timeoutNs, signal } = options;
    this.#protocol = protocol;
    this.#options = options;
    this.#resolve = resolve;
    this.#issued = clock.now();
    this.#disarm = clock.alarm(this.#issued + timeoutNs, () =>
      this.#fail("timeout", `no complete answer within ${timeoutNs / NS_PER_MS} ms`, clock.now()),
    );
    this.#forget = onAbort(signal, this.#cancel);
    this.#abort = transport.send(request, this);
    // A transport may have failed already, within the call.
    if (this.#settled) this.#abort();
    else if (signal.aborted) this.#cancel();
  }

  onSent(atNs: number): void {
    this.#sent ??= atNs;
  }

  onHeaders(status: number, contentType: string, atNs: number): void {
    this.#firstByte ??= atNs;
    this.#status = status;
    if (!isSuccess(status)) return;
    if (/^text\/event-stream\b/i.test(contentType))
      this.#reader = sseReader(this.#protocol, this.#options.keepText === true, this.#event);
    else if (/^application\/(x-)?(ndjson|jsonl)\b/i.test(contentType))
      this.#reader = lineReader(this.#protocol, this.#event);
    else if (!/^application\/json\b/i.test(contentType)) {
      this.#fail("bad_stream", `expected text/event-stream, got ${contentType || "no content type"}`, atNs);
    }
  }

  onData(chunk: Buffer, atNs: number): void {
    if (this.#settled) return;
    this.#bytes += chunk.length;
    if (this.#reader === undefined) {
      const success = isSuccess(this.#status ?? 0);
      if (this.#bytes <= (success ? MAX_WHOLE_BODY : MAX_ERROR_BODY)) this.#body.push(chunk);
      else if (success) this.#fail("bad_stream", `the answer exceeds ${MAX_WHOLE_BODY} bytes`, atNs);
      return;
    }
    this.#readAt = atNs;
    try {
      this.#reader.push(chunk);
    } catch (error) {
      this.#fail("bad_stream", messageOf(error), atNs);
    }
  }

  onEnd(atNs: number): void {
    if (this.#settled) return;
    if (!isSuccess(this.#status ?? 0))
      this.#fail(statusReason(this.#status ?? 0), this.#errorMessage(), atNs);
    else if (this.#reader === undefined) this.#whole(atNs);
    else {
      this.#feed(() => this.#reader?.end(), atNs);
      if (!this.#finished)
        this.#fail("truncated", "the stream ended before the model said it was done", atNs);
      else if (this.#outputs.length === 0)
        this.#fail("truncated", "the stream ended without any output", atNs);
      else this.#settle("completed", atNs);
    }
  }

  /** An answer in one piece has no first token: it counts in e2e and rates alone. */
  #whole(atNs: number): void {
    this.#feed(() => {
      const answer = this.#protocol.readWhole(Buffer.concat(this.#body).toString("utf8"));
      if (!answer.output && answer.error === undefined) throw new SyntaxError("the answer holds no output");
      this.#take({ ...answer, output: false });
    }, atNs);
    this.#settle("completed", atNs);
  }

  onError(error: Error, atNs: number): void {
    if (this.#settled) return;
    const reason = this.#firstByte === undefined ? "connect" : "truncated";
    this.#fail(isClientLimit(error) ? "client_limit" : reason, messageOf(error), atNs);
  }

  /** What the reader or the protocol refuses is a bad stream. */
  #feed(parse: () => void, atNs: number): void {
    this.#readAt = atNs;
    try {
      parse();
    } catch (error) {
      this.#fail("bad_stream", messageOf(error), atNs);
    }
  }

  readonly #event = (event: StreamEvent | "done"): void => {
    if (this.#settled) return;
    if (event === "done") this.#finished = true;
    else this.#take(event);
  };

  #take(event: StreamEvent): void {
    if (event.error !== undefined) {
      this.#fail("bad_stream", event.error, this.#readAt);
      return;
    }
    if (event.output) this.#outputs.push(this.#readAt);
    if (event.finished) this.#finished = true;
    if (event.text !== undefined && this.#options.keepText) this.#text += event.text;
    if (event.usage !== undefined) {
      this.#inputTokens = event.usage.inputTokens ?? this.#inputTokens;
      this.#cachedTokens = event.usage.cachedTokens ?? this.#cachedTokens;
      this.#outputTokens = event.usage.outputTokens ?? this.#outputTokens;
    }
  }

  readonly #cancel = (): void => {
    if (this.#settled) return;
    this.#settle("incomplete", this.#options.clock.now());
    this.#abort?.();
  };

  #fail(reason: FailureReason, detail: string, atNs: number): void {
    if (this.#settled) return;
    this.#settle("failed", atNs, { reason, detail: shorten(this.#options.redact?.(detail) ?? detail) });
    this.#abort?.();
  }

  #settle(outcome: Exchange["outcome"], end: number, failure?: Failure): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#disarm();
    this.#forget();
    const ended: { -readonly [Field in keyof Exchange]: Exchange[Field] } = {
      issued: this.#issued,
      outputs: this.#outputs,
      end,
      bytes: this.#bytes,
      outputTokens: this.#outputTokens ?? this.#outputs.length,
      tokenSource: this.#outputTokens === undefined ? "chunks" : "usage",
      outcome,
    };
    // One by one: spreading each into a literal takes ten times as long, once for every request.
    if (this.#sent !== undefined) ended.sent = this.#sent;
    if (this.#firstByte !== undefined) ended.firstByte = this.#firstByte;
    if (this.#status !== undefined) ended.status = this.#status;
    if (this.#inputTokens !== undefined) ended.inputTokens = this.#inputTokens;
    if (this.#cachedTokens !== undefined) ended.cachedTokens = this.#cachedTokens;
    if (this.#options.keepText) ended.text = this.#text;
    if (failure !== undefined) ended.failure = failure;
    this.#resolve(ended);
  }

  #errorMessage(): string {
    const body = Buffer.concat(this.#body).toString("utf8");
    const status = `HTTP ${this.#status}`;
    try {
      const parsed: unknown = JSON.parse(body);
      if (typeof parsed === "object" && parsed !== null && "error" in parsed) {
        return `${status}: ${errorText(parsed.error)}`;
      }
    } catch {
      // Not JSON: the text itself is the message.
    }
    return body.trim() === "" ? status : `${status}: ${body.trim()}`;
  }
}

function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
}

function statusReason(status: number): FailureReason {
  return status >= 500 ? "http_5xx" : status >= 400 ? "http_4xx" : "http_3xx";
}

function shorten(text: string): string {
  const line = text.replace(/\s+/g, " ").trim();
  return line.length <= MAX_DETAIL ? line : `${line.slice(0, MAX_DETAIL - 1).toWellFormed()}…`;
}
