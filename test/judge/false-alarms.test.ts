import assert from "node:assert/strict";
import { test } from "node:test";
import { changeOf } from "../../src/judge/change.ts";
import { compareSummaries } from "../../src/judge/compare.ts";
import { normalQuantile } from "../../src/judge/intervals.ts";

import { figuresOfSummary, type LevelFigures } from "../../src/judge/level-figures.ts";
import { worsening } from "../../src/judge/regression.ts";
import { regressionsIn } from "../../src/judge/regressions.ts";
import { judge } from "../../src/judge/verdict.ts";
import { parseObjective } from "../../src/plan/objective.ts";
import { type Random, random } from "../../src/random.ts";
import { LevelSummarizer, type LevelSummary } from "../../src/summarize/summary.ts";
import { planOf, record } from "../support/records.ts";

/**
 * The law of docs/metrics.md, "Against a baseline": base and head alternate in blocks, a block's machine is
 * up to 20 % faster or slower for both, and every latency is log-normal with a spread of 20 %.
 */
const RUNS = 200;
const BLOCKS = 16;
const SPREAD = 0.2;
const DRIFT = 0.2;
/** Requests of each side; the page names these. */
const REQUESTS_TO_FLAG = 1000;
const REQUESTS_TO_VIOLATE = 2500;

const MS = 1e6;

function side(chance: Random, machines: readonly number[], requests: number, slower: number): LevelSummary {
  const noise = () => Math.exp(SPREAD * normalQuantile(chance.uniform() + 2 ** -33));
  const summarizer = new LevelSummarizer(planOf().levels[0]!);
  let now = 0;
  for (const machine of machines) {
    const start = now;
    summarizer.begin(start);
    for (let i = 0; i < requests / machines.length; i++) {
      const scheduled = now;
      const first = scheduled + 100 * MS * machine * slower * noise();
      const gap = 10 * MS * machine * noise();
      const outputs = [0, 1, 2, 3, 4].map((k) => Math.round(first + k * gap));
      now = outputs[4]!;
      summarizer.add(record(i, { scheduled, issued: scheduled, sent: scheduled, outputs, end: now }));
    }
    const host = { cpuRatio: 0, loopDelayP99: 0, connectionsOpened: 0 };
    summarizer.end({ level: 0, window: { start, end: now }, host });
  }
  return summarizer.finish();
}

function both(seed: number, requests: number, slower: number): [base: LevelSummary, head: LevelSummary] {
  const chance = random(seed, "alternation", requests, slower);
  const machines = Array.from({ length: BLOCKS }, () => 1 + DRIFT * (2 * chance.uniform() - 1));
  return [side(chance, machines, requests, 1), side(chance, machines, requests, slower)];
}

const P95 = parseObjective("ttft_p95 regression < 10%");

function shareOf(runs: number, happens: (seed: number) => boolean): number {
  let seen = 0;
  for (let seed = 0; seed < runs; seed++) if (happens(seed)) seen++;
  return seen / runs;
}

test(`of ${RUNS} services compared with themselves at most 5 % are called worse in any figure, or alarmed about`, () => {
  let called = 0;
  let alarmed = 0;
  let violated = 0;
  for (let seed = 0; seed < RUNS; seed++) {
    const [base, head] = both(seed, REQUESTS_TO_FLAG, 1);
    const levels = compareSummaries([base], [head], 0.95);
    assert.equal(levels[0]!.changes.length, 19);
    if (levels[0]!.changes.some(({ change }) => change === "worse")) called++;
    const comparison = {
      kind: "same_run",
      baseline: { run_id: "", started_at: "", url: "", model: "" },
      levels,
    } as const;
    if (regressionsIn(comparison, { regression: 0.1, errorRate: 0.01 }).beyond.length > 0) alarmed++;
    if (judge(P95, head, 0.95, figuresOfSummary(base)).outcome === "violated") violated++;
  }
  assert.ok(called / RUNS <= 0.05, `called worse: ${called}`);
  assert.ok(alarmed / RUNS <= 0.05, `alarmed: ${alarmed}`);
  assert.ok(violated / RUNS <= 0.05, `violated: ${violated}`);
});

test(`a ttft that is 15 % slower is called worse in nine of ten runs of ${REQUESTS_TO_FLAG} requests a side`, () => {
  const caught = shareOf(60, (seed) => {
    const [base, head] = both(seed, REQUESTS_TO_FLAG, 1.15);
    const { changes } = compareSummaries([base], [head], 0.95)[0]!;
    return changes.find(({ metric }) => metric === "ttft_p95")!.change === "worse";
  });
  assert.ok(caught >= 0.9, `${caught}`);
});

test(`"${P95.text}" is violated by it in nine of ten runs of ${REQUESTS_TO_VIOLATE} requests a side`, () => {
  const violated = shareOf(50, (seed) => {
    const [base, head] = both(seed, REQUESTS_TO_VIOLATE, 1.15);
    return judge(P95, head, 0.95, figuresOfSummary(base)).outcome === "violated";
  });
  assert.ok(violated >= 0.9, `${violated}`);
});

test("a regression at its limit is called met, or violated, in about one run of twenty at most", () => {
  const outcomes = Array.from({ length: RUNS }, (_, seed) => {
    const [base, head] = both(seed, 300, 1.1).map((summary) => figuresOfSummary(summary)) as [
      LevelFigures,
      LevelFigures,
    ];
    assert.ok(P95.subject.kind === "regression");
    const change = changeOf(P95.subject.of, base, head)!;
    return worsening(P95.subject.of, { ...change, interval: change.intervalAt(0.95) }).interval;
  });
  const met = outcomes.filter(([, upper]) => upper! < P95.limit).length;
  const violated = outcomes.filter(([lower]) => lower! >= P95.limit).length;
  assert.ok(met / RUNS <= 0.05, `met ${met}`);
  assert.ok(violated / RUNS <= 0.05, `violated ${violated}`);
});
