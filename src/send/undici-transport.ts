import { type Dispatcher, Pool, ProxyAgent } from "undici";
import type { Clock } from "../clock.ts";
import { Connections } from "./connections.ts";
import { isMetadataHost, lookupButMetadata, MetadataRefused } from "./host-rules.ts";
import type { ResponseHandler, Transport } from "./transport.ts";

export interface TransportOptions {
  /** An HTTP proxy that everything goes through; without one everything goes direct, whatever the environment. */
  readonly proxy?: string;
  /** Connects to no link-local or metadata address, whatever name stands for it; a proxy resolves names itself. */
  readonly refuseMetadata?: boolean;
}

/**
 * HTTP over one pool of kept-alive connections, on undici's `dispatch`: no streams, no promises, one
 * callback per read of the socket. A client per request would measure its own connecting instead of the
 * server; a stream per response would stamp chunks after they have queued.
 */
export function undiciTransport(origin: string, clock: Clock, options: TransportOptions = {}): Transport {
  const { proxy, refuseMetadata = false } = options;
  const arrival = arrivalOf(clock);
  const refused = refuseMetadata && isMetadataHost(new URL(origin).hostname);
  const connect = { allowH2: false, ...(refuseMetadata && { lookup: lookupButMetadata }) };
  const connections = proxy === undefined ? new Connections(origin, clock, CLIENT, connect) : undefined;
  let tunnels = 0;
  const openTunnels = (to: string | URL, given: object) =>
    new Pool(to, { ...given, ...CLIENT, connections: null }).on("connect", () => tunnels++);
  const throughProxy = proxy === undefined ? undefined : new ProxyAgent({ uri: proxy, factory: openTunnels });

  return {
    get connectionsOpened() {
      return connections?.opened ?? tunnels;
    },
    async prepare(count) {
      // The way through a proxy is undici's own, and open once a request has taken it.
      if (!refused) await connections?.prepare(count);
    },
    send({ method, path, headers, body = null }, handler) {
      const lifecycle = new Lifecycle(handler, clock, arrival);
      if (refused) {
        handler.onError(new MetadataRefused(new URL(origin).hostname), clock.now());
        return lifecycle.abort;
      }
      const request = { origin, method, path, headers, body };
      if (connections === undefined) throughProxy!.dispatch(request, lifecycle);
      else
        connections.dispatch(request, (ended) => {
          lifecycle.onEnded = ended;
          return lifecycle;
        });
      return lifecycle.abort;
    },
    async close() {
      await (connections?.close() ?? throughProxy!.destroy());
    },
  };
}

const CLIENT = {
  // One request at a time on each connection: concurrency is the plan's.
  pipelining: 1,
  // HTTP/2 would share one connection and its flow control among all requests.
  allowH2: false,
  // The exchange has one time limit of its own, from the plan.
  headersTimeout: 0,
  bodyTimeout: 0,
  // Connections that a run does not need for a moment stay: closing hundreds holds up what is measured. A server that
  // says how long it keeps them is believed.
  keepAliveTimeout: 600_000,
} as const;

/**
 * When a chunk came. Chunks that came with one read of the socket are views of its memory, and are given one
 * after the other: they have one moment, which spares the later ones our work on the earlier ones. Node's own
 * pool may serve several reads, and tells nothing; a full read is of its size, and not of its memory.
 */
function arrivalOf(clock: Clock): (chunk: Buffer) => number {
  let read: ArrayBufferLike | undefined;
  let atNs = 0;
  return ({ buffer }) => {
    if (buffer !== read || isPool(buffer)) {
      read = buffer;
      atNs = clock.now();
    }
    return atNs;
  };
}

/** A pool that another one has replaced serves no more reads. */
function isPool(buffer: ArrayBufferLike): boolean {
  return buffer.byteLength === Buffer.poolSize && Buffer.allocUnsafe(1).buffer === buffer;
}

/** undici's handler, turned into ours. `onRequestSent` is called by its HTTP/1.1 client, though its types leave it out. */
class Lifecycle implements Dispatcher.DispatchHandler {
  readonly #handler: ResponseHandler;
  readonly #clock: Clock;
  readonly #arrival: (chunk: Buffer) => number;
  #controller: Dispatcher.DispatchController | undefined;
  #aborted = false;
  /** Told before the handler is, whose next request may take the connection. */
  onEnded: () => void = () => {};

  constructor(handler: ResponseHandler, clock: Clock, arrival: (chunk: Buffer) => number) {
    this.#handler = handler;
    this.#clock = clock;
    this.#arrival = arrival;
  }

  readonly abort = (): void => {
    this.#aborted = true;
    this.#controller?.abort(new Error("aborted"));
  };

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#aborted) controller.abort(new Error("aborted"));
  }

  onRequestSent(): void {
    this.#handler.onSent(this.#clock.now());
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Readonly<Record<string, string | string[] | undefined>>,
  ): void {
    const type = headers["content-type"];
    this.#handler.onHeaders(status, String(type ?? ""), this.#clock.now());
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#handler.onData(chunk, this.#arrival(chunk));
  }

  onResponseEnd(): void {
    this.onEnded();
    this.#handler.onEnd(this.#clock.now());
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, error: Error): void {
    this.onEnded();
    this.#handler.onError(error, this.#clock.now());
  }
}
