import { setMaxListeners } from "node:events";
import { parentPort, workerData } from "node:worker_threads";
import { type ClockOrigin, systemClock } from "../clock.ts";
import { type ErrorCode, GoodputError } from "../errors.ts";
import type { Level, Plan, Target } from "../plan/plan.ts";
import type { RequestRecord } from "../record/record.ts";
import { undiciTransport } from "../send/undici-transport.ts";
import { NS_PER_MS } from "../units.ts";
import { createGenerator, type Part, type Stretch } from "./generator.ts";

/** One thread of `threadedGenerator`: does what it is asked and sends back records in batches. */

export interface ThreadData {
  readonly plan: Plan;
  readonly target: Target;
  readonly part: Part;
  readonly origin: ClockOrigin;
  readonly salt?: string;
  readonly apiKey?: string;
}

export type Call =
  | { readonly call: "findModel" }
  | { readonly call: "warmUp"; readonly level: Level }
  | { readonly call: "measure"; readonly stretch: Stretch };

export type Message = (Call & { readonly id: number }) | { readonly tell: "abort" | "enough" };

export type Reply =
  | { readonly id: number; readonly value: unknown }
  | {
      readonly id: number;
      readonly error: { readonly code?: ErrorCode; readonly message: string; readonly hint?: string };
    }
  | { readonly records: readonly RequestRecord[] };

const BATCH = 64;
const BATCH_EVERY_NS = 20 * NS_PER_MS;

const port = parentPort;
if (port !== null) {
  const { plan, target, part, origin, salt, apiKey } = workerData as ThreadData;
  const clock = systemClock(origin);
  const stop = new AbortController();
  setMaxListeners(0, stop.signal);
  const generator = createGenerator({
    plan,
    target,
    part,
    ...(salt !== undefined && { salt }),
    ...(apiKey !== undefined && { apiKey }),
    signal: stop.signal,
    clock,
    transport: undiciTransport,
  });
  let enough = new AbortController();

  let batch: RequestRecord[] = [];
  let disarm = () => {};
  const flush = () => {
    disarm();
    disarm = () => {};
    if (batch.length > 0) port.postMessage({ records: batch } satisfies Reply);
    batch = [];
  };
  const onRecord = (record: RequestRecord) => {
    if (batch.push(record) === 1) disarm = clock.alarm(clock.now() + BATCH_EVERY_NS, flush);
    if (batch.length >= BATCH) flush();
  };

  const perform = async (call: Call): Promise<unknown> => {
    const ready = await generator;
    switch (call.call) {
      case "findModel":
        return ready.findModel();
      case "warmUp":
        return ready.warmUp(call.level);
      case "measure": {
        enough = new AbortController();
        setMaxListeners(0, enough.signal);
        const end = await ready.measure(
          call.stretch,
          onRecord,
          AbortSignal.any([enough.signal, stop.signal]),
        );
        flush();
        return end;
      }
    }
  };

  port.on("message", (message: Message) => {
    if ("tell" in message) {
      if (message.tell === "abort") stop.abort();
      else enough.abort();
      return;
    }
    const { id, ...call } = message;
    perform(call).then(
      (value) => port.postMessage({ id, value } satisfies Reply),
      (error: unknown) => {
        const known = error instanceof GoodputError;
        const text = error instanceof Error ? error.message : String(error);
        port.postMessage({
          id,
          error: {
            ...(known && { code: error.code }),
            message: text,
            ...(known && error.hint !== undefined && { hint: error.hint }),
          },
        } satisfies Reply);
      },
    );
  });
}
