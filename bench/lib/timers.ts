/** Sends at a constant rate with a timer for each gap, and prints the moments of sending. */
import { setTimeout as sleep } from "node:timers/promises";
import { Pool } from "undici";

const [url, rate, requests] = process.argv.slice(2) as [string, string, string];
const pool = new Pool(url, { connections: null, pipelining: 1 });
const sent: number[] = [];
const body = JSON.stringify({ model: "bench", messages: [], stream: true });
const answered: Promise<void>[] = [];
for (let i = 0; i < Number(requests); i++) {
  answered.push(
    new Promise((resolve, reject) =>
      pool.dispatch(
        { method: "POST", path: "/v1/chat/completions", body },
        {
          onRequestStart: () => sent.push(Number(process.hrtime.bigint())),
          onResponseStart() {},
          onResponseData() {},
          onResponseEnd: () => resolve(),
          onResponseError: (_controller, error) => reject(error),
        },
      ),
    ),
  );
  await sleep(1000 / Number(rate));
}
await Promise.all(answered);
await pool.destroy();
console.log(JSON.stringify(sent));
