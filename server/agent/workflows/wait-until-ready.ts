import type { Clock } from "../../../src/index.ts";
import { ApiError } from "../../http/errors.ts";
import type { Targets } from "../../settings/targets.ts";
import type { InstancePlan } from "./instance-plan.ts";

const ASK_EVERY_MS = 1_000;
const ONE_ANSWER_MS = 5_000;
/** Nothing of the page is used, but it is read to its end. */
const MAX_BYTES = 1024 * 1024;

/**
 * Asks an instance, each second, until it answers with 2xx.
 * @throws ApiError WORKFLOW_ERROR with what came last, when that takes longer than the plan allows or is
 * interrupted; URL_VALIDATION_ERROR for an address that may not be asked.
 */
export async function waitUntilReady(
  plan: Pick<InstancePlan, "readyUrl" | "readyTimeoutMs" | "apiKey" | "load">,
  targets: Pick<Targets, "get">,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const { readyUrl, readyTimeoutMs } = plan;
  const untilNs = clock.now() + readyTimeoutMs * 1e6;
  const headers = headersFor(plan);
  for (;;) {
    if (signal.aborted) throw notReady("was not waited for any longer: the server stops");
    const askedAtNs = clock.now();
    const last = await ask(targets, readyUrl, headers, signal);
    if (last === undefined) return;
    const nextNs = Math.max(clock.now(), askedAtNs + ASK_EVERY_MS * 1e6);
    if (nextNs >= untilNs) throw notReady(`was not ready within ${readyTimeoutMs / 1000} s: ${last}`);
    await clock.sleepUntil(nextNs, signal);
  }
}

/** The key is the target's, and for nobody who only happens to know when it is ready. */
function headersFor({ apiKey, readyUrl, load }: Pick<InstancePlan, "apiKey" | "readyUrl" | "load">) {
  const own = URL.canParse(String(load.url)) && new URL(String(load.url)).origin === new URL(readyUrl).origin;
  return {
    "user-agent": "goodput",
    ...(own && apiKey !== undefined && { authorization: `Bearer ${apiKey}` }),
  };
}

/** Undefined when it is ready, else how it is not. */
async function ask(
  targets: Pick<Targets, "get">,
  url: string,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    const options = { headers, timeoutMs: ONE_ANSWER_MS, maxBytes: MAX_BYTES, signal };
    const { status } = await targets.get(url, "ready_url", options);
    return status >= 200 && status < 300 ? undefined : `the last answer was HTTP ${status}`;
  } catch (error) {
    if (error instanceof ApiError) throw error;
    const { name, code } = error as { name?: string; code?: unknown };
    if (name === "TimeoutError") return `the last question had no answer within ${ONE_ANSWER_MS / 1000} s`;
    if (error instanceof RangeError) return "the last answer was too large";
    return `the last connection failed${typeof code === "string" ? ` (${code})` : ""}`;
  }
}

function notReady(reason: string): ApiError {
  return new ApiError("WORKFLOW_ERROR", `The instance ${reason}.`);
}
