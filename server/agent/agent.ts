import type { Logger } from "pino";
import { type Clock, systemClock } from "../../src/index.ts";
import type { Targets } from "../settings/targets.ts";
import { Collector } from "./collect/collector.ts";
import type { Instance, InstanceHistory, InstanceSnapshot } from "./collect/instance-history.ts";
import { startPolling } from "./collect/poller.ts";

export interface AgentOptions {
  readonly targets: Pick<Targets, "get">;
  readonly log: Pick<Logger, "warn" | "info">;
  /** 0: instances are read only when somebody asks. */
  readonly pollingIntervalSeconds: number;
  readonly history: InstanceHistory;
  readonly clock?: Clock;
  /** For a whole page. */
  readonly timeoutMs?: number;
}

/** Watches inference instances that somebody else runs. */
export interface Agent {
  readonly history: InstanceHistory;
  /** Reads an instance now, and from then on every polling interval. */
  collect(instance: Instance): Promise<InstanceSnapshot>;
  /** Watches it no longer; false when it was not watched. */
  forget(instanceId: string): Promise<boolean>;
  close(): Promise<void>;
}

export function createAgent(options: AgentOptions): Agent {
  const { pollingIntervalSeconds, history, clock = systemClock() } = options;
  const collector = new Collector({ ...options, clock });
  const poller =
    pollingIntervalSeconds > 0
      ? startPolling({ ...options, collector, clock, intervalMs: pollingIntervalSeconds * 1000 })
      : undefined;
  return {
    history,
    collect: (instance) => collector.collect(instance),
    async forget(instanceId) {
      collector.forget(instanceId);
      return history.remove(instanceId);
    },
    async close() {
      await poller?.close();
    },
  };
}
