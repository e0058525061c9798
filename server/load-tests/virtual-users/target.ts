import { ApiError } from "../../http/errors.ts";
import type { Targets } from "../../settings/targets.ts";

/** Long enough for a server under load to list its models, and short enough to wait for. */
const TIMEOUT_MS = 5_000;

/**
 * Shows that somebody answers there before a load is begun, and finds the model where none is named.
 * @throws ApiError URL_VALIDATION_ERROR, or VALIDATION_ERROR when a model must be named.
 */
export async function findTarget(
  targets: Pick<Targets, "check" | "get">,
  url: string,
  { model, apiKey }: { readonly model: string | undefined; readonly apiKey: string | undefined },
): Promise<{ readonly model: string }> {
  await targets.check(url, "url");
  const headers = {
    accept: "application/json",
    ...(apiKey !== undefined && { authorization: `Bearer ${apiKey}` }),
  };
  const answer = await targets
    .get(modelsUrl(url), "url", { headers, timeoutMs: TIMEOUT_MS })
    .catch((error: unknown) => {
      if (error instanceof ApiError) throw error;
      const message = `cannot be reached: ${reasonOf(error)}`;
      throw new ApiError("URL_VALIDATION_ERROR", `url ${message}.`, {
        details: [{ field: "url", message }],
        cause: error,
      });
    });
  const found = model ?? firstModel(answer.text);
  if (found !== undefined) return { model: found };
  const message = `must be given: the server names none (it answered ${answer.status} when asked for its models)`;
  throw new ApiError("VALIDATION_ERROR", `model: ${message}`, { details: [{ field: "model", message }] });
}

/** "http://host", "http://host/v1" and "http://host/v1/chat/completions" all name the same server. */
function modelsUrl(text: string): string {
  const { origin, pathname } = new URL(text);
  const path = pathname.replace(/\/+$/, "").replace(/\/(chat\/completions|completions|models)$/, "");
  return `${origin}${/\/v\d+\w*$/.test(path) ? path : `${path}/v1`}/models`;
}

function firstModel(text: string): string | undefined {
  try {
    const { data } = JSON.parse(text) as { data?: { id?: unknown }[] };
    const id = data?.[0]?.id;
    return typeof id === "string" && id !== "" ? id : undefined;
  } catch {
    return undefined;
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOTFOUND: "its name cannot be resolved",
  EAI_AGAIN: "its name cannot be resolved",
  ECONNREFUSED: "nobody listens there",
  EHOSTUNREACH: "there is no way to it",
  ENETUNREACH: "there is no way to it",
  ECONNRESET: "it ended the connection",
  UND_ERR_SOCKET: "it ended the connection",
  UND_ERR_CONNECT_TIMEOUT: "nobody answered in time",
};

/** In words of our own: a system's message may name addresses that the caller need not know. */
function reasonOf(error: unknown): string {
  const { code, name, message = "" } = error as { code?: string; name?: string; message?: string };
  if (name === "TimeoutError" || name === "AbortError")
    return `nobody answered within ${TIMEOUT_MS / 1000} seconds`;
  if (error instanceof RangeError) return "its list of models is too large";
  if (/metadata address/.test(message)) return "it stands for a metadata address, which is never asked";
  const codes = [code, ...((error as AggregateError).errors ?? []).map((one: { code?: string }) => one.code)];
  const known = codes.find((one) => one !== undefined && one in REASONS);
  return known === undefined ? "it does not speak HTTP, or not here" : REASONS[known]!;
}
