/**
 * What it takes to judge a level once it is measured, alone and against a baseline, held against folding its records into
 * a summary: simulated queues of eight slots at eight tenths of their load. `node --expose-gc bench/judging.ts
 * [requests,…]`.
 */
import { parseConfig } from "../src/plan/config.ts";
import type { Plan } from "../src/plan/plan.ts";
import { random } from "../src/random.ts";
import { RECORDS_SCHEMA } from "../src/record/records-file.ts";
import { buildResult } from "../src/report/build-result.ts";
import { leaveOutStarts } from "../src/summarize/leave-out-start.ts";
import { LevelSummarizer, type LevelSummary, type Summaries } from "../src/summarize/summary.ts";
import { SERVICES } from "./lib/simulated.ts";
import { addStretch } from "./lib/summarized.ts";
import { heading, quantile, table } from "./lib/table.ts";

const SIZES = (process.argv[2] ?? "100000,1000000").split(",").map(Number);
const ROUNDS = 3;
const OBJECTIVES = [
  "ttft_p95 < 500ms",
  "ttft_p99 < 2s",
  "e2e_p95 < 1s",
  "e2e_mean < 1s",
  "tpot_p95 < 100ms",
  "itl_p99 < 100ms",
  "error_rate < 1%",
  "output_throughput > 1",
  "goodput_ratio(ttft < 500ms, tpot < 100ms) > 90%",
];

const service = SERVICES.find(({ name }) => name === "Poisson on 8 slots, load 0.8")!;
const median = (values: readonly number[]) => quantile([...values], 0.5);

function summaryOf(requests: number, seed: number): LevelSummary {
  const summarizer = new LevelSummarizer(planFor(requests).levels[0]!);
  addStretch(summarizer, service.measure(requests, random(seed, requests)));
  return summarizer.finish();
}

function planFor(requests: number, more: Record<string, unknown> = {}) {
  const slo = OBJECTIVES.join("\n");
  return parseConfig({ url: "http://target.test", rate: 32, requests, slo, ...more }, (key) => key);
}

/** Seconds, and megabytes of the heap. */
function judged(plan: Plan, summaries: Summaries): [seconds: number, megabytes: number] {
  globalThis.gc?.();
  const before = process.memoryUsage().heapUsed;
  const from = performance.now();
  const header = {
    schema: RECORDS_SCHEMA,
    generator: "bench",
    run_id: "bench",
    started_at: "2026-01-01T00:00:00Z",
    environment: { node: "", platform: "", cpu: "", cores: 1 },
    model: "m",
    plan,
  } as const;
  const footer = { state: "completed", durationNs: summaries.head[0]!.record.window.end } as const;
  const result = buildResult(header, leaveOutStarts(summaries), footer);
  if (result.levels[0]!.objectives.length !== plan.objectives.length) throw new Error("not all was judged");
  return [(performance.now() - from) / 1000, (process.memoryUsage().heapUsed - before) / 1e6];
}

const rows = SIZES.map((requests) => {
  const alone = planFor(requests);
  const against = planFor(requests, {
    "baseline-url": "http://base.test",
    slo: [...OBJECTIVES, "ttft_p95 regression < 10%"].join("\n"),
  });
  const rounds = Array.from({ length: ROUNDS }, (_, round) => {
    const from = performance.now();
    const head = summaryOf(requests, 2 * round);
    const folding = (performance.now() - from) / 1000;
    const [judging, heap] = judged(alone, { head: [head], base: [] });
    // What is known of a summary is kept with it.
    const both = { head: [{ ...head }], base: [summaryOf(requests, 2 * round + 1)] };
    return { folding, judging, heap, comparing: judged(against, both)[0] };
  });
  const of = (key: keyof (typeof rounds)[number]) => median(rounds.map((round) => round[key]));
  return [
    requests.toLocaleString("en-US"),
    ...(["folding", "judging", "comparing"] as const).map((key) => `${of(key).toFixed(2)} s`),
    (of("judging") / of("folding")).toFixed(2),
    `${of("heap").toFixed(0)} MB`,
  ];
});
heading(`Judging ${OBJECTIVES.length} objectives, median of ${ROUNDS}`);
console.log(
  table(
    ["requests", "folding", "judging", "both sides, compared", "judging / folding", "heap it took"],
    rows,
  ),
);
