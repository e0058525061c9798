import type { Clock } from "../clock.ts";
import { NS_PER_MS } from "../units.ts";
import { errorText } from "./openai.ts";
import type { Protocol } from "./protocol.ts";
import { SseParser } from "./sse.ts";
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
  readonly inputTokens?: number;
  readonly outputTokens: number;
  readonly tokenSource: "usage" | "chunks";
  /** Incomplete: cut off by us, not by the server, and neither good nor bad. */
  readonly outcome: "completed" | "failed" | "incomplete";
  readonly failure?: Failure;
}

export const FAILURE_REASONS = [
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

export interface ExchangeOptions {
  readonly clock: Clock;
  /** From the moment of issue to the end of the answer. */
  readonly timeoutNs: number;
  readonly signal: AbortSignal;
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

  readonly #issued: number;
  #sent: number | undefined;
  #firstByte: number | undefined;
  readonly #outputs: number[] = [];
  #status: number | undefined;
  #bytes = 0;
  #inputTokens: number | undefined;
  #outputTokens: number | undefined;
  #finished = false;
  #settled = false;
  /** Reads a stream's events; absent while the answer is an error's body. */
  #parser: SseParser | undefined;
  readonly #errorBody: Buffer[] = [];
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
    signal.addEventListener("abort", this.#cancel);
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
    if (status >= 200 && status < 300) {
      if (/^text\/event-stream\b/i.test(contentType)) this.#parser = new SseParser(this.#event);
      else
        this.#fail("bad_stream", `expected text/event-stream, got ${contentType || "no content type"}`, atNs);
    }
  }

  onData(chunk: Buffer, atNs: number): void {
    if (this.#settled) return;
    this.#bytes += chunk.length;
    if (this.#parser === undefined) {
      if (this.#bytes <= MAX_ERROR_BODY) this.#errorBody.push(chunk);
      return;
    }
    this.#feed(() => this.#parser?.push(chunk), atNs);
  }

  onEnd(atNs: number): void {
    if (this.#settled) return;
    if (this.#parser === undefined) {
      this.#fail(statusReason(this.#status ?? 0), this.#errorMessage(), atNs);
      return;
    }
    this.#feed(() => this.#parser?.end(), atNs);
    if (!this.#finished) this.#fail("truncated", "the stream ended before the model said it was done", atNs);
    else if (this.#outputs.length === 0) this.#fail("truncated", "the stream ended without any output", atNs);
    else this.#settle("completed", atNs);
  }

  onError(error: Error, atNs: number): void {
    if (this.#settled) return;
    const reason = this.#firstByte === undefined ? "connect" : "truncated";
    this.#fail(reason, messageOf(error), atNs);
  }

  /** What the parser or the protocol refuses is a bad stream. */
  #feed(parse: () => void, atNs: number): void {
    this.#readAt = atNs;
    try {
      parse();
    } catch (error) {
      this.#fail("bad_stream", messageOf(error), atNs);
    }
  }

  readonly #event = (data: string): void => {
    if (this.#settled) return;
    const event = this.#protocol.read(data);
    if (event === "done") {
      this.#finished = true;
      return;
    }
    if (event.error !== undefined) {
      this.#fail("bad_stream", event.error, this.#readAt);
      return;
    }
    if (event.output) this.#outputs.push(this.#readAt);
    if (event.finished) this.#finished = true;
    if (event.usage !== undefined) {
      this.#inputTokens = event.usage.inputTokens ?? this.#inputTokens;
      this.#outputTokens = event.usage.outputTokens ?? this.#outputTokens;
    }
  };

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
    this.#options.signal.removeEventListener("abort", this.#cancel);
    this.#resolve({
      issued: this.#issued,
      ...(this.#sent !== undefined && { sent: this.#sent }),
      ...(this.#firstByte !== undefined && { firstByte: this.#firstByte }),
      outputs: this.#outputs,
      end,
      ...(this.#status !== undefined && { status: this.#status }),
      bytes: this.#bytes,
      ...(this.#inputTokens !== undefined && { inputTokens: this.#inputTokens }),
      outputTokens: this.#outputTokens ?? this.#outputs.length,
      tokenSource: this.#outputTokens === undefined ? "chunks" : "usage",
      outcome,
      ...(failure && { failure }),
    });
  }

  #errorMessage(): string {
    const body = Buffer.concat(this.#errorBody).toString("utf8");
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

function statusReason(status: number): FailureReason {
  return status >= 500 ? "http_5xx" : status >= 400 ? "http_4xx" : "http_3xx";
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = (error as NodeJS.ErrnoException).code;
  return error.message === "" ? (code ?? error.name) : error.message;
}

function shorten(text: string): string {
  const line = text.replace(/\s+/g, " ").trim();
  return line.length <= MAX_DETAIL ? line : `${line.slice(0, MAX_DETAIL - 1).toWellFormed()}…`;
}
