import assert from "node:assert/strict";
import { test } from "node:test";
import { parseObjective, parseObjectives } from "../../src/plan/objective.ts";

const READ: readonly (readonly [written: string, canonical: string])[] = [
  ["ttft_p95 < 500ms", "ttft_p95 < 500ms"],
  ["ttft_p95<500", "ttft_p95 < 500ms"],
  ["TTFT_P95 <= 0.5s", "ttft_p95 <= 500ms"],
  ["tpot_p99 <= 50ms", "tpot_p99 <= 50ms"],
  ["e2e_p95 < 3s", "e2e_p95 < 3s"],
  ["itl_p99.9 < 80ms", "itl_p99.9 < 80ms"],
  ["itl_p999 < 80ms", "itl_p99.9 < 80ms"],
  ["ttft_sent_mean < 200 ms", "ttft_sent_mean < 200ms"],
  ["e2e_max < 1m", "e2e_max < 60s"],
  ["ttft_median < 90ms", "ttft_p50 < 90ms"],
  ["error_rate < 1%", "error_rate < 1%"],
  ["error_rate <= 0.01", "error_rate <= 1%"],
  ["output_throughput > 500", "output_throughput > 500 tok/s"],
  ["request_throughput >= 12.5 req/s", "request_throughput >= 12.5 req/s"],
  ["goodput_ratio(ttft<500ms, tpot<50ms) >= 95%", "goodput_ratio(ttft < 500ms, tpot < 50ms) >= 95%"],
  // against a baseline
  ["ttft_p95 regression < 10%", "ttft_p95 regression < 10%"],
  ["TTFT_P95  Regression<0.1", "ttft_p95 regression < 10%"],
  ["e2e_mean regression <= 150%", "e2e_mean regression <= 150%"],
  ["itl_p99.9 regression < 12.5%", "itl_p99.9 regression < 12.5%"],
  ["output_throughput regression < 5%", "output_throughput regression < 5%"],
  ["error_rate regression < 1%", "error_rate regression < 1%"],
  // k6
  ["p(95)<500", "e2e_p95 < 500ms"],
  ["avg<200", "e2e_mean < 200ms"],
  ["ttft: p(99.9) < 2s", "ttft_p99.9 < 2s"],
  // vLLM
  ["ttft:500 tpot:50", "goodput_ratio(ttft <= 500ms, tpot <= 50ms) >= 95%"],
  ["ttft:500 e2el:3000", "goodput_ratio(ttft <= 500ms, e2e <= 3s) >= 95%"],
];

for (const [written, canonical] of READ) {
  test(`"${written}" is read as ${canonical}`, () => {
    assert.equal(parseObjective(written).text, canonical);
    assert.equal(parseObjective(canonical).text, canonical, "the canonical spelling reads as itself");
  });
}

const MISTAKES: readonly (readonly [written: string, column: number, says: RegExp])[] = [
  ["tttf_p95 < 500ms", 1, /did you mean ttft_p95\?/],
  ["throughputs > 5", 1, /is no metric/],
  ["ttft < 500ms", 1, /one value per request; name a statistic/],
  ["itl < 50ms", 1, /a whole distribution; name a statistic/],
  ["ttft_p95 500ms", 10, /expected <, <=, > or >=, found "500ms"/],
  ["ttft_p95 << 500ms", 11, /expected a duration/],
  ["ttft_p95 < 500 parsecs", 12, /is no duration; write it as 500ms/],
  ["ttft_p95 < 500ms please", 18, /expected nothing more/],
  ["error_rate < 150%", 14, /is no share/],
  ["error_rate < 5ms", 14, /is no share/],
  ["output_throughput > 5ms", 21, /is no rate/],
  ["goodput_ratio(itl<5) > 95%", 15, /"itl" is no metric; known are ttft/],
  ["goodput_ratio(ttft<5 > 95%", 22, /expected "\)"/],
  ["tttf_p95 regression < 10%", 1, /did you mean ttft_p95\?/],
  ["ttft regression < 10%", 1, /one value per request; name a statistic/],
  ["ttft_max regression < 10%", 1, /rests on a single request .* take ttft_p99/],
  ["total_throughput regression < 5%", 1, /is not compared with a baseline; known are ttft_pNN/],
  ["goodput_ratio regression < 5%", 1, /is not compared with a baseline/],
  ["ttft_p95 regression > 10%", 21, /kept down; write it as ttft_p95 regression < 10%/],
  ["ttft_p95 regression < 10ms", 23, /is no share of the baseline; write it as 10% or 0.1/],
  ["ttft_p95 regression <", 22, /expected a share of the baseline, for example 10%, found the end/],
  ["error_rate regression < 150%", 25, /is no difference of shares; write it as 1% or 0.01/],
  ["ttft_p95 regresion < 10%", 10, /did you mean regression\?/],
  ["ttft_p95 about 500ms", 10, /expected <, <=, > or >=, found "about 500ms"/],
  ["ttft_p95 regression < 10% please", 27, /expected nothing more/],
  ["", 1, /expected a metric.*found the end/],
];

for (const [written, column, says] of MISTAKES) {
  test(`"${written}" is refused at column ${column}`, () => {
    const { mistakes } = parseObjectives(["error_rate < 1%", written]);
    assert.equal(mistakes.length, 1);
    assert.equal(mistakes[0]!.field, "slo 2");
    assert.match(mistakes[0]!.message, new RegExp(`^column ${column}: `));
    assert.match(mistakes[0]!.message, says);
  });
}

test("a regression holds the figure that is compared, and its limit as a ratio", () => {
  assert.deepEqual(parseObjective("ttft_p95 regression < 10%"), {
    text: "ttft_p95 regression < 10%",
    subject: {
      kind: "regression",
      of: { kind: "latency", metric: "ttft", statistic: { kind: "quantile", q: 0.95 } },
    },
    op: "<",
    limit: 0.1,
  });
});
