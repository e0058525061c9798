import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/**
 * An OpenAI-compatible server whose moments are known: it answers when the script says and keeps count of
 * what it did, so that what a client reports can be held against the truth.
 */
export interface Script {
  /** From the request's last byte to the first token. */
  readonly ttftMs?: number;
  /** Between chunks. */
  readonly gapMs?: number;
  /** Chunks with output; by default as many as tokens were asked for. */
  readonly chunks?: number;
  readonly tokensPerChunk?: number;
  /** Tell token counts in a last chunk when asked to. */
  readonly usage?: boolean;
  /** What to do with the n-th request (from 0) instead of answering it well. */
  readonly fault?: (request: number, headers: IncomingMessage["headers"]) => Fault | undefined;
  readonly model?: string;
}

export type Fault =
  | {
      readonly kind: "status";
      readonly status: number;
      readonly message?: string;
      readonly headers?: Readonly<Record<string, string>>;
    }
  /** The connection is destroyed after this many chunks. */
  | { readonly kind: "reset"; readonly afterChunks: number }
  /** The stream ends well-formed, without a finish, after this many chunks. */
  | { readonly kind: "truncate"; readonly afterChunks: number }
  /** An error object comes inside the stream. */
  | { readonly kind: "error_event"; readonly message: string }
  /** Nothing is ever answered. */
  | { readonly kind: "silence" }
  /** These bytes are the stream, whatever they are. */
  | { readonly kind: "raw"; readonly chunks: readonly Buffer[] };

export interface ScriptedServer {
  readonly url: string;
  /** What the server saw so far. */
  readonly seen: Seen;
  close(): Promise<void>;
}

export interface Seen {
  requests: number;
  /** Highest number of generations at the same time. */
  maxInFlight: number;
  /** Milliseconds from a request's last byte to its first token, as really written, in order of writing. */
  readonly ttftMs: number[];
  /** Parsed bodies in order of arrival. */
  readonly bodies: Record<string, unknown>[];
  /** `authorization` headers in order of arrival. */
  readonly keys: (string | undefined)[];
}

export async function startScriptedServer(script: Script = {}, port = 0): Promise<ScriptedServer> {
  const seen: Seen = { requests: 0, maxInFlight: 0, ttftMs: [], bodies: [], keys: [] };
  const model = script.model ?? "scripted";
  let inFlight = 0;

  const server = createServer(async (request, response) => {
    if (request.method === "GET" && request.url === "/v1/models") {
      return json(response, 200, { object: "list", data: [{ id: model, object: "model" }] });
    }
    if (request.method === "GET" && request.url === "/stats") return json(response, 200, seen);
    if (request.method !== "POST" || !/^\/v1\/(chat\/)?completions$/.test(request.url ?? "")) {
      return json(response, 404, { error: { message: `no route ${request.method} ${request.url}` } });
    }
    const number = seen.requests++;
    const body = await readBody(request);
    const receivedAt = performance.now();
    seen.bodies.push(body);
    seen.keys.push(request.headers.authorization);
    const fault = script.fault?.(number, request.headers);
    if (fault?.kind === "status") {
      return json(
        response,
        fault.status,
        { error: { message: fault.message ?? "scripted failure" } },
        fault.headers,
      );
    }
    if (fault?.kind === "silence") return;
    seen.maxInFlight = Math.max(seen.maxInFlight, ++inFlight);
    try {
      await answer(script, fault, body, request.url!.includes("chat"), response, () =>
        seen.ttftMs.push(performance.now() - receivedAt),
      );
    } finally {
      inFlight--;
    }
  });
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve, reject) =>
    server.once("error", reject).listen(port, "127.0.0.1", resolve),
  );
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(
  script: Script,
  fault: Fault | undefined,
  body: Record<string, unknown>,
  chat: boolean,
  response: ServerResponse,
  firstTokenWritten: () => void,
): Promise<void> {
  const tokensPerChunk = script.tokensPerChunk ?? 1;
  const asked = Number(body.max_tokens ?? 16);
  const chunks = script.chunks ?? Math.ceil(asked / tokensPerChunk);
  const write = (data: unknown) => response.write(`data: ${JSON.stringify(data)}\n\n`);
  const choice = (text: string, finish: string | null) =>
    chat
      ? { index: 0, delta: text === "" ? {} : { content: text }, finish_reason: finish }
      : { index: 0, text, finish_reason: finish };

  response.writeHead(200, { "content-type": "text/event-stream" });
  response.flushHeaders();
  if (fault?.kind === "raw") {
    for (const chunk of fault.chunks) {
      response.write(chunk);
      await turn();
    }
    response.end();
    return;
  }
  if (chat) write({ choices: [{ index: 0, delta: { role: "assistant" }, finish_reason: null }] });
  await pause(script.ttftMs ?? 0);
  if (fault?.kind === "error_event") {
    write({ error: { message: fault.message } });
    response.end();
    return;
  }
  for (let i = 0; i < chunks && !response.destroyed; i++) {
    if (i > 0) await pause(script.gapMs ?? 0);
    if ((fault?.kind === "reset" || fault?.kind === "truncate") && i === fault.afterChunks) {
      if (fault.kind === "reset") response.destroy();
      else response.end();
      return;
    }
    write({ choices: [choice("word ".repeat(tokensPerChunk), null)] });
    if (i === 0) firstTokenWritten();
  }
  write({ choices: [choice("", "length")] });
  const wantsUsage = (body.stream_options as { include_usage?: boolean } | undefined)?.include_usage === true;
  if (wantsUsage && script.usage !== false) {
    const output = chunks * tokensPerChunk;
    const input = JSON.stringify(body.messages ?? body.prompt).split(" ").length;
    write({
      choices: [],
      usage: { prompt_tokens: input, completion_tokens: output, total_tokens: input + output },
    });
  }
  response.end("data: [DONE]\n\n");
}

function pause(ms: number): Promise<void> {
  return ms <= 0 ? turn() : new Promise((resolve) => setTimeout(resolve, ms));
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

async function readBody(request: IncomingMessage): Promise<Record<string, unknown>> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return JSON.parse(Buffer.concat(chunks).toString("utf8"));
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
