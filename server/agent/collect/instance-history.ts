import type { InstanceMetrics } from "./instance-metrics.ts";

export interface Instance {
  readonly instanceId: string;
  readonly instanceType: InstanceType;
  readonly metricsUrl: string;
}

export const INSTANCE_TYPES = ["vllm", "tgi", "sglang"] as const;
export type InstanceType = (typeof INSTANCE_TYPES)[number];

export interface InstanceSnapshot {
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly metrics: InstanceMetrics;
}

export interface KnownInstance extends Instance {
  /** ISO 8601, UTC. */
  readonly registeredAt: string;
  readonly latest: InstanceSnapshot | undefined;
  /** Why the last reading failed; undefined once one succeeds again. */
  readonly failure: { readonly at: string; readonly message: string } | undefined;
}

/** The instances that are watched, and what was read of them. Nothing is ever kept of one that is not registered. */
export interface InstanceHistory {
  /**
   * Under a new address or type an instance starts anew; otherwise it keeps what was read. Another query in the
   * address is no other address: it may be a new key.
   */
  register(instance: Instance, at: string): Promise<void>;
  find(instanceId: string): Promise<KnownInstance | undefined>;
  list(): Promise<readonly KnownInstance[]>;
  add(instanceId: string, snapshot: InstanceSnapshot): Promise<void>;
  fail(instanceId: string, failure: { readonly at: string; readonly message: string }): Promise<void>;
  /** The last so many, the oldest first. */
  snapshots(instanceId: string, limit: number): Promise<readonly InstanceSnapshot[]>;
  /** False when there was no such instance. */
  remove(instanceId: string): Promise<boolean>;
  /** Rejects when nothing can be kept. */
  ping(): Promise<void>;
}

export interface HistoryBounds {
  /** Beyond it the one that was registered longest ago is forgotten. */
  readonly instances: number;
  /** Of one instance; at one reading in 30 seconds 360 are three hours. */
  readonly snapshots: number;
}

export const HISTORY_BOUNDS: HistoryBounds = { instances: 200, snapshots: 360 };
