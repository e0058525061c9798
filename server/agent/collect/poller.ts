import type { Logger } from "pino";
import type { Clock } from "../../../src/index.ts";
import { type Collector, reasonOf } from "./collector.ts";
import type { InstanceHistory, KnownInstance } from "./instance-history.ts";

export interface PollerOptions {
  readonly collector: Pick<Collector, "poll" | "forget">;
  readonly history: InstanceHistory;
  readonly clock: Clock;
  readonly intervalMs: number;
  readonly log: Pick<Logger, "warn" | "info">;
  readonly today?: () => Date;
}

/** Pages that are read at the same time: watching must not become a load of its own. */
const AT_ONCE = 4;

/**
 * Reads every watched instance again and again, from the end of one round to the next, so that slow ones do
 * not pile up. Gives what ends it.
 */
export function startPolling(options: PollerOptions): { close(): Promise<void> } {
  const { clock, intervalMs } = options;
  const stopped = new AbortController();
  let round = Promise.resolve();
  let disarm = () => {};
  const arm = () => {
    if (stopped.signal.aborted) return;
    disarm = clock.alarm(clock.now() + intervalMs * 1e6, () => {
      round = pollAll(options, stopped.signal).then(arm);
    });
  };
  arm();
  return {
    async close() {
      stopped.abort();
      disarm();
      await round;
    },
  };
}

async function pollAll(options: PollerOptions, signal: AbortSignal): Promise<void> {
  const waiting = [...(await options.history.list().catch(() => []))];
  const work = async () => {
    for (let next = waiting.shift(); next !== undefined && !signal.aborted; next = waiting.shift())
      await pollOne(next, options, signal);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
}

/** What goes wrong is kept with the instance; the log has the beginning and the end of it. */
async function pollOne(instance: KnownInstance, options: PollerOptions, signal: AbortSignal): Promise<void> {
  const { collector, history, log, today = () => new Date() } = options;
  const { instanceId } = instance;
  try {
    await collector.poll(instance, signal);
    if (instance.failure !== undefined) log.info({ instance_id: instanceId }, "instance reads again");
  } catch (error) {
    if (signal.aborted) return;
    const message = reasonOf(error);
    if (instance.failure === undefined) log.warn({ instance_id: instanceId, message }, "instance unreadable");
    await history.fail(instanceId, { at: today().toISOString(), message }).catch(() => {});
  }
  // It may have been removed while it was read.
  if ((await history.find(instanceId).catch(() => instance)) === undefined) collector.forget(instanceId);
}
