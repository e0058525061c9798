import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { describe, test } from "node:test";
import { comparisonLines, renderComparisonText } from "../../src/report/text/comparison.ts";
import { pageOf } from "../../src/report/text/page.ts";
import type { Comparison, MetricChange } from "../../src/result.ts";

/** What a person reads, kept whole; UPDATE_GOLDEN=1 writes it anew, and the difference is read in review. */
const FOLDER = new URL("../golden/comparison/", import.meta.url);

const baseline = {
  run_id: "8f14e45f",
  started_at: "2026-03-14T09:26:53.000Z",
  url: "http://main.test/v1",
  model: "llama-3",
};

const latency = (
  metric: string,
  base: number,
  head: number,
  interval: MetricChange["interval"],
  change: MetricChange["change"],
): MetricChange => ({
  metric,
  unit: "ms",
  base,
  head,
  ratio: head / base,
  better: "lower",
  change,
  ...(interval && { interval }),
});

const CHANGES: readonly MetricChange[] = [
  latency("ttft_p50", 101.2, 101.3, [0.987, 1.015], "unclear"),
  latency("ttft_p95", 180.4, 214.9, [1.118, 1.264], "worse"),
  latency("ttft_p99", 250.1, 2310.4, [null, null], "unclear"),
  latency("tpot_mean", 12.31, 9.87, [0.791, 0.813], "better"),
  latency("e2e_p99", 2012.3, 2650.1, [1.02, null], "unclear"),
  {
    metric: "output_throughput",
    unit: "tok/s",
    base: 812.4,
    head: 731.2,
    ratio: 0.9,
    interval: [0.88, 0.921],
    better: "higher",
    change: "worse",
  },
  {
    metric: "error_rate",
    unit: "ratio",
    base: 0,
    head: 0.012,
    interval: [0.0042, 0.0213],
    better: "lower",
    change: "worse",
  },
];

const STATES: Readonly<Record<string, Comparison>> = {
  "same run": {
    kind: "same_run",
    baseline,
    levels: [
      { name: "concurrency 4", changes: CHANGES, added: [], removed: [] },
      { name: "concurrency 8", changes: CHANGES.slice(0, 1), added: ["itl"], removed: ["tpot", "ttft"] },
    ],
  },
  stored: {
    kind: "stored",
    baseline,
    levels: [{ name: "trace", changes: [], added: [], removed: ["ttft"] }],
  },
  "without intervals": {
    kind: "stored",
    baseline,
    levels: [
      {
        name: "concurrency 4",
        changes: [latency("ttft_p95", 100, 350, undefined, "unclear")],
        added: [],
        removed: [],
      },
    ],
  },
  "another tool": {
    kind: "stored",
    baseline: { ...baseline, url: "unknown" },
    imported: {
      base: "vLLM bench serve",
      notes: [
        "Whether both had the same workload is not in the files: a request had 256 input and 128 output tokens on average in the base, 256 input and 128 output tokens in the head.",
        "vLLM bench serve: Its latencies count from the send, ours from the scheduled moment.",
      ],
    },
    levels: [
      {
        name: "concurrency 4",
        changes: [latency("ttft_sent_p99", 100, 350, undefined, "unclear")],
        added: ["ttft", "tpot_p95"],
        removed: [],
      },
    ],
  },
  incomparable: {
    kind: "stored",
    baseline,
    incomparable: "The baseline was interrupted before its plan was done.",
    levels: [],
  },
};

describe("A comparison reads as it did when it was last looked at", () => {
  for (const [state, comparison] of Object.entries(STATES)) {
    test(state, () => {
      const file = new URL(`${state.replaceAll(" ", "-")}.txt`, FOLDER);
      const written = renderComparisonText(comparison, { color: false });
      if (process.env.UPDATE_GOLDEN === "1") {
        mkdirSync(FOLDER, { recursive: true });
        writeFileSync(file, written);
      }
      assert.equal(written, readFileSync(file, "utf8"));
    });
  }
});

test("a run's own report shows the decided figures alone, and of another tool all of them", () => {
  const page = pageOf({ color: false });
  const lines = (state: string) => comparisonLines(STATES[state], page, "decided").join("\n");
  assert.match(lines("same run"), /▲ worse/);
  assert.doesNotMatch(lines("same run"), /≈/);
  assert.match(lines("same run"), /Of 8 figures: 3 worse, 1 better and 4 unclear/);
  assert.match(lines("another tool"), /ttft_sent_p99 .*≈ unclear/);
});

test("no line is wider than it was asked to be, where words can be broken", () => {
  for (const comparison of [STATES.incomparable!, STATES["without intervals"]!]) {
    for (const line of renderComparisonText(comparison, { color: false, width: 72 }).split("\n")) {
      assert.ok(line.length <= 72, line);
    }
  }
});

test("what a target or a file says adds no order and no line", () => {
  const evil = "\u001b[2J\n::error::x\u202e";
  const text = renderComparisonText(
    {
      kind: "stored",
      baseline: { run_id: evil, started_at: evil, url: evil, model: evil },
      imported: { base: evil, head: evil, notes: [evil] },
      levels: [{ name: evil, changes: CHANGES, added: [evil], removed: [evil] }],
    },
    { color: false },
  );
  assert.doesNotMatch(text, /\u001b|\u202e|^\s*::/mu);
});

test("colour is there only when it is asked for", () => {
  const render = (color: boolean) => renderComparisonText(STATES["same run"]!, { color });
  assert.ok(render(true).includes("\u001b["));
  assert.ok(!render(false).includes("\u001b["));
});
