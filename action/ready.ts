import { setTimeout as sleep } from "node:timers/promises";
import { GoodputError, systemClock } from "../src/index.ts";
import type { OpenTransport } from "./transport.ts";

const ASK_EVERY_MS = 200;
const ONE_ANSWER_MS = 5_000;

export interface Waiting {
  readonly url: string;
  readonly open: OpenTransport;
  readonly signal: AbortSignal;
}

/**
 * Asks until the service answers. @throws GoodputError TARGET_UNREACHABLE when it takes longer than that, or
 * when `gaveUp` says why it never will.
 */
export async function waitUntilReady(
  { url, open, signal }: Waiting,
  waitMs: number,
  gaveUp: () => GoodputError | undefined = () => undefined,
): Promise<void> {
  const enough = AbortSignal.timeout(waitMs);
  const either = AbortSignal.any([signal, enough]);
  for (;;) {
    if (await isReady({ url, open, signal: either })) return;
    const reason = gaveUp();
    if (reason !== undefined) throw reason;
    if (signal.aborted) throw new GoodputError("CANCELLED", "The run was interrupted before it began.");
    if (enough.aborted) {
      throw new GoodputError("TARGET_UNREACHABLE", `${url} was not ready within ${waitMs / 1000} s.`, {
        hint: "Give it longer with wait-for-ready, or see why it does not start.",
      });
    }
    await sleep(ASK_EVERY_MS, undefined, { signal: either }).catch(() => {});
  }
}

/** A service that has no page of health, or asks for a key, shows by its models that it is there. */
async function isReady(waiting: Waiting): Promise<boolean> {
  const health = await statusOf(waiting, "/health");
  if (health === undefined || health >= 500) return false;
  if (health < 400) return true;
  const models = await statusOf(waiting, "/v1/models");
  return models !== undefined && models < 500;
}

/** The status of a page below the service's root, asked for without a key; undefined where nobody answers. */
export function statusOf({ url, open, signal }: Waiting, path: string): Promise<number | undefined> {
  const { origin, pathname } = new URL(url);
  const root = pathname.replace(/\/v\d+\w*(?:\/.*)?$/, "").replace(/\/+$/, "");
  const clock = systemClock();
  const transport = open(origin, clock);
  const { promise, resolve } = Promise.withResolvers<number | undefined>();
  const giveUp = () => resolve(undefined);
  if (signal.aborted) giveUp();
  signal.addEventListener("abort", giveUp);
  const timer = setTimeout(giveUp, ONE_ANSWER_MS);
  transport.send(
    { method: "GET", path: root + path, headers: { "user-agent": "goodput" } },
    { onSent() {}, onHeaders: resolve, onData() {}, onEnd: giveUp, onError: giveUp },
  );
  return promise.finally(() => {
    clearTimeout(timer);
    signal.removeEventListener("abort", giveUp);
    return transport.close();
  });
}
