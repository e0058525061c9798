import { ApiError } from "../../http/errors.ts";
import type { Targets } from "../../settings/targets.ts";

export interface FetchPageOptions {
  /** For the whole page. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

const TIMEOUT_MS = 5_000;
/** The page of an engine has some ten thousand bytes. */
const MAX_BYTES = 4 * 1024 * 1024;

const HEADERS = {
  // Some servers answer anything but Prometheus' own wish with JSON.
  accept: "text/plain;version=0.0.4, application/openmetrics-text;version=1.0.0;q=0.5, */*;q=0.1",
  "accept-encoding": "identity",
  "user-agent": "goodput",
};

/**
 * The text at an instance's `metrics_url`.
 * @throws ApiError: 503 when nobody answers in time, 500 when what answers has no page for us, 400 for an
 * address that may not be asked.
 */
export async function fetchPage(
  targets: Pick<Targets, "get">,
  url: string,
  { timeoutMs = TIMEOUT_MS, signal }: FetchPageOptions = {},
): Promise<string> {
  const answer = await targets
    .get(url, "metrics_url", {
      headers: HEADERS,
      timeoutMs,
      maxBytes: MAX_BYTES,
      ...(signal !== undefined && { signal }),
    })
    .catch((error: unknown) => {
      throw failure(error, timeoutMs);
    });
  if (answer.status >= 200 && answer.status < 300) return answer.text;
  const redirect = answer.status >= 300 && answer.status < 400 ? ", and redirects are not followed" : "";
  throw collectionError(`the instance answered with HTTP ${answer.status}${redirect}`);
}

/** Reached, but there is nothing to be had. */
export function collectionError(reason: string, cause?: unknown): ApiError {
  return new ApiError("COLLECTION_ERROR", `The metrics could not be collected: ${reason}.`, {
    more: { details: { field: "metrics_url", message: reason } },
    cause,
  });
}

function failure(error: unknown, timeoutMs: number): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof RangeError) {
    return collectionError(`the page is larger than ${MAX_BYTES / 1024 / 1024} MiB`, error);
  }
  const { name, code: given } = error as { name?: string; code?: unknown };
  // Those of aborted requests have numbers.
  const code = typeof given === "string" ? given : "";
  if (code.startsWith("HPE_")) return collectionError("what answers does not speak HTTP", error);
  const reason =
    name === "TimeoutError"
      ? `there was no whole page within ${timeoutMs / 1000} s`
      : (REASONS[code] ?? "the connection failed");
  return new ApiError("SERVICE_UNAVAILABLE", `The instance cannot be reached: ${reason}.`, {
    more: { details: { field: "metrics_url", message: reason } },
    cause: error,
  });
}

/** In words, since a system's own message may name addresses that the caller need not know. */
const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nobody listens at its address",
  ECONNRESET: "it ended the connection",
  UND_ERR_SOCKET: "it ended the connection",
  UND_ERR_CONNECT_TIMEOUT: "it does not take the connection",
  ETIMEDOUT: "it does not take the connection",
  EHOSTUNREACH: "there is no way to its host",
  ENETUNREACH: "there is no way to its host",
  ENOTFOUND: "nobody knows its host",
  EAI_AGAIN: "nobody knows its host",
};
