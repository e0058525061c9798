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
  /** Under a new address or type an instance starts anew; otherwise it keeps what was read. */
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

const BOUNDS: HistoryBounds = { instances: 200, snapshots: 360 };

export function memoryHistory(bounds: HistoryBounds = BOUNDS): InstanceHistory {
  return new MemoryHistory(bounds);
}

interface Entry {
  readonly instance: Instance;
  readonly registeredAt: string;
  readonly snapshots: InstanceSnapshot[];
  failure: KnownInstance["failure"];
}

class MemoryHistory implements InstanceHistory {
  readonly #bounds: HistoryBounds;
  /** In the order of their last registration. */
  readonly #entries = new Map<string, Entry>();

  constructor(bounds: HistoryBounds) {
    this.#bounds = bounds;
  }

  async register(instance: Instance, at: string): Promise<void> {
    const { instanceId, instanceType, metricsUrl } = instance;
    const known = this.#entries.get(instanceId);
    const same = known?.instance.metricsUrl === metricsUrl && known.instance.instanceType === instanceType;
    this.#entries.delete(instanceId);
    this.#entries.set(
      instanceId,
      known !== undefined && same
        ? known
        : {
            instance: { instanceId, instanceType, metricsUrl },
            registeredAt: at,
            snapshots: [],
            failure: undefined,
          },
    );
    const [oldest] = this.#entries.keys();
    if (this.#entries.size > this.#bounds.instances) this.#entries.delete(oldest!);
  }

  async find(instanceId: string): Promise<KnownInstance | undefined> {
    const entry = this.#entries.get(instanceId);
    return entry && knownOf(entry);
  }

  async list(): Promise<readonly KnownInstance[]> {
    return [...this.#entries.values()].map(knownOf);
  }

  async add(instanceId: string, snapshot: InstanceSnapshot): Promise<void> {
    const entry = this.#entries.get(instanceId);
    if (entry === undefined) return;
    entry.failure = undefined;
    entry.snapshots.push(snapshot);
    if (entry.snapshots.length > this.#bounds.snapshots) entry.snapshots.shift();
  }

  async fail(instanceId: string, failure: { readonly at: string; readonly message: string }): Promise<void> {
    const entry = this.#entries.get(instanceId);
    if (entry !== undefined) entry.failure = failure;
  }

  async snapshots(instanceId: string, limit: number): Promise<readonly InstanceSnapshot[]> {
    return limit <= 0 ? [] : (this.#entries.get(instanceId)?.snapshots.slice(-limit) ?? []);
  }

  async remove(instanceId: string): Promise<boolean> {
    return this.#entries.delete(instanceId);
  }

  async ping(): Promise<void> {}
}

function knownOf({ instance, registeredAt, snapshots, failure }: Entry): KnownInstance {
  return { ...instance, registeredAt, latest: snapshots.at(-1), failure };
}
