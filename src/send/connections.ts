import type { Socket } from "node:net";
import { buildConnector, Client, type Dispatcher } from "undici";

/**
 * A connection for each request in flight, and no more: the one that was freed last goes first. undici's own
 * pool passes over a connection for one turn of the event loop after each answer, and so opens up to twice
 * as many, in the middle of the measurement.
 */
export class Connections {
  /** So far, those that were never used too. */
  opened = 0;
  #open = 0;
  readonly #origin: URL;
  readonly #options: Client.Options;
  readonly #connect: buildConnector.connector;
  readonly #clients: Client[] = [];
  readonly #free: Client[] = [];
  /** Opened ahead, and what forgets each when it closes. */
  readonly #spare = new Map<Socket, () => void>();

  constructor(origin: string, options: Client.Options, connect: buildConnector.BuildOptions) {
    this.#origin = new URL(origin);
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
    const client = this.#free.pop() ?? this.#newClient();
    client.dispatch(
      request,
      handlerOf(() => this.#free.push(client)),
    );
  }

  /** Opens what is missing to so many; what fails is left to the request that will want it. */
  async prepare(count: number): Promise<void> {
    const { host, hostname, protocol, port } = this.#origin;
    const to = { host, hostname: hostname.replace(/^\[|\]$/g, ""), protocol, port };
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
