import assert from "node:assert/strict";
import { test } from "node:test";
import { compareResults, whyIncomparable } from "../../src/judge/compare.ts";
import { regressionsIn } from "../../src/judge/regressions.ts";
import type { LevelMetrics, Result } from "../../src/result.ts";
import { planOf, record, times } from "../support/records.ts";
import { resultOf } from "../support/results.ts";

const measured = resultOf(
  planOf({ slo: ["ttft_sent_p95 regression < 10%"], confidence: 0.95 }),
  times(400, (i) => record(i)),
);

/** As the importers make it: figures and no histograms. */
function importedAs(tool: "vllm" | "guidellm", metrics: object, level = measured.levels[0]!.name): Result {
  const { objectives: _, ...rest } = measured.levels[0]!;
  return {
    ...measured,
    plan: { ...measured.plan, hash: `imported:${tool}`, confidence: "none", objectives: [] },
    levels: [
      {
        ...rest,
        name: level,
        metrics: metrics as LevelMetrics,
        objectives: [],
        timeline: [],
        histograms: {},
      },
    ],
    imported: { tool, title: `the ${tool}`, differences: [`its ${tool} words`] },
  };
}

const LATENCY = { mean: 1, p50: 1, p99: 1 };

test("another tool's figures stand beside ours without interval or verdict, however far apart", () => {
  const base = importedAs("vllm", {
    ttft_sent: LATENCY,
    tpot: LATENCY,
    request_throughput: 9e9,
    error_rate: 0,
  });
  const { levels, imported } = compareResults(base, measured);
  const [{ changes, added, removed }] = levels as [(typeof levels)[number]];
  assert.deepEqual(
    changes.map(({ metric }) => metric),
    [
      ...["ttft_sent_p50", "ttft_sent_p99", "ttft_sent_mean"],
      ...["tpot_p50", "tpot_p99", "tpot_mean", "request_throughput", "error_rate"],
    ],
  );
  for (const change of changes) {
    assert.equal(change.change, "unclear");
    assert.equal(change.interval, undefined);
  }
  assert.equal(changes[0]!.unit, "ms");
  assert.equal(changes[0]!.head, measured.levels[0]!.metrics.ttft_sent!.p50);
  // What only we have: whole latencies by name, of the others the statistics it lacks.
  for (const name of ["ttft", "e2e", "itl", "ttft_sent_p95", "tpot_p95", "output_throughput"]) {
    assert.ok(added.includes(name), name);
  }
  assert.deepEqual(removed, []);
  assert.equal(imported!.base, "the vllm");
  assert.equal(imported!.head, undefined);
  assert.match(imported!.notes.join("\n"), /same workload.*\nthe vllm: its vllm words/);
});

test("nothing is a regression against another tool, and nothing is ruled out", () => {
  const base = importedAs("vllm", { tpot: LATENCY });
  const { beyond, open } = regressionsIn(compareResults(base, measured), { regression: 0, errorRate: 0 });
  assert.deepEqual(beyond, []);
  assert.equal(open.length, 3);
});

test("either side may be another tool's, and of two of one tool the definitions are the same", () => {
  const [vllm, guidellm] = [importedAs("vllm", { tpot: LATENCY }), importedAs("guidellm", { tpot: LATENCY })];
  assert.equal(compareResults(measured, vllm).imported!.head, "the vllm");
  assert.equal(compareResults(vllm, vllm).imported!.notes.length, 1);
  assert.equal(compareResults(vllm, guidellm).imported!.notes.length, 3);
});

test("another tool's run that was interrupted, or of other loads, is no baseline, with the reason", () => {
  const whole = importedAs("vllm", { tpot: LATENCY });
  assert.equal(whyIncomparable(whole, measured), undefined);
  assert.match(whyIncomparable({ ...whole, state: "cancelled" }, measured)!, /baseline was interrupted/);
  assert.match(
    whyIncomparable(importedAs("vllm", {}, "concurrency 9"), measured)!,
    /no load level in common: concurrency 9 in the base, .* in the head/,
  );
});

for (const confidence of [0.95, "none"] as const) {
  test(`an objective on a change from another tool is open, at confidence ${confidence}`, () => {
    const base = importedAs("vllm", { ttft_sent: { mean: 1, p50: 1, p95: 1, p99: 1 } });
    const plan = planOf({ slo: ["ttft_sent_p95 regression < 10%"], confidence });
    const { levels, verdict, comparison } = resultOf(
      plan,
      times(400, (i) => record(i)),
      base,
    );
    const [objective] = levels[0]!.objectives;
    assert.equal(objective!.outcome, "inconclusive");
    assert.equal(objective!.requests_needed, undefined);
    assert.match(objective!.reason!, /measured by the vllm.*no interval/);
    assert.equal(verdict, "inconclusive");
    assert.equal(comparison!.levels.length, 1);
  });
}
