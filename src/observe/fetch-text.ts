import type { Clock } from "../clock.ts";
import { connectionFailure } from "../send/connection-failure.ts";
import type { Transport } from "../send/transport.ts";
import { NS_PER_S } from "../units.ts";
import type { FetchText } from "./observe-target.ts";

/** Reads small pages beside the load, over connections of its own: none of its requests is the load's. */
export interface TextFetcher {
  /** Rejects with the reason when there is no whole page with status 200 in time. */
  readonly fetchText: FetchText;
  close(): Promise<void>;
}

const TIMEOUT_NS = 5 * NS_PER_S;
const MAX_BYTES = 16 * 1024 * 1024;

const HEADERS = {
  // Some servers answer anything but Prometheus' own wish with JSON.
  accept: "text/plain;version=0.0.4, application/openmetrics-text;version=1.0.0;q=0.5, */*;q=0.1",
  "accept-encoding": "identity",
  "user-agent": "goodput",
};

/** @param headers A key, say, for pages behind one; sent with every request to any of the pages. */
export function textFetcher(
  open: (origin: string, clock: Clock) => Transport,
  clock: Clock,
  headers: Readonly<Record<string, string>> = {},
): TextFetcher {
  const transports = new Map<string, Transport>();
  return {
    fetchText: async (url, signal) => {
      const { origin, pathname, search } = new URL(url);
      const transport = transports.get(origin) ?? open(origin, clock);
      transports.set(origin, transport);
      return fetchOver(transport, pathname + search, { ...HEADERS, ...headers }, clock, signal);
    },
    async close() {
      await Promise.all([...transports.values()].map((transport) => transport.close()));
      transports.clear();
    },
  };
}

function fetchOver(
  transport: Transport,
  path: string,
  headers: Readonly<Record<string, string>>,
  clock: Clock,
  signal: AbortSignal,
): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const chunks: Buffer[] = [];
  let bytes = 0;
  let settled = false;
  let abort: (() => void) | undefined;
  const settle = (how: () => void) => {
    if (settled) return;
    settled = true;
    disarm();
    signal.removeEventListener("abort", cancel);
    how();
  };
  const fail = (reason: string, cause?: Error) =>
    settle(() => {
      reject(new Error(reason, { cause }));
      abort?.();
    });
  const cancel = () => fail("it was interrupted");
  const disarm = clock.alarm(clock.now() + TIMEOUT_NS, () =>
    fail(`no whole page within ${TIMEOUT_NS / NS_PER_S} s`),
  );
  signal.addEventListener("abort", cancel);
  if (signal.aborted) {
    cancel();
    return promise;
  }
  abort = transport.send(
    { method: "GET", path, headers },
    {
      onSent() {},
      onHeaders(status) {
        if (status !== 200) fail(`HTTP ${status}`);
      },
      onData(chunk) {
        if (settled) return;
        bytes += chunk.length;
        if (bytes > MAX_BYTES) fail(`the page is larger than ${MAX_BYTES / 1024 / 1024} MiB`);
        else chunks.push(chunk);
      },
      onEnd() {
        settle(() => resolve(Buffer.concat(chunks).toString("utf8")));
      },
      onError(error) {
        fail(connectionFailure(error), error);
      },
    },
  );
  // It may have failed already, within the call, when there was nothing to abort it with.
  if (settled) abort();
  return promise;
}
