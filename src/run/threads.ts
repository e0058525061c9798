import { Worker } from "node:worker_threads";
import type { Clock } from "../clock.ts";
import { GoodputError } from "../errors.ts";
import type { Level, Plan, Target } from "../plan/plan.ts";
import type { RequestRecord } from "../record/record.ts";
import type { Generator, Part, Stretch, StretchEnd } from "./generator.ts";
import type { Call, Reply, ThreadData } from "./generator-thread.ts";

export interface ThreadsOptions {
  readonly threads: number;
  readonly plan: Plan;
  readonly target: Target;
  /** What the threads share between them. */
  readonly part: Part;
  readonly salt?: string;
  readonly apiKey?: string;
  readonly signal: AbortSignal;
  readonly clock: Clock;
}

/**
 * A generator made of several, each in a thread with an event loop and connections of its own. The plan is
 * split among them, never drawn again, and all stamps are of one clock, so that together they do exactly
 * what one would have done.
 */
export function threadedGenerator(options: ThreadsOptions): Generator {
  const { threads, part, signal, clock } = options;
  const all = Array.from(
    { length: threads },
    (_, i) => new Thread(options, { index: part.index + part.of * i, of: part.of * threads }),
  );
  const abort = () => {
    for (const thread of all) thread.tell("abort");
  };
  signal.addEventListener("abort", abort, { once: true });
  return {
    async findModel() {
      const models = await Promise.all(all.map((thread) => thread.ask<string>({ call: "findModel" })));
      return models[0]!;
    },
    async warmUp(level: Level) {
      await Promise.all(all.map((thread) => thread.ask({ call: "warmUp", level })));
    },
    async measure(stretch: Stretch, onRecord, noMore) {
      const enough = () => {
        for (const thread of all) thread.tell("enough");
      };
      noMore.addEventListener("abort", enough, { once: true });
      try {
        // A thread counts from its own start; the clock's origin makes that the same moment for all.
        const ends = await Promise.all(
          all.map((thread) => thread.ask<StretchEnd>({ call: "measure", stretch }, onRecord)),
        );
        return together(stretch, ends);
      } finally {
        noMore.removeEventListener("abort", enough);
      }
    },
    async close() {
      signal.removeEventListener("abort", abort);
      await Promise.all(all.map((thread) => thread.end()));
    },
  };

  function together({ level: { load }, stop }: Stretch, ends: readonly StretchEnd[]): StretchEnd {
    const moments = ends.map(({ endNs }) => endNs);
    const steady =
      load.kind === "closed" && (stop.requests ?? Number.POSITIVE_INFINITY) >= 2 * load.concurrency;
    return {
      // Where the window closes with the first empty slot, it is that of the first thread to have one.
      endNs: Math.min(clock.now(), steady ? Math.min(...moments) : Math.max(...moments)),
      host: {
        cpuRatio: Math.max(...ends.map(({ host }) => host.cpuRatio)),
        loopDelayP99: Math.max(...ends.map(({ host }) => host.loopDelayP99)),
        connectionsOpened: ends.reduce((sum, { host }) => sum + host.connectionsOpened, 0),
      },
    };
  }
}

class Thread {
  readonly #worker: Worker;
  readonly #pending = new Map<number, PromiseWithResolvers<unknown>>();
  #onRecord: ((record: RequestRecord) => void) | undefined;
  #calls = 0;

  constructor({ plan, target, salt, apiKey, clock }: ThreadsOptions, part: Part) {
    const workerData: ThreadData = {
      plan,
      target,
      part,
      origin: clock.origin,
      ...(salt !== undefined && { salt }),
      ...(apiKey !== undefined && { apiKey }),
    };
    const file = `./generator-thread${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`;
    this.#worker = new Worker(new URL(file, import.meta.url), { workerData });
    this.#worker.on("message", (reply: Reply) => this.#take(reply));
    this.#worker.on("error", (error) => {
      for (const { reject } of this.#pending.values()) reject(error);
      this.#pending.clear();
    });
  }

  ask<T>(call: Call, onRecord?: (record: RequestRecord) => void): Promise<T> {
    this.#onRecord = onRecord;
    const id = this.#calls++;
    const answer = Promise.withResolvers<unknown>();
    this.#pending.set(id, answer);
    this.#worker.postMessage({ id, ...call });
    return answer.promise as Promise<T>;
  }

  tell(word: "abort" | "enough"): void {
    this.#worker.postMessage({ tell: word });
  }

  async end(): Promise<void> {
    await this.#worker.terminate();
  }

  #take(reply: Reply): void {
    if ("records" in reply) {
      for (const record of reply.records) this.#onRecord?.(record);
      return;
    }
    const answer = this.#pending.get(reply.id);
    this.#pending.delete(reply.id);
    if (!("error" in reply)) {
      answer?.resolve(reply.value);
      return;
    }
    const { code, message, hint } = reply.error;
    answer?.reject(
      code === undefined
        ? new Error(message)
        : new GoodputError(code, message, hint === undefined ? {} : { hint }),
    );
  }
}
