/**
 * What a loop on undici's `dispatch` sees that does nothing but stamp the send and the first bytes: the same
 * load as `observe.ts` is given, and the same line of `Observed[]` printed. What is late here is late for
 * every program on this machine that reads with Node.
 */
import { Pool } from "undici";
import { systemClock } from "../../src/clock.ts";
import { openLoop } from "../../src/schedule/open-loop.ts";
import type { Observed } from "./observe.ts";

interface Load {
  readonly url: string;
  readonly concurrency?: number;
  readonly rate?: number;
  readonly requests: number;
  readonly warmup: number;
}

const { url, concurrency, rate, requests, warmup } = JSON.parse(process.argv[2]!) as Load;
const clock = systemClock();
const originNs = Number(process.hrtime.bigint()) - clock.now();
const pool = new Pool(url, { connections: null, pipelining: 1 });
const body = JSON.stringify({
  model: "bench",
  messages: [{ role: "user", content: " word".repeat(64) }],
  stream: true,
});
const observed: Observed[] = [];

const send = (index: number, scheduledNs: number) =>
  new Promise<number>((resolve, reject) => {
    let sentNs = 0;
    let firstOutputNs = 0;
    const handler = {
      onRequestStart() {},
      onRequestSent() {
        sentNs = clock.now();
      },
      onResponseStart() {},
      onResponseData() {
        if (firstOutputNs === 0) firstOutputNs = clock.now();
      },
      onResponseEnd() {
        if (index >= warmup) {
          observed.push({
            id: String(index),
            scheduledNs: originNs + scheduledNs,
            sentNs: originNs + sentNs,
            firstOutputNs: originNs + firstOutputNs,
          });
        }
        resolve(clock.now());
      },
      onResponseError: (_controller: unknown, error: Error) => reject(error),
    };
    const headers = { "content-type": "application/json", "x-bench-id": String(index) };
    pool.dispatch({ method: "POST", path: "/v1/chat/completions", headers, body }, handler);
  });

const total = warmup + requests;
if (rate === undefined) {
  let next = 0;
  const slot = async () => {
    while (next < total) await send(next++, clock.now());
  };
  await Promise.all(Array.from({ length: concurrency! }, slot));
} else {
  const noLimit = Number.POSITIVE_INFINITY;
  await openLoop(clock, clock.now(), arrivals(rate, total), noLimit, new AbortController().signal, send);
}
await pool.destroy();
console.log(JSON.stringify(observed));

/** Independent of each other, the same in every run. */
function arrivals(perSecond: number, count: number): Float64Array {
  let state = 1;
  let atNs = 0;
  return Float64Array.from({ length: count }, () => {
    state = (state * 48_271) % 2_147_483_647;
    atNs += (-Math.log(state / 2_147_483_647) / perSecond) * 1e9;
    return Math.round(atNs);
  });
}
