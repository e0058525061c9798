import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";
import Router from "@koa/router";
import type { Logger } from "pino";
import { WebSocket, WebSocketServer } from "ws";
import type { RunStore } from "../../store/run-store.ts";
import { progressMessage, stateMessage } from "./run-messages.ts";
import type { Runs } from "./run-request.ts";
import { RunRoom } from "./run-room.ts";

export interface RunSocketOptions {
  readonly runs: Runs;
  readonly store: RunStore;
  readonly log: Logger;
  /** Whose pages may watch; "*" for all. Programs that are no browser name no origin, and may. */
  readonly origins?: readonly string[];
  /** How often watchers must show that they are still there. */
  readonly heartbeatMs?: number;
}

export interface RunSocket {
  stats(): { readonly connections: Readonly<Record<string, number>>; readonly total: number };
  /** Tells all watchers that the server goes away. */
  close(): void;
}

const PATH = /^(?:\/api\/v1\/benchmark\/ws\/run|\/ws\/benchmark)\/([^/]+)\/?$/;
const UNKNOWN_RUN = 4404;
const GOING_AWAY = 1001;
const INTERNAL_ERROR = 1011;
const CLOSE_MS = 1_000;
/** Watchers have nothing to say but "ping". */
const MAX_MESSAGE_BYTES = 1024;

/** Lets clients watch runs over WebSocket; whatever else asks for an upgrade is refused. */
export function attachRunSocket(http: Server, options: RunSocketOptions): RunSocket {
  const { runs, store, log, origins = ["*"], heartbeatMs = 30_000 } = options;
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_MESSAGE_BYTES,
    perMessageDeflate: false,
  });
  const rooms = new Map<string, { readonly room: RunRoom; readonly leave: () => void }>();
  const alive = new WeakSet<WebSocket>();

  const open = (runId: string) => {
    const room = new RunRoom(runId);
    const leave = runs.subscribe(runId, (event) => {
      try {
        room.tell(event);
      } catch (error) {
        // A run goes on, and ends well, whatever becomes of those who watch it.
        log.error({ run_id: runId, err: error }, "watchers cannot be told");
      }
    });
    return { room, leave };
  };
  const enter = (runId: string, watcher: WebSocket, knowsEnd: boolean): void => {
    const entry = rooms.get(runId) ?? open(runId);
    rooms.set(runId, entry);
    entry.room.add(watcher, knowsEnd);
  };
  const leave = (runId: string, watcher: WebSocket): void => {
    const entry = rooms.get(runId);
    entry?.room.remove(watcher);
    if (entry?.room.size !== 0) return;
    entry.leave();
    rooms.delete(runId);
  };

  const welcome = async (runId: string, watcher: WebSocket): Promise<void> => {
    const run = await store.find(runId);
    if (watcher.readyState !== WebSocket.OPEN) return;
    if (run === undefined) {
      watcher.close(UNKNOWN_RUN, "unknown run");
      return;
    }
    // Entered and told in one turn: no news can come in between, so none is missed, doubled or out of order.
    const progress = runs.progress(run.runId);
    const over = run.status !== "pending" && run.status !== "running";
    enter(run.runId, watcher, over || progress === undefined);
    watcher.once("close", () => leave(run.runId, watcher));
    if (over) watcher.send(stateMessage(run));
    else if (progress !== undefined) watcher.send(progressMessage(run, progress));
    else {
      // It ended while it was read, or another server has it.
      const now = await store.find(runId);
      if (now !== undefined && watcher.readyState === WebSocket.OPEN) watcher.send(stateMessage(now));
    }
  };

  sockets.on("connection", (watcher: WebSocket, request: IncomingMessage) => {
    const runId = runIdOf(request) ?? "";
    alive.add(watcher);
    watcher.on("pong", () => alive.add(watcher));
    watcher.on("message", (data, isBinary) => {
      alive.add(watcher);
      if (!isBinary && data.toString().trim() === "ping") watcher.send("pong");
    });
    watcher.on("error", (error) => log.debug({ run_id: runId, error: error.message }, "watcher failed"));
    welcome(runId, watcher).catch((error: unknown) => {
      log.error({ run_id: runId, err: error }, "a watcher cannot be told");
      watcher.close(INTERNAL_ERROR, "internal error");
    });
  });

  const upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on("error", (error) => log.debug({ error: error.message }, "connection failed"));
    if (runIdOf(request) === undefined) refuse(socket, "404 Not Found");
    else if (!mayWatch(request, origins)) refuse(socket, "403 Forbidden");
    else {
      sockets.handleUpgrade(request, socket, head, (watcher) => sockets.emit("connection", watcher, request));
    }
  };
  http.on("upgrade", upgrade);

  const heartbeat = setInterval(() => {
    for (const watcher of sockets.clients) {
      if (alive.delete(watcher)) watcher.ping();
      // Whoever pulled the plug never says so.
      else watcher.terminate();
    }
  }, heartbeatMs);
  heartbeat.unref();

  return {
    stats() {
      const connections = Object.fromEntries([...rooms].map(([runId, { room }]) => [runId, room.size]));
      return { connections, total: Object.values(connections).reduce((sum, count) => sum + count, 0) };
    },
    close() {
      clearInterval(heartbeat);
      http.off("upgrade", upgrade);
      for (const watcher of sockets.clients) watcher.close(GOING_AWAY, "server is shutting down");
      sockets.close();
      // Whoever does not answer to that would keep the server up.
      setTimeout(() => {
        for (const watcher of sockets.clients) watcher.terminate();
      }, CLOSE_MS).unref();
    },
  };
}

/** `GET /api/v1/benchmark/ws/stats`. */
export function runSocketRoutes({ runSocket }: { readonly runSocket: Pick<RunSocket, "stats"> }): Router {
  const router = new Router();
  router.get("/api/v1/benchmark/ws/stats", (ctx) => {
    ctx.body = runSocket.stats();
  });
  return router;
}

function runIdOf({ url = "" }: IncomingMessage): string | undefined {
  const [, name] = PATH.exec(url.replace(/[?#].*$/s, "")) ?? [];
  if (name === undefined) return undefined;
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

/** Browsers let any page open a WebSocket to any server, so the server has to ask whose page it is. */
function mayWatch({ headers }: IncomingMessage, origins: readonly string[]): boolean {
  const { origin, host } = headers;
  if (origin === undefined || origins.includes("*") || origins.includes(origin)) return true;
  return URL.canParse(origin) && new URL(origin).host === host;
}

function refuse(socket: Duplex, status: string): void {
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}
