/**
 * What GitHub's client does not do by itself: try again. At most three tries and 15 s of waiting per call,
 * and never past the deadline; a call that GitHub may have carried out is only repeated where that does no
 * harm.
 */
import { setTimeout as sleep } from "node:timers/promises";

/** Time and chance, so that tests need not wait. */
export interface Pace {
  nowMs(): number;
  /** Rejects when the signal aborts. */
  wait(ms: number, signal: AbortSignal): Promise<void>;
  /** Uniform in [0, 1). */
  random(): number;
}

export const REAL_PACE: Pace = {
  nowMs: () => performance.now(),
  wait: async (ms, signal) => void (await sleep(ms, undefined, { signal })),
  random: Math.random,
};

export const MAX_TRIES = 3;
/** Longer than this nobody waits for a report; GitHub may ask for a minute, and then is not waited for. */
const MAX_WAITING_MS = 15_000;
/**
 * GitHub answers within a second or two; one that hangs is not asked again. What was read can be done without,
 * while a write that was cut off may have been carried out.
 */
const READ_TIMEOUT_MS = 4_000;
const WRITE_TIMEOUT_MS = 8_000;

/** "throttled": refused for now, certainly not done. "unclear": perhaps done. "final": will not change. */
export type Failure = "throttled" | "unclear" | "final";

export function failureOf(thrown: unknown): Failure {
  const { status, response, name } = thrown as FailedCall;
  if (name === "AbortError" || name === "TimeoutError" || cause(thrown) === "TimeoutError") return "final";
  if (status === 429) return "throttled";
  if (status === 403) {
    const throttled =
      response?.headers?.["retry-after"] !== undefined ||
      response?.headers?.["x-ratelimit-remaining"] === "0" ||
      /rate limit|abuse detection/i.test(String((thrown as Error).message));
    return throttled ? "throttled" : "final";
  }
  // The client gives a broken connection the status 500.
  return status !== undefined && status >= 500 ? "unclear" : "final";
}

/**
 * @param call makes one try, and ends it when its signal aborts.
 * @param reads whether nothing is changed by it.
 * @param repeatable whether doing it twice does no more than doing it once.
 */
export async function retry<T>(
  call: (signal: AbortSignal) => Promise<T>,
  {
    repeatable,
    reads,
    deadline,
    pace,
  }: { repeatable: boolean; reads: boolean; deadline: AbortSignal; pace: Pace },
): Promise<T> {
  const timeoutMs = reads ? READ_TIMEOUT_MS : WRITE_TIMEOUT_MS;
  let waitedMs = 0;
  for (let tries = 1; ; tries++) {
    try {
      return await call(AbortSignal.any([deadline, AbortSignal.timeout(timeoutMs)]));
    } catch (thrown) {
      const failure = failureOf(thrown);
      if (failure === "final" || (failure === "unclear" && !repeatable) || deadline.aborted) throw thrown;
      const ms = asked(thrown) ?? backoffMs(failure, tries, pace);
      if (tries === MAX_TRIES || waitedMs + ms > MAX_WAITING_MS) throw thrown;
      waitedMs += ms;
      // Of the two errors the one by GitHub says more.
      await pace.wait(ms, deadline).catch(() => Promise.reject(thrown));
    }
  }
}

/** Four times as long the second time, with a quarter to either side so that jobs do not come back as one. */
export function backoffMs(failure: Failure, tries: number, pace: Pace): number {
  const firstMs = failure === "throttled" ? 2_000 : 500;
  return firstMs * 4 ** (tries - 1) * (0.75 + pace.random() / 2);
}

interface FailedCall {
  readonly name?: string;
  readonly status?: number;
  readonly response?: { readonly headers?: Readonly<Record<string, string | undefined>> };
}

function cause(thrown: unknown): string | undefined {
  return ((thrown as Error).cause as Error | undefined)?.name;
}

/** How long GitHub asks to be left alone. Its own clock counts, for the runner's may differ. */
function asked(thrown: unknown): number | undefined {
  const headers = (thrown as FailedCall).response?.headers ?? {};
  const seconds = Number(headers["retry-after"] ?? Number.NaN);
  if (seconds >= 0) return seconds * 1000;
  if (headers["x-ratelimit-remaining"] !== "0") return undefined;
  const ms = Number(headers["x-ratelimit-reset"]) * 1000 - Date.parse(headers.date ?? "");
  return ms >= 0 ? ms : undefined;
}
