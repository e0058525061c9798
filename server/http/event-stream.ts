import type { ServerResponse } from "node:http";
import type { Context } from "koa";

/**
 * A response of server-sent events written straight to the socket.
 * Events come as finished text, because at a token an event their making is what a stream costs.
 */
export class EventStream {
  readonly #response: ServerResponse;

  constructor(ctx: Context) {
    ctx.respond = false;
    this.#response = ctx.res;
    this.#response.writeHead(200, {
      "Content-Type": "text/event-stream; charset=utf-8",
      "Cache-Control": "no-cache",
      // Proxies that gather output would hide the time to the first token.
      "X-Accel-Buffering": "no",
    });
    this.#response.flushHeaders();
  }

  write(events: string): void {
    if (!this.#response.writableEnded) this.#response.write(events);
  }

  end(events: string): void {
    if (!this.#response.writableEnded) this.#response.end(events);
  }
}
