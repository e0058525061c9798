/** Holds streams open that have begun, and prints by how many bytes they made the process grow. */
import { setTimeout as sleep } from "node:timers/promises";
import { Pool } from "undici";
import { systemClock } from "../../src/clock.ts";
import { parseConfig, runPlan } from "../../src/index.ts";
import { undiciTransport } from "../../src/send/undici-transport.ts";

export interface Memory {
  readonly rss: number;
  readonly heap: number;
}

const [way, url, count] = process.argv.slice(2) as ["bare" | "engine", string, string];
const collect = (globalThis as { gc?: () => void }).gc!;
/** Hands the first round's garbage and code back, so that what grows is what is held. */
const memory = async (): Promise<Memory> => {
  for (let i = 0; i < 5; i++) {
    collect();
    await sleep(20);
  }
  const { rss, heapUsed, external } = process.memoryUsage();
  return { rss, heap: heapUsed + external };
};
let begun = 0;
const hold = way === "bare" ? bare : engine;
// As many first: what is loaded, compiled and set aside once is no request's memory.
const releases = [await hold(Number(count))];
const before = await memory();
releases.push(await hold(Number(count)));
const after = await memory();
for (const release of releases) await release();
console.log(JSON.stringify({ rss: after.rss - before.rss, heap: after.heap - before.heap } satisfies Memory));

async function untilBegun(streams: number): Promise<void> {
  while (begun < streams) await sleep(5);
}

async function bare(streams: number): Promise<() => Promise<void>> {
  begun = 0;
  const pool = new Pool(url, { connections: null, pipelining: 1 });
  for (let i = 0; i < streams; i++) {
    let first = true;
    pool.dispatch(
      {
        method: "POST",
        path: "/v1/chat/completions",
        body: JSON.stringify({ model: "bench", stream: true }),
      },
      {
        onRequestStart() {},
        onResponseStart() {},
        onResponseData() {
          if (first) begun++;
          first = false;
        },
        onResponseEnd() {},
        onResponseError() {},
      },
    );
  }
  await untilBegun(streams);
  return () => pool.destroy();
}

async function engine(streams: number): Promise<() => Promise<void>> {
  begun = 0;
  const stop = new AbortController();
  const plan = parseConfig(
    { url, model: "bench", concurrency: streams, requests: streams, warmup: 0, "input-tokens": 256 },
    (key) => key,
  );
  const ended = runPlan(plan, {
    signal: stop.signal,
    clock: systemClock(),
    transport: (origin, clock) => {
      const transport = undiciTransport(origin, clock);
      return {
        get connectionsOpened() {
          return transport.connectionsOpened;
        },
        prepare: (connections) => transport.prepare(connections),
        close: () => transport.close(),
        send(request, handler) {
          if (request.method === "GET") return transport.send(request, handler);
          // Told apart from the exchange's own handler by nothing but the count of what began.
          const onHeaders = handler.onHeaders.bind(handler);
          handler.onHeaders = (status, type, atNs) => {
            begun++;
            onHeaders(status, type, atNs);
          };
          return transport.send(request, handler);
        },
      };
    },
  });
  await untilBegun(streams);
  return async () => {
    stop.abort();
    await ended;
  };
}
