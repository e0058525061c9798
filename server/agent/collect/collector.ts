import type { Clock } from "../../../src/index.ts";
import { ApiError } from "../../http/errors.ts";
import type { Targets } from "../../settings/targets.ts";
import { collectionError, fetchPage } from "./fetch-page.ts";
import type { Instance, InstanceHistory, InstanceSnapshot } from "./instance-history.ts";
import { readInstanceMetrics } from "./instance-metrics.ts";

export interface CollectorOptions {
  readonly targets: Pick<Targets, "get">;
  readonly history: InstanceHistory;
  readonly clock: Clock;
  /** Wall time. */
  readonly today?: () => Date;
  /** For a whole page. */
  readonly timeoutMs?: number;
}

interface Page {
  readonly url: string;
  readonly text: string;
  readonly atNs: number;
}

/** Below it a rate of tokens would tell of chance rather than of the engine. */
const SHORTEST_INTERVAL_NS = 1e9;
/** Characters of pages that are kept for the next reading, all instances together. */
const MAX_KEPT = 64 * 1024 * 1024;

/** Reads instances, each beside its own last page. */
export class Collector {
  readonly #options: CollectorOptions;
  readonly #last = new Map<string, Page>();
  readonly #underWay = new Map<string, Promise<InstanceSnapshot>>();
  #kept = 0;

  constructor(options: CollectorOptions) {
    this.#options = options;
  }

  /** Reads an instance and has it watched from then on; who asks meanwhile shares the reading. */
  collect(instance: Instance): Promise<InstanceSnapshot> {
    const key = JSON.stringify([instance.instanceId, instance.instanceType, instance.metricsUrl]);
    const known = this.#underWay.get(key);
    if (known !== undefined) return known;
    const reading = this.#collect(instance).finally(() => this.#underWay.delete(key));
    this.#underWay.set(key, reading);
    return reading;
  }

  /** Reads a watched instance once; of the first page no rate can be told. */
  async poll(instance: Instance, signal: AbortSignal): Promise<void> {
    const last = this.#lastOf(instance);
    const page = await this.#fetch(instance, signal);
    if (signal.aborted) return;
    const snapshot = this.#read(page, last, false);
    await this.#options.history.add(instance.instanceId, snapshot);
    this.#keep(instance, page);
  }

  forget(instanceId: string): void {
    this.#kept -= this.#last.get(instanceId)?.text.length ?? 0;
    this.#last.delete(instanceId);
  }

  async #collect(instance: Instance): Promise<InstanceSnapshot> {
    const { history, clock } = this.#options;
    const known = this.#lastOf(instance);
    const last = known ?? (await this.#fetch(instance));
    // A page that cannot be read is told at once, and not after the wait.
    if (known === undefined) this.#read(last, undefined, false);
    await elapse(clock, last.atNs + SHORTEST_INTERVAL_NS);
    const page = await this.#fetch(instance);
    const snapshot = this.#read(page, last, known === undefined);
    await history.register(instance, snapshot.at);
    await history.add(instance.instanceId, snapshot);
    this.#keep(instance, page);
    return snapshot;
  }

  async #fetch({ metricsUrl }: Instance, signal?: AbortSignal): Promise<Page> {
    const { targets, clock, timeoutMs } = this.#options;
    const text = await fetchPage(targets, metricsUrl, {
      ...(timeoutMs !== undefined && { timeoutMs }),
      ...(signal !== undefined && { signal }),
    });
    return { url: metricsUrl, text, atNs: clock.now() };
  }

  #read(page: Page, last: Page | undefined, forRateOnly: boolean): InstanceSnapshot {
    const { today = () => new Date() } = this.#options;
    const secondsAgo = last === undefined ? 0 : (page.atNs - last.atNs) / 1e9;
    try {
      const metrics = readInstanceMetrics(
        page.text,
        last === undefined || secondsAgo <= 0 ? undefined : { text: last.text, secondsAgo, forRateOnly },
      );
      return { at: today().toISOString(), metrics };
    } catch (error) {
      if (error instanceof SyntaxError || error instanceof RangeError)
        throw collectionError(error.message, error);
      throw error;
    }
  }

  /** Pages of another address are no earlier state of this one's. */
  #lastOf({ instanceId, metricsUrl }: Instance): Page | undefined {
    const page = this.#last.get(instanceId);
    return page?.url === metricsUrl ? page : undefined;
  }

  #keep({ instanceId }: Instance, page: Page): void {
    this.forget(instanceId);
    this.#last.set(instanceId, page);
    this.#kept += page.text.length;
    for (const oldest of this.#last.keys()) {
      if (this.#kept <= MAX_KEPT) break;
      this.forget(oldest);
    }
  }
}

/** What the client is told when a reading failed, also where there is no client. */
export function reasonOf(error: unknown): string {
  return error instanceof ApiError ? error.message : "Something went wrong inside the server.";
}

function elapse(clock: Clock, untilNs: number): Promise<void> {
  return new Promise((resolve) => {
    if (clock.now() >= untilNs) resolve();
    else clock.alarm(untilNs, resolve);
  });
}
