import type { LevelSummarizer } from "../../src/summarize/summary.ts";
import { NS_PER_S } from "../../src/units.ts";
import { record } from "../../test/support/records.ts";
import type { Measured } from "./simulated.ts";

/** A mean service takes this long. */
const SERVICE_NS = 0.2 * NS_PER_S;

/** Adds what was measured as a stretch of its own. */
export function addStretch(summarizer: LevelSummarizer, { arrival, ttft, e2e }: Measured): void {
  const at = (time: number) => Math.round(time * SERVICE_NS);
  const start = at(arrival[0]!);
  summarizer.begin(start);
  let last = start;
  // Records come as requests end.
  const order = Uint32Array.from(arrival, (_, i) => i).sort(
    (a, b) => arrival[a]! + e2e[a]! - arrival[b]! - e2e[b]!,
  );
  for (const i of order) {
    const scheduled = at(arrival[i]!);
    const first = scheduled + Math.max(1, at(ttft[i]!));
    const end = Math.max(first + 4, scheduled + at(e2e[i]!));
    last = Math.max(last, end);
    const outputs = [0, 1, 2, 3, 4].map((k) => Math.round(first + ((end - first) * k) / 4));
    summarizer.add(record(i, { scheduled, firstByte: first, outputs, end }));
  }
  summarizer.end({
    level: 0,
    window: { start, end: last },
    host: { cpuRatio: 0, loopDelayP99: 0, connectionsOpened: 0 },
  });
}
