/** What each figure means, for the fold at the end of a report; docs/metrics.md is the law. */
export const DEFINITIONS: readonly (readonly [name: string, meaning: string])[] = [
  ["TTFT", "Time to first token: the first output chunk less the moment the plan gave the request."],
  ["TTFT sent", "The same from the moment the request was written to the socket, as other tools count."],
  ["ITL", "Inter-token latency: every gap between two output chunks of one request, all requests together."],
  ["TPOT", "Time per output token: (last output − first output) / (output tokens − 1), once per request."],
  ["E2E", "End to end: the end of the response less the moment the plan gave the request."],
  [
    "Issue delay",
    "Sent less scheduled: how late the generator itself was, how long the request was held, and opening a connection.",
  ],
  ["Held", "How long a request that was due waited for max-concurrency: until the server had ended another."],
  ["Request throughput", "Requests completed in the measured window, per second."],
  ["Output throughput", "Output tokens in the measured window, per second."],
  ["Goodput", "Requests that completed and met every per-request objective, per second."],
  ["Goodput ratio", "Good requests over all that were issued; a failed request is never good."],
  ["Error rate", "Failed requests over all that were issued."],
  ["Window", "The measured part of a level: without warm-up and without the tail of a closed loop."],
  ["Incomplete", "Cut off by the end of the window: neither completed nor failed, but counted."],
  [
    "Met, violated, inconclusive",
    "Met when the whole interval is on the right side of the limit, violated when it is all on the wrong side, inconclusive otherwise.",
  ],
];
