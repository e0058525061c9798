import type { Clock } from "../clock.ts";
import { ConfigError, GoodputError } from "../errors.ts";
import { NS_PER_S } from "../units.ts";
import { connectionFailure } from "./connection-failure.ts";
import type { Protocol } from "./protocol.ts";
import type { HttpRequest, Transport } from "./transport.ts";

/** Where requests go: the parts of a URL that differ between a connection and a request on it. */
export interface Endpoint {
  readonly origin: string;
  /** The path of the API's root, ending with `/v1` or whatever version the URL names where the protocol has one. */
  readonly root: string;
}

/** "http://host", "http://host/v1" and "http://host/v1/chat/completions" all name the same endpoint. */
export function endpointOf(url: string, protocol: Protocol, model = ""): Endpoint {
  const { origin, pathname } = new URL(url);
  const path = pathname.replace(/\/+$/, "");
  const below = [true, false].map((stream) => protocol.path(model, stream)).find((end) => path.endsWith(end));
  const root = below === undefined ? path : path.slice(0, -below.length);
  return { origin, root: !protocol.versioned || /\/v\d+\w*$/.test(root) ? root : `${root}/v1` };
}

export function requestHeaders(apiKey: string | undefined): Record<string, string> {
  return {
    "content-type": "application/json",
    accept: "text/event-stream, application/json",
    "user-agent": "goodput",
    ...(apiKey !== undefined && { authorization: `Bearer ${apiKey}` }),
  };
}

const PREFLIGHT_TIMEOUT_NS = 10 * NS_PER_S;
const MAX_LIST_BYTES = 1024 * 1024;

/** What a server that lists no models is asked for; few of them look at it. */
const UNNAMED_MODEL = "default";

/**
 * Asks the target for its models, before any load: it shows that somebody listens there, and finds the
 * model when the plan names none. A server that lists none shows it by any answer at all.
 * @throws GoodputError TARGET_UNREACHABLE or CANCELLED; ConfigError when a model must be named.
 */
export async function findModel(
  transport: Transport,
  endpoint: Endpoint,
  protocol: Protocol,
  headers: Readonly<Record<string, string>>,
  wanted: string | undefined,
  clock: Clock,
  signal: AbortSignal,
): Promise<string> {
  const request: HttpRequest = { method: "GET", path: endpoint.root + (protocol.modelsPath ?? "/"), headers };
  const { status, body } = await fetchSmall(transport, request, clock, signal).catch((error: Error) => {
    if (signal.aborted) throw new GoodputError("CANCELLED", "The run was interrupted before it began.");
    throw new GoodputError(
      "TARGET_UNREACHABLE",
      `Cannot reach ${endpoint.origin}: ${connectionFailure(error)}.`,
      {
        hint: "Check the address, and that the server is up and can be reached from here.",
        cause: error,
      },
    );
  });
  if (wanted !== undefined) return wanted;
  if (protocol.modelsPath === undefined) return UNNAMED_MODEL;
  const model = firstModel(body);
  if (model !== undefined) return model;
  throw new ConfigError([
    {
      field: "model",
      message: `is required: ${endpoint.origin}${request.path} answered ${status} and named no model to use.`,
    },
  ]);
}

/** OpenAI's list has `data` with ids, Ollama's `models` with names. */
function firstModel(body: string): string | undefined {
  try {
    const list = JSON.parse(body);
    const name = list?.data?.[0]?.id ?? list?.models?.[0]?.name;
    return typeof name === "string" && name !== "" ? name : undefined;
  } catch {
    return undefined;
  }
}

function fetchSmall(
  transport: Transport,
  request: HttpRequest,
  clock: Clock,
  signal: AbortSignal,
): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    let status = 0;
    const giveUp = (why: string) => {
      disarm();
      reject(new Error(why));
      abort();
    };
    if (signal.aborted) {
      reject(new Error("interrupted"));
      return;
    }
    const disarm = clock.alarm(clock.now() + PREFLIGHT_TIMEOUT_NS, () =>
      giveUp(`no answer within ${PREFLIGHT_TIMEOUT_NS / NS_PER_S} s`),
    );
    signal.addEventListener("abort", () => giveUp("interrupted"), { once: true });
    const abort = transport.send(request, {
      onSent() {},
      onHeaders(code) {
        status = code;
      },
      onData(chunk) {
        bytes += chunk.length;
        if (bytes <= MAX_LIST_BYTES) chunks.push(chunk);
      },
      onEnd() {
        disarm();
        resolve({ status, body: Buffer.concat(chunks).toString("utf8") });
      },
      onError(error) {
        disarm();
        reject(error);
      },
    });
  });
}
