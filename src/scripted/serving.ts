import type { IncomingMessage, ServerResponse } from "node:http";
import { type Answer, type Body, type Dialect, dialectFor } from "./dialects.ts";
import { Generation } from "./generation.ts";
import { type Metrics, metricsOf } from "./metrics-page.ts";
import { Pacer } from "./pacer.ts";
import { PrefixCache } from "./prefix-cache.ts";
import type { Fault, Script } from "./script.ts";
import { Slots } from "./slots.ts";

export interface Seen {
  requests: number;
  /** Highest number of generations at the same time. */
  maxInFlight: number;
  /** Milliseconds from a request's last byte to its first token, as really written, in order of writing. */
  readonly ttftMs: number[];
  /** The same by the request's number. */
  readonly ttftMsOf: Record<number, number>;
  /** Parsed bodies in order of arrival. */
  readonly bodies: Record<string, unknown>[];
  /** `authorization` headers in order of arrival. */
  readonly keys: (string | undefined)[];
}

/** Of each list; later requests are counted only, so that days of load do not fill the memory. */
const REMEMBERED = 100_000;
const REMEMBERED_BODIES = 5_000;
/** Different answers of a flood that are kept as bytes. */
const MAX_PREBUILT = 64;

/** A request, once all of it is here. */
interface Asked {
  readonly number: number;
  readonly body: Body;
  readonly dialect: Dialect;
  readonly path: string;
  readonly receivedMs: number;
}

/** Answers requests by the script, whatever they come in on. */
export class Serving {
  readonly seen: Seen = { requests: 0, maxInFlight: 0, ttftMs: [], ttftMsOf: {}, bodies: [], keys: [] };
  readonly #script: Script;
  readonly #model: string;
  readonly #pacer = new Pacer();
  readonly #slots: Slots;
  readonly #metrics: Metrics;
  readonly #prefixCache: PrefixCache | undefined;
  /** Bytes that answers have in common. */
  readonly #prebuilt = new Map<string, Buffer>();

  constructor(script: Script) {
    this.#script = script;
    this.#model = script.model ?? "scripted";
    this.#slots = new Slots(script.capacity ?? Number.POSITIVE_INFINITY);
    this.#prefixCache = script.prefixCache === undefined ? undefined : new PrefixCache(script.prefixCache);
    this.#metrics = metricsOf(this.#model, this.#slots);
  }

  handle(request: IncomingMessage, response: ServerResponse): void {
    const path = (request.url ?? "/").replace(/\?.*$/s, "");
    const dialect = request.method === "POST" ? dialectFor(path, this.#script.protocols) : undefined;
    if (dialect !== undefined) this.#post(path, dialect, request, response);
    else if (request.method === "GET") this.#get(path, response);
    else notFound(request, response);
  }

  #post(path: string, dialect: Dialect, request: IncomingMessage, response: ServerResponse): void {
    const number = this.seen.requests++;
    if (number === 0 && this.#script.stall !== undefined) {
      this.#pacer.stall(this.#script.stall.atMs, this.#script.stall.forMs);
    }
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body = parseBody(chunks);
      if (body === undefined) {
        json(response, 400, { error: { message: "the body is not a JSON object" } });
        return;
      }
      this.#remember(request, body);
      const asked = { number, body, dialect, path, receivedMs: this.#pacer.wall() };
      if (this.#script.flood) this.#flood(asked, response);
      else this.#answer(asked, this.#script.fault?.(number, request.headers), response);
    });
  }

  stop(): void {
    this.#pacer.stop();
  }

  #get(path: string, response: ServerResponse): void {
    if (path === "/v1/models")
      json(response, 200, { object: "list", data: [{ id: this.#model, object: "model" }] });
    else if (path === "/api/tags")
      json(response, 200, { models: [{ name: this.#model, model: this.#model }] });
    else if (path === "/" || path === "/health") json(response, 200, { status: "ok" });
    else if (path === "/stats") {
      const { bodies: _, keys: __, ...counts } = this.seen;
      json(response, 200, counts);
    } else if (path === "/metrics") {
      void this.#metrics.page().then((page) => {
        response.writeHead(200, { "content-type": this.#metrics.contentType });
        response.end(page);
      });
    } else json(response, 404, { error: { message: `no route GET ${path}` } });
  }

  #remember(request: IncomingMessage, body: Body): void {
    if (this.#script.flood || this.seen.bodies.length >= REMEMBERED_BODIES) return;
    this.seen.bodies.push(body);
    this.seen.keys.push(request.headers.authorization);
  }

  #answer(asked: Asked, fault: Fault | undefined, response: ServerResponse): void {
    if (fault?.kind === "silence") return;
    if (fault?.kind === "status") {
      this.#metrics.finished("error");
      json(
        response,
        fault.status,
        { error: { message: fault.message ?? "scripted failure" } },
        fault.headers,
      );
      return;
    }
    if (fault?.kind === "raw") {
      writeRaw(fault.chunks, asked.dialect, response);
      return;
    }
    const leave = this.#slots.enter(() => this.#generate(asked, fault, response, () => leave()));
    // Whoever hangs up while it waits is not computed.
    response.once("close", leave);
  }

  #generate(asked: Asked, fault: Fault | undefined, response: ServerResponse, leave: () => void): void {
    const { dialect, number, receivedMs } = asked;
    const { seen } = this;
    const metrics = this.#metrics;
    const planned = this.#plan(asked);
    const bytes = dialect.streams(asked.body, asked.path) ? this.#chunkBytes(dialect) : undefined;
    seen.maxInFlight = Math.max(seen.maxInFlight, this.#slots.running);
    metrics.queue.observe((this.#pacer.wall() - receivedMs) / 1000);
    let lastMs = receivedMs;
    const { cachedTokens = 0, inputTokens } = planned;
    if (this.#prefixCache !== undefined) {
      metrics.prefixQueries.inc(inputTokens);
      metrics.prefixHits.inc(cachedTokens);
    }
    const uncached = 1 - cachedTokens / Math.max(1, inputTokens);
    const script =
      cachedTokens === 0 ? this.#script : { ...this.#script, ttftMs: (this.#script.ttftMs ?? 0) * uncached };
    new Generation(script, this.#pacer, planned, dialect, bytes, fault, response, {
      firstToken: (nowMs) => {
        const ttftMs = nowMs - receivedMs;
        if (seen.ttftMs.length < REMEMBERED) {
          seen.ttftMs.push(ttftMs);
          seen.ttftMsOf[number] = ttftMs;
        }
        metrics.ttft.observe(ttftMs / 1000);
        metrics.promptTokens.inc(planned.inputTokens);
        lastMs = Number.NaN;
      },
      chunk: (nowMs) => {
        if (!Number.isNaN(lastMs)) metrics.gap.observe((nowMs - lastMs) / 1000);
        lastMs = nowMs;
        metrics.generationTokens.inc(this.#script.tokensPerChunk ?? 1);
      },
      over: (how) => {
        if (how === "length") metrics.endToEnd.observe((this.#pacer.wall() - receivedMs) / 1000);
        metrics.finished(how);
        leave();
      },
    });
  }

  /** The whole answer at once. */
  #flood({ dialect, body, path, number, receivedMs }: Asked, response: ServerResponse): void {
    const streamed = dialect.streams(body, path);
    const planned = this.#plan({ dialect, body, number });
    const { inputTokens, outputTokens, chunks } = planned;
    const bytes = this.#bytes(
      `${dialect.name} ${streamed} ${inputTokens} ${outputTokens} ${planned.cachedTokens} ${planned.usage}`,
      () => {
        const answer = { ...planned, seconds: 0 };
        if (!streamed) return JSON.stringify(dialect.whole(answer));
        const text = this.#chunkText();
        return (
          dialect.opening(this.#model) +
          dialect.chunk(this.#model, text).repeat(chunks) +
          dialect.ending(answer)
        );
      },
    );
    response.writeHead(200, {
      "content-type": streamed ? dialect.contentType : "application/json",
      "content-length": bytes.length,
    });
    response.end(bytes);
    this.#metrics.ttft.observe((this.#pacer.wall() - receivedMs) / 1000);
    this.#metrics.promptTokens.inc(inputTokens);
    this.#metrics.generationTokens.inc(outputTokens);
    this.#metrics.finished("length");
  }

  #plan({ dialect, body, number }: Pick<Asked, "dialect" | "body" | "number">): Omit<Answer, "seconds"> & {
    readonly chunks: number;
  } {
    const tokensPerChunk = this.#script.tokensPerChunk ?? 1;
    const asked = Math.max(0, Number(dialect.maxTokens(body) ?? 16) || 0);
    const chunks =
      dialect.name === "openai-embeddings" ? 0 : (this.#script.chunks ?? Math.ceil(asked / tokensPerChunk));
    const words = wordsOf(dialect.input(body));
    return {
      model: this.#model,
      chunks,
      inputTokens: this.#script.numbered ? number : words.length,
      ...(this.#prefixCache && { cachedTokens: this.#prefixCache.take(words) }),
      outputTokens: chunks * tokensPerChunk,
      text: this.#chunkText().repeat(chunks),
      usage: this.#script.usage !== false && dialect.tellsUsage(body),
    };
  }

  #chunkText(): string {
    return "word ".repeat(this.#script.tokensPerChunk ?? 1);
  }

  #chunkBytes(dialect: Dialect): Buffer {
    return this.#bytes(dialect.name, () => dialect.chunk(this.#model, this.#chunkText()));
  }

  #bytes(key: string, make: () => string): Buffer {
    let bytes = this.#prebuilt.get(key);
    if (bytes === undefined) {
      if (this.#prebuilt.size >= MAX_PREBUILT) this.#prebuilt.clear();
      bytes = Buffer.from(make());
      this.#prebuilt.set(key, bytes);
    }
    return bytes;
  }
}

function wordsOf(input: unknown): readonly string[] {
  return (JSON.stringify(input) ?? "").split(" ");
}

function parseBody(chunks: readonly Buffer[]): Body | undefined {
  try {
    const body: unknown = JSON.parse(
      (chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)).toString("utf8"),
    );
    return typeof body === "object" && body !== null ? (body as Body) : undefined;
  } catch {
    return undefined;
  }
}

/** A chunk per turn, so that each is a read of its own on the other side, if the network wills. */
function writeRaw(chunks: readonly Buffer[], { contentType }: Dialect, response: ServerResponse): void {
  response.writeHead(200, { "content-type": contentType });
  response.flushHeaders();
  const [...left] = chunks;
  const next = () => {
    const chunk = left.shift();
    if (chunk === undefined) return response.end();
    response.write(chunk);
    setImmediate(next);
  };
  next();
}

function notFound({ method, url }: IncomingMessage, response: ServerResponse): void {
  json(response, 404, { error: { message: `no route ${method} ${url}` } });
}

function json(
  response: ServerResponse,
  status: number,
  value: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, { "content-type": "application/json", ...headers });
  response.end(JSON.stringify(value));
}
