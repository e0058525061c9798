import type { Clock } from "../../src/clock.ts";
import type { Transport } from "../../src/send/transport.ts";

/** Answers every request with these reads, one clock nanosecond apart. */
export function replayTransport(contentType: string, reads: readonly Buffer[], clock: Clock): Transport {
  return {
    connectionsOpened: 1,
    async prepare() {},
    send(_request, handler) {
      const start = clock.now();
      handler.onSent(start);
      handler.onHeaders(200, contentType, start);
      for (const [i, read] of reads.entries()) handler.onData(read, start + 1 + i);
      handler.onEnd(start + 1 + reads.length);
      return () => {};
    },
    async close() {},
  };
}
