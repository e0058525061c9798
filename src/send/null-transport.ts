import type { Clock } from "../clock.ts";
import type { Transport } from "./transport.ts";

/**
 * Answers every request itself, one turn of the event loop later: a run over it costs what the engine costs,
 * without sockets, HTTP or a server.
 *
 * @param model what it names when it is asked for its models.
 * @param chunks the reads of every answer.
 */
export function nullTransport(
  model: string,
  chunks: readonly Buffer[],
  contentType = "text/event-stream",
): (origin: string, clock: Clock) => Transport {
  const models = Buffer.from(JSON.stringify({ object: "list", data: [{ id: model, object: "model" }] }));
  return (_origin, clock) => ({
    connectionsOpened: 0,
    async prepare() {},
    send({ method }, handler) {
      let aborted = false;
      handler.onSent(clock.now());
      void clock.sleepUntil(clock.now() + 1).then(() => {
        if (aborted) return;
        const isAnswer = method === "POST";
        handler.onHeaders(200, isAnswer ? contentType : "application/json", clock.now());
        for (const chunk of isAnswer ? chunks : [models]) handler.onData(chunk, clock.now());
        handler.onEnd(clock.now());
      });
      return () => {
        aborted = true;
      };
    },
    async close() {},
  });
}
