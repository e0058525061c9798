import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Fault, Script } from "./scripted/script.ts";
import { type Seen, Serving } from "./scripted/serving.ts";

export type { Fault, Script, Seen };

/**
 * A server whose moments are known: it speaks what LLM servers speak, answers when the script says and keeps
 * count of what it did, so that what a client reports can be held against the truth.
 */
export interface ScriptedServer {
  readonly url: string;
  /** What the server saw so far. */
  readonly seen: Seen;
  close(): Promise<void>;
}

export async function startScriptedServer(
  script: Script = {},
  port = 0,
  host = "127.0.0.1",
): Promise<ScriptedServer> {
  const serving = new Serving(script);
  const server = createServer((request, response) => serving.handle(request, response));
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve, reject) =>
    server.once("error", reject).listen({ port, host, backlog: 4096 }, resolve),
  );
  const { address, family, port: listening } = server.address() as AddressInfo;
  return {
    url: `http://${family === "IPv6" ? `[${address}]` : address}:${listening}`,
    seen: serving.seen,
    close: () =>
      new Promise((resolve) => {
        serving.stop();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
