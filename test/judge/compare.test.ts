import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { compareLevels, compareResults, compareSummaries, worseningOf } from "../../src/judge/compare.ts";
import { differenceInterval, wilsonInterval } from "../../src/judge/intervals.ts";
import { figuresOfResult, figuresOfSummary } from "../../src/judge/level-figures.ts";
import { regressionsIn } from "../../src/judge/regressions.ts";
import { judge } from "../../src/judge/verdict.ts";
import { parseObjective } from "../../src/plan/objective.ts";
import { shuffled } from "../../src/plan/prompts.ts";
import { random } from "../../src/random.ts";
import type { RequestRecord } from "../../src/record/record.ts";
import type { MetricChange, Outcome, Result } from "../../src/result.ts";
import { Histogram } from "../../src/summarize/histogram.ts";
import { failure, planOf, record, summaryOf, times } from "../support/records.ts";
import { resultOf } from "../support/results.ts";

const plan = planOf();
/** A ttft between 80 and 120 ms times `factor`, in an order without a trend. */
const around = (n: number, factor = 1) =>
  times(n, (i) => record(i, { ttftMs: (80 + ((i * 17) % 41)) * factor }));
/** Half as slow and half as slow again once in all of `n`, so that these are worth hardly any independent ones. */
const swinging = (n: number, factor = 1) =>
  times(n, (i) => record(i, { ttftMs: 100 * (1 + 0.5 * Math.sin((2 * Math.PI * i) / n)) * factor }));
/** `bad` of `n` requests failed. */
const broken = (n: number, bad: number) => {
  const order = shuffled(
    Array.from({ length: n }, (_, i) => i),
    random(1, n, bad),
  );
  return times(n, (i) => (order[i]! < bad ? failure(i) : record(i)));
};
/** As many a second as `everyMs` allows. */
const paced = (n: number, everyMs: number) =>
  times(n, (i) => {
    const scheduled = i * everyMs * 1e6;
    return record(i, { scheduled, issued: scheduled, sent: scheduled });
  });
const figures = (records: readonly RequestRecord[]) => figuresOfSummary(summaryOf(plan, records));

const ROWS: readonly (readonly [
  metric: string,
  base: RequestRecord[],
  head: RequestRecord[],
  change: MetricChange["change"],
  because: string,
])[] = [
  ["ttft_p95", around(500), around(500), "unclear", "nothing changed"],
  ["ttft_p95", around(500), around(500, 1.2), "worse", "all are a fifth slower"],
  ["ttft_p95", around(500), around(500, 0.8), "better", "all are a fifth faster"],
  ["ttft_p95", around(40), around(40, 3), "unclear", "40 samples bound no p95, however far apart"],
  ["ttft_p99", around(500), around(500, 3), "unclear", "500 bound no p99 so that it holds for all figures"],
  ["ttft_p99", around(1000), around(1000, 3), "worse", "1,000 do"],
  ["ttft_p50", swinging(60), swinging(60, 1.2), "unclear", "60 that depend on each other tell no fifth"],
  ["ttft_p50", swinging(60), swinging(60, 6), "worse", "each is far slower than all were"],
  ["ttft_p50", swinging(60, 6), swinging(60), "better", "each is far faster than all were"],
  ["ttft_mean", swinging(60), swinging(60, 6), "worse", "each is far slower than all were"],
  ["ttft_p50", swinging(60), swinging(60, 3.5), "unclear", "each is slower than all were, and not far"],
  ["ttft_p99", swinging(60), swinging(60, 6), "unclear", "60 bound no p99, however far apart"],
  ["ttft_p50", swinging(20), swinging(20, 6), "unclear", "20 do not show how far a service reaches"],
  ["ttft_mean", around(500), around(500, 1.2), "worse", "all are a fifth slower"],
  ["ttft_mean", around(20), around(20, 1.2), "unclear", "20 say too little of a mean"],
  ["output_throughput", paced(500, 20), paced(500, 25), "worse", "less of it is worse"],
  ["output_throughput", paced(500, 25), paced(500, 20), "better", "more of it is better"],
  ["request_throughput", paced(5, 20), paced(5, 40), "unclear", "a moment says too little"],
  ["error_rate", broken(500, 0), broken(500, 0), "unclear", "none failed on either side"],
  ["error_rate", broken(500, 0), broken(500, 30), "worse", "none failed before"],
  ["error_rate", broken(500, 30), broken(500, 0), "better", "none fails any more"],
  ["error_rate", broken(500, 10), broken(500, 13), "unclear", "three more of 500 are chance"],
];

for (const [metric, base, head, expected, because] of ROWS) {
  test(`${metric} is ${expected} when ${because}`, () => {
    const changes = compareLevels(figures(base), figures(head), 0.95);
    assert.equal(changes.find((change) => change.metric === metric)?.change, expected);
  });
}

test("a change has both values, the ratio, and an interval around it", () => {
  const changes = compareLevels(figures(around(500)), figures(around(500, 1.2)), 0.95);
  const { interval, ...p95 } = changes.find(({ metric }) => metric === "ttft_p95")!;
  assert.deepEqual(
    { ...p95, base: Math.round(p95.base), head: Math.round(p95.head), ratio: p95.ratio?.toFixed(2) },
    { metric: "ttft_p95", unit: "ms", base: 118, head: 142, ratio: "1.20", better: "lower", change: "worse" },
  );
  assert.ok(interval![0]! > 1.15 && interval![0]! < 1.2 && interval![1]! > 1.2 && interval![1]! < 1.25);
});

test("an error rate changes by percentage points, since a share of none is nothing", () => {
  const changes = compareLevels(figures(broken(500, 0)), figures(broken(500, 30)), 0.95);
  const change = changes.find(({ metric }) => metric === "error_rate")!;
  assert.equal(change.ratio, undefined);
  assert.equal(change.unit, "ratio");
  assert.ok(change.interval![0]! > 0.02 && change.interval![1]! < 0.12, String(change.interval));
  assert.equal(worseningOf(change).observed, 0.06);
});

test("Newcombe's interval matches a published value", () => {
  // Newcombe 1998, table II: 56/70 against 48/80, method 10, two-sided 95 %: 0.0524 to 0.3339.
  const share = (hits: number, n: number) => ({ value: hits / n, interval: wilsonInterval(hits, n, 0.975) });
  const [lower, upper] = differenceInterval(share(56, 70), share(48, 80));
  assert.ok(Math.abs(lower! - 0.0524) < 5e-5 && Math.abs(upper! - 0.3339) < 5e-5, `${lower} ${upper}`);
});

test("without a confidence there is no interval, and nothing is called worse", () => {
  for (const change of compareLevels(figures(around(500)), figures(around(500, 2)), "none")) {
    assert.equal(change.interval, undefined);
    assert.equal(change.change, "unclear");
  }
});

test("what only one side has is listed, not compared", () => {
  const silent = times(100, (i) => record(i, { outputs: [], outputTokens: 0 }));
  const [level] = compareSummaries([summaryOf(plan, around(100))], [summaryOf(plan, silent)], 0.95);
  assert.deepEqual(level!.removed, ["ttft", "itl", "tpot"]);
  assert.deepEqual(level!.added, []);
  assert.ok(!level!.changes.some(({ metric }) => metric.startsWith("ttft")));
});

test("a stored result gives the same comparison as the summary it was made from", () => {
  const stored = figuresOfResult(resultOf(plan, around(300)).levels[0]!);
  const measured = figures(around(300));
  const head = figures(around(300, 1.1));
  const latencies = (changes: MetricChange[]) => changes.filter(({ unit }) => unit === "ms");
  assert.deepEqual(
    latencies(compareLevels(stored, head, 0.95)).map(({ metric, change }) => [metric, change]),
    latencies(compareLevels(measured, head, 0.95)).map(({ metric, change }) => [metric, change]),
  );
  for (const metric of ["request_throughput", "output_throughput"] as const) {
    const [read, told] = [stored, measured].map(({ estimate }) => estimate({ kind: "rate", metric })!.value);
    assert.ok(Math.abs(read! / told! - 1) < 1e-9, metric);
  }
});

test("a histogram written down and read again answers as before", () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 1e12, noNaN: true }), { minLength: 1 }), (values) => {
      const histogram = new Histogram();
      for (const value of values) histogram.record(value);
      const { min, max } = histogram;
      const exact = { min, max, mean: histogram.mean!, std: histogram.std! };
      const read = Histogram.fromBuckets(JSON.parse(JSON.stringify([...histogram.buckets()])), exact);
      assert.deepEqual([...read.buckets()], [...histogram.buckets()]);
      assert.deepEqual(
        [read.count, read.min, read.max, read.mean, read.quantile(0.5), read.quantile(0.99)],
        [histogram.count, min, max, exact.mean, histogram.quantile(0.5), histogram.quantile(0.99)],
      );
      assert.ok(Math.abs(read.std! - exact.std) <= 1e-9 * Math.max(1, exact.std));
    }),
    { seed: 1 },
  );
});

const INCOMPARABLE: readonly (readonly [
  why: string,
  base: (result: Result) => unknown,
  head: (result: Result) => unknown,
  says: RegExp,
])[] = [
  ["the plans differ", (r) => ({ ...r, plan: { ...r.plan, hash: "other" } }), (r) => r, /different plans/],
  [
    "the baseline was interrupted",
    (r) => ({ ...r, state: "cancelled" }),
    (r) => r,
    /baseline was interrupted/,
  ],
  ["the baseline is invalid", (r) => ({ ...r, valid: false }), (r) => r, /baseline may not be believed/],
  ["the head is invalid", (r) => r, (r) => ({ ...r, valid: false }), /head may not be believed/],
  ["the head was interrupted", (r) => r, (r) => ({ ...r, state: "cancelled" }), /head was interrupted/],
  ["no level is in both", (r) => ({ ...r, levels: [] }), (r) => r, /no load level in common/],
  [
    "the schema is another",
    (r) => ({ ...r, schema: "goodput.result/9" }),
    (r) => r,
    /schema goodput.result\/9/,
  ],
];

for (const [why, base, head, says] of INCOMPARABLE) {
  test(`when ${why} there is a reason instead of a comparison`, () => {
    const result = resultOf(plan, around(100));
    const { incomparable, levels } = compareResults(base(result) as Result, head(result) as Result);
    assert.match(incomparable ?? "", says);
    assert.deepEqual(levels, []);
  });
}

const JUDGED: readonly (readonly [
  objective: string,
  base: RequestRecord[] | undefined,
  head: RequestRecord[],
  outcome: Outcome,
  because: string,
])[] = [
  ["ttft_p95 regression < 10%", undefined, around(500), "inconclusive", "there is no baseline"],
  ["ttft_p95 regression < 10%", around(500), around(500), "met", "nothing changed"],
  ["ttft_p95 regression < 10%", around(500), around(500, 0.5), "met", "it became better"],
  ["ttft_p95 regression < 10%", around(500), around(500, 1.2), "violated", "a fifth is shown to be more"],
  ["ttft_p95 regression < 10%", around(500), around(500, 1.1), "inconclusive", "a tenth is the limit"],
  ["ttft_p95 regression < 10%", around(40), around(40), "inconclusive", "40 samples bound no p95"],
  ["ttft_p95 regression < 10%", broken(50, 50), around(500), "inconclusive", "the baseline has no ttft"],
  ["ttft_p95 regression < 10%", around(500), broken(50, 50), "inconclusive", "the head has no ttft"],
  ["output_throughput regression < 5%", paced(500, 20), paced(500, 20), "met", "nothing changed"],
  ["output_throughput regression < 5%", paced(500, 20), paced(500, 25), "violated", "a fifth less"],
  ["output_throughput regression < 5%", paced(500, 25), paced(500, 20), "met", "more is better"],
  ["error_rate regression < 1%", broken(1000, 0), broken(1000, 0), "met", "none fails"],
  ["error_rate regression < 1%", broken(1000, 0), broken(1000, 30), "violated", "three points more"],
  ["error_rate regression < 1%", broken(100, 0), broken(100, 0), "inconclusive", "100 do not show one point"],
];

for (const [text, base, head, outcome, because] of JUDGED) {
  test(`"${text}" is ${outcome} when ${because}`, () => {
    const objective = parseObjective(text);
    const judged = judge(objective, summaryOf(plan, head), 0.95, base && figures(base));
    assert.equal(judged.outcome, outcome, JSON.stringify(judged));
    if (outcome === "inconclusive") assert.ok(judged.reason, "says why");
    if (because.startsWith("40 samples")) assert.equal(judged.reason, "Too few samples to bound it.");
  });
}

test("an open regression says how many requests of each side would decide it", () => {
  const needed = (base: RequestRecord[], head: RequestRecord[]) =>
    judge(parseObjective("ttft_p95 regression < 10%"), summaryOf(plan, head), 0.95, figures(base))
      .requestsNeeded;
  assert.equal(needed(around(40), around(40)), 59, "the fewest that bound a p95");
  const close = needed(around(100), around(100, 1.09));
  assert.ok(close !== undefined && close > 100 && close < 2000, String(close));
});

test("without a confidence the plain estimate decides a regression", () => {
  const objective = parseObjective("ttft_p95 regression < 10%");
  const judged = judge(objective, summaryOf(plan, around(20, 1.2)), "none", figures(around(20)));
  assert.equal(judged.outcome, "violated");
  assert.equal(judged.interval, undefined);
});

test("an alarm needs a figure that is called worse, and an interval beyond what is allowed", () => {
  const between = (head: RequestRecord[]) => {
    const levels = compareSummaries([summaryOf(plan, around(2000))], [summaryOf(plan, head)], 0.95);
    const baseline = { run_id: "", started_at: "", url: "", model: "" };
    const { beyond, open } = regressionsIn(
      { kind: "stored", baseline, levels },
      { regression: 0.1, errorRate: 0.01 },
    );
    return [beyond.map(({ change }) => change.metric), open.map(({ change }) => change.metric)];
  };
  assert.deepEqual(between(around(2000)), [[], []]);
  const [beyond] = between(around(2000, 1.2));
  assert.ok(beyond!.includes("ttft_p95") && !beyond!.includes("itl_p95"), String(beyond));
  const [none, open] = between(around(2000, 1.1));
  assert.ok(
    !none!.includes("ttft_p95") && open!.includes("ttft_p95"),
    "a tenth is worse, but not shown to be beyond",
  );
});
