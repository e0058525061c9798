/**
 * What "95 %" is worth on a real run: one long level against a scripted server that computes four requests at a time, at
 * eight tenths of what it can do, cut into short ones of which each bounds the p95 of all. `node bench/coverage-real.ts
 * [requests]`; a hundred a second.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { quantileEstimate, quantileWorth } from "../src/judge/estimate.ts";
import { quantileRanks } from "../src/judge/intervals.ts";
import { parseConfig } from "../src/plan/config.ts";
import { readRecords } from "../src/record/records-file.ts";
import { runPlan } from "../src/run/run.ts";
import { Histogram } from "../src/summarize/histogram.ts";
import { heading, table } from "./lib/table.ts";

const REQUESTS = Number(process.argv[2] ?? 12_000);
const SIZES = [100, 200, 400, 1000, 2000];
const Q = 0.95;
const CONFIDENCE = 0.95;

/** Answers take 16 to 52 ms, 34 on average: four at a time are 118 a second. */
const SERVER = ["--ttft", "16ms", "--gap", "2ms", "--capacity", "4"];
const PLAN = { "output-tokens": "uniform:1-19", "input-tokens": 8, rate: 94, arrivals: "poisson" };

const server = spawn(process.execPath, ["src/cli/bin.ts", "scripted", "--port", "0", ...SERVER], {
  stdio: ["ignore", "pipe", "inherit"],
});
const [line] = (await once(createInterface({ input: server.stdout }), "line")) as [string];
const outDir = await mkdtemp(join(tmpdir(), "goodput-"));
const arrived: { readonly scheduled: number; readonly ttft: number }[] = [];
try {
  const plan = { url: /http:\S+/.exec(line)![0], requests: REQUESTS, "metrics-url": "off", ...PLAN };
  await runPlan(
    parseConfig(plan, (key) => key),
    { outDir },
  );
  for await (const one of readRecords(join(outDir, "records.jsonl"))) {
    if (!("request" in one) || one.request.ramp || one.request.outcome !== "completed") continue;
    const { scheduled, outputs } = one.request;
    arrived.push({ scheduled, ttft: outputs[0]! - scheduled });
  }
} finally {
  server.kill();
  await rm(outDir, { recursive: true });
}
arrived.sort((a, b) => a.scheduled - b.scheduled);
const all = Float64Array.from(arrived, ({ ttft }) => ttft);
const truth = all.toSorted()[Math.ceil(Q * all.length) - 1]!;

const rows = SIZES.map((size) => {
  const runs = Math.floor(all.length / size);
  const held = { upper: 0, lower: 0, bounded: 0, plainUpper: 0, plainLower: 0 };
  for (let run = 0; run < runs; run++) {
    const values = all.subarray(run * size, (run + 1) * size);
    const histogram = new Histogram();
    for (const value of values) histogram.record(value);
    const estimate = quantileEstimate(histogram, Q, quantileWorth(values, histogram)(Q))!;
    const [lower, upper] = estimate.intervalAt(CONFIDENCE);
    if (upper === undefined || upper >= truth) held.upper += 1 / runs;
    if (lower === undefined || lower <= truth) held.lower += 1 / runs;
    if (upper !== undefined && upper <= 2 * truth) held.bounded += 1 / runs;
    const sorted = values.toSorted();
    const [low, high] = quantileRanks(size, Q, CONFIDENCE);
    if (high === undefined || sorted[high - 1]! >= truth) held.plainUpper += 1 / runs;
    if (low === undefined || sorted[low - 1]! <= truth) held.plainLower += 1 / runs;
  }
  const percent = (share: number) => `${Math.round(100 * share)} %`;
  return [
    String(size),
    String(runs),
    `${percent(held.upper)}, ${percent(held.lower)}`,
    percent(held.bounded),
    `${percent(held.plainUpper)}, ${percent(held.plainLower)}`,
  ];
});
heading(
  `ttft_p95 of ${all.length} requests at 0.8 of what four slots can do: ${(truth / 1e6).toFixed(1)} ms`,
);
console.log(
  table(
    ["requests", "runs", "upper, lower bound holds", "upper within twice the truth", "taken for independent"],
    rows,
  ),
);
