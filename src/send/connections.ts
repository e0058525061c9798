import type { Socket } from "node:net";
import { buildConnector, Client, type Dispatcher } from "undici";
import type { Clock } from "../clock.ts";
import { NS_PER_MS } from "../units.ts";
import { bareHost } from "./host-rules.ts";

/**
 * Some servers close a connection after an answer, without having said so in its headers (llama-server after each
 * stream). Who uses it within that moment has a failed request, and no request is ever sent twice.
 */
const REST_NS = 10 * NS_PER_MS;

interface Free {
  readonly client: Client;
  readonly sinceNs: number;
  /** A list of models may leave open what a stream does not. */
  readonly afterPost: boolean;
}

/**
 * A connection for each request in flight, and no more: the one that was freed last goes first. undici's own
 * pool passes over a connection for one turn of the event loop after each answer, and so opens up to twice
 * as many, in the middle of the measurement. Until one was seen open a moment after an answer, all of them rest.
 */
export class Connections {
  /** So far, those that were never used too. */
  opened = 0;
  #open = 0;
  #staysOpen = false;
  readonly #origin: URL;
  readonly #clock: Clock;
  readonly #options: Client.Options;
  readonly #connect: buildConnector.connector;
  readonly #clients: Client[] = [];
  /** In the order in which their answers ended. */
  readonly #free: Free[] = [];
  /** Opened ahead, and what forgets each when it closes. */
  readonly #spare = new Map<Socket, () => void>();

  constructor(origin: string, clock: Clock, options: Client.Options, connect: buildConnector.BuildOptions) {
    this.#origin = new URL(origin);
    this.#clock = clock;
    this.#connect = buildConnector(connect);
    this.#options = {
      ...options,
      connect: (to, callback) => {
        const [spare] = this.#spare.keys();
        if (spare === undefined) this.#begin(to, callback);
        else process.nextTick(callback, null, this.#release(spare));
      },
    };
  }

  dispatch(
    request: Dispatcher.DispatchOptions,
    handlerOf: (ended: () => void) => Dispatcher.DispatchHandler,
  ) {
    const client = this.#take() ?? this.#newClient();
    const afterPost = request.method === "POST";
    const free = () => this.#free.push({ client, sinceNs: this.#clock.now(), afterPost });
    client.dispatch(request, handlerOf(free));
  }

  /** Opens what is missing to so many; what fails is left to the request that will want it. */
  async prepare(count: number): Promise<void> {
    // What is closed after its answer is seen closed by then.
    await this.#clock.sleepUntil(this.#clock.now() + REST_NS);
    this.#staysOpen ||= this.#free.some((one) => this.#isProof(one));
    const { host, hostname, protocol, port } = this.#origin;
    const to = { host, hostname: bareHost(hostname), protocol, port };
    const open = () =>
      new Promise<void>((resolve) => {
        this.#begin(to, (...result) => {
          if (result[0] === null) this.#keep(result[1]);
          resolve();
        });
      });
    await Promise.all(Array.from({ length: Math.max(0, count - this.#open) }, open));
  }

  async close(): Promise<void> {
    for (const socket of this.#spare.keys()) socket.destroy();
    await Promise.all(this.#clients.map((client) => client.destroy()));
  }

  #take(): Client | undefined {
    const [oldest] = this.#free;
    if (oldest === undefined) return undefined;
    this.#staysOpen ||= this.#isProof(oldest);
    if (this.#staysOpen) return this.#free.pop()!.client;
    return this.#hasRested(oldest) || !oldest.afterPost ? this.#free.shift()!.client : undefined;
  }

  #isProof(one: Free): boolean {
    return this.#hasRested(one) && one.afterPost && one.client.stats.connected;
  }

  #hasRested({ sinceNs }: Free): boolean {
    return this.#clock.now() - sinceNs >= REST_NS;
  }

  #newClient(): Client {
    const client = new Client(this.#origin, this.#options);
    this.#clients.push(client);
    return client;
  }

  #begin(to: buildConnector.Options, callback: buildConnector.Callback): void {
    this.#connect(to, (...result) => {
      if (result[0] === null) {
        this.opened++;
        this.#open++;
        result[1].once("close", () => this.#open--);
      }
      callback(...result);
    });
  }

  #keep(socket: Socket): void {
    const forget = () => this.#spare.delete(socket);
    this.#spare.set(socket, forget);
    // A server may close what nobody uses, and a reset is nobody's mistake.
    socket.on("close", forget).on("error", forget);
  }

  #release(socket: Socket): Socket {
    const forget = this.#spare.get(socket)!;
    this.#spare.delete(socket);
    return socket.off("close", forget).off("error", forget);
  }
}
