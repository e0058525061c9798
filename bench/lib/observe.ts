/**
 * Runs the engine with the configuration given as JSON and prints the moments it recorded, a JSON line of
 * `Observed[]`, on the system's monotonic clock that the target stamps with too.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../src/clock.ts";
import { parseConfig, runPlan } from "../../src/index.ts";
import { readRecords } from "../../src/record/records-file.ts";
import { undiciTransport } from "../../src/send/undici-transport.ts";

export interface Observed {
  /** The `x-bench-id` that the target saw. */
  readonly id: string;
  readonly scheduledNs: number;
  readonly sentNs: number;
  readonly firstOutputNs: number;
}

const clock = systemClock();
const originNs = Number(process.hrtime.bigint()) - clock.now();
/** A request's id by the moment it was sent, which its record has too. */
const ids = new Map<number, string>();
let next = 0;
const outDir = mkdtempSync(join(tmpdir(), "goodput-bench-"));
try {
  const plan = parseConfig(
    { model: "bench", "input-tokens": 64, ...JSON.parse(process.argv[2]!) },
    (key) => key,
  );
  await runPlan(plan, {
    outDir,
    clock,
    transport: (origin, clock) => {
      const transport = undiciTransport(origin, clock);
      return {
        get connectionsOpened() {
          return transport.connectionsOpened;
        },
        prepare: (connections) => transport.prepare(connections),
        close: () => transport.close(),
        send(request, handler) {
          const id = String(next++);
          return transport.send(
            { ...request, headers: { ...request.headers, "x-bench-id": id } },
            {
              onSent(atNs) {
                ids.set(atNs, id);
                handler.onSent(atNs);
              },
              onHeaders: (status, type, atNs) => handler.onHeaders(status, type, atNs),
              onData: (chunk, atNs) => handler.onData(chunk, atNs),
              onEnd: (atNs) => handler.onEnd(atNs),
              onError: (error, atNs) => handler.onError(error, atNs),
            },
          );
        },
      };
    },
  });
  const observed: Observed[] = [];
  for await (const line of readRecords(join(outDir, "records.jsonl"))) {
    if (!("request" in line)) continue;
    const { scheduled, sent, outputs, outcome, failure } = line.request;
    if (outcome !== "completed") throw new Error(`a request ${outcome}: ${failure?.detail}`);
    observed.push({
      id: ids.get(sent!)!,
      scheduledNs: originNs + scheduled,
      sentNs: originNs + sent!,
      firstOutputNs: originNs + outputs[0]!,
    });
  }
  console.log(JSON.stringify(observed));
} finally {
  rmSync(outDir, { recursive: true });
}
