import { parseConfig } from "../../src/plan/config.ts";
import type { Plan } from "../../src/plan/plan.ts";
import type { LevelRecord, RequestRecord } from "../../src/record/record.ts";
import { LevelSummarizer, type LevelSummary } from "../../src/summarize/summary.ts";

const MS = 1e6;

export function planOf(raw: Record<string, unknown> = {}): Plan {
  return parseConfig({ url: "http://target.test", requests: 10, "output-tokens": 5, ...raw }, (key) => key);
}

/** A request of five tokens, 10 ms apart, that did well; what a test is about is given. */
export function record(
  index: number,
  given: Partial<RequestRecord> & { readonly ttftMs?: number } = {},
): RequestRecord {
  const { ttftMs = 50, ...rest } = given;
  const scheduled = rest.scheduled ?? index * 100 * MS;
  const first = scheduled + ttftMs * MS;
  const outputs = [0, 1, 2, 3, 4].map((i) => first + i * 10 * MS);
  return {
    level: 0,
    index,
    scheduled,
    issued: scheduled,
    sent: scheduled,
    firstByte: first,
    outputs,
    end: outputs[4]!,
    status: 200,
    bytes: 100,
    inputTokens: 256,
    outputTokens: 5,
    tokenSource: "usage",
    outcome: "completed",
    ...rest,
  };
}

export function failure(index: number): RequestRecord {
  const scheduled = index * 100 * MS;
  return record(index, {
    outputs: [],
    outputTokens: 0,
    end: scheduled + MS,
    status: 503,
    outcome: "failed",
    failure: { reason: "http_5xx", detail: "HTTP 503" },
  });
}

export function summaryOf(
  plan: Plan,
  records: readonly RequestRecord[],
  given: Partial<LevelRecord> = {},
): LevelSummary {
  const summarizer = new LevelSummarizer(plan.levels[0]!);
  summarizer.begin(0);
  for (const one of records) summarizer.add(one);
  summarizer.end({
    level: 0,
    window: { start: 0, end: Math.max(...records.map((one) => one.end), 1) },
    host: { cpuRatio: 0.1, loopDelayP99: 0, connectionsOpened: 0 },
  });
  const summary = summarizer.finish();
  return { ...summary, record: { ...summary.record, ...given } };
}

export function times(count: number, make: (index: number) => RequestRecord): RequestRecord[] {
  return Array.from({ length: count }, (_, i) => make(i));
}
