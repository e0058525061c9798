import { mkdtempSync, rmSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import type { ServerConfig } from "../../server/config.ts";
import { serve } from "../../server/main.ts";

export interface TestServer {
  readonly url: string;
  close(): Promise<void>;
}

const folder = mkdtempSync(join(tmpdir(), "goodput-server-"));
after(() => rmSync(folder, { recursive: true, force: true }));

/** A server that leaves nothing behind: a free port, runs in memory, their records in a temporary folder. */
export const TEST_CONFIG = {
  port: 0,
  host: "127.0.0.1",
  gpu: false,
  quiet: true,
  store: { kind: "sqlite", path: ":memory:" },
  dataDir: folder,
} as const satisfies Partial<ServerConfig>;

/** A real server with the built-in model on a free port, ready to answer. */
export async function startServer(options: Partial<ServerConfig> = {}): Promise<TestServer> {
  const server = await serve({ ...TEST_CONFIG, ...options });
  await server.ready;
  return server;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever body came.
  readonly json: any;
}

/** Sends one request over a connection of its own, so that closing the server waits for nobody. */
export function send(
  url: string,
  options: {
    method?: string;
    headers?: Record<string, string>;
    body?: string | object;
    signal?: AbortSignal;
  } = {},
): Promise<Answer> {
  const { body, signal } = options;
  const json = typeof body === "object";
  const headers = { ...(json ? { "content-type": "application/json" } : {}), ...options.headers };
  const method = options.method ?? (body === undefined ? "GET" : "POST");
  return new Promise((resolve, reject) => {
    const outgoing = request(
      url,
      { method, headers, agent: false, ...(signal && { signal }) },
      (incoming) => {
        let text = "";
        incoming.setEncoding("utf8");
        incoming.on("data", (piece: string) => {
          text += piece;
        });
        incoming.on("error", reject);
        incoming.on("end", () => {
          const { statusCode: status = 0, headers } = incoming;
          const isJson = String(headers["content-type"]).startsWith("application/json");
          resolve({ status, headers, text, json: isJson ? JSON.parse(text) : undefined });
        });
      },
    );
    outgoing.on("error", reject);
    outgoing.end(json ? JSON.stringify(body) : body);
  });
}

export interface OpenStream {
  /** Everything that arrived so far. */
  readonly text: string;
  /** Settles with the first piece. */
  readonly begun: Promise<void>;
  /** Goes away without waiting for the rest. */
  drop(): void;
}

/** Starts a streaming request and leaves it open. */
export function openStream(url: string, body: object): OpenStream {
  let text = "";
  const { promise: begun, resolve, reject } = Promise.withResolvers<void>();
  const headers = { "content-type": "application/json" };
  const outgoing = request(url, { method: "POST", headers, agent: false }, (incoming) => {
    incoming.setEncoding("utf8");
    incoming.on("error", () => {});
    incoming.on("data", (piece: string) => {
      text += piece;
      resolve();
    });
  });
  outgoing.on("error", reject);
  outgoing.end(JSON.stringify(body));
  return {
    get text() {
      return text;
    },
    begun,
    drop: () => outgoing.destroy(),
  };
}

/** The JSON of a stream's `data:` lines, without the closing `[DONE]`. */
// biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever events came.
export function events(text: string): any[] {
  return text
    .split("\n")
    .filter((line) => line.startsWith("data: ") && line !== "data: [DONE]")
    .map((line) => JSON.parse(line.slice("data: ".length)));
}

/** Asks again, each time after the last answer, until the condition holds. */
export async function until(
  ask: () => Promise<Answer>,
  holds: (answer: Answer) => boolean,
  withinMs = 10_000,
): Promise<Answer> {
  const started = performance.now();
  for (;;) {
    const answer = await ask();
    if (holds(answer)) return answer;
    if (performance.now() - started > withinMs)
      throw new Error(`It never came true; at last: ${answer.text}`);
  }
}
