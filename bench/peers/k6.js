/** k6 knows no server-sent events: it takes the whole answer, and its "waiting" is the time to the first byte. */
import http from "k6/http";

const { URL, REQUESTS, CONCURRENCY, RATE, OUT } = __ENV;
const rate = Number(RATE);
export const options = {
  summaryTrendStats: ["med", "p(99)"],
  scenarios: {
    load: RATE
      ? {
          executor: "constant-arrival-rate",
          rate,
          timeUnit: "1s",
          duration: `${Number(REQUESTS) / rate}s`,
          preAllocatedVUs: 100,
        }
      : {
          executor: "shared-iterations",
          vus: Number(CONCURRENCY),
          iterations: Number(REQUESTS),
          maxDuration: "5m",
        },
  },
};
const body = JSON.stringify({
  model: "bench",
  messages: [{ role: "user", content: " word".repeat(64) }],
  max_tokens: 64,
  stream: true,
});
const params = { headers: { "content-type": "application/json" } };

export default function () {
  http.post(`${URL}/v1/chat/completions`, body, params);
}

export function handleSummary({ metrics }) {
  const { med, "p(99)": p99 } = metrics.http_req_waiting.values;
  return { [OUT]: JSON.stringify({ p50: med, p99 }) };
}
