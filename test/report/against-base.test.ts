import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { againstBase, changeCell } from "../../src/report/against-base.ts";
import { renderCsv } from "../../src/report/exports/csv.ts";
import { renderHtml } from "../../src/report/html/html.ts";
import { renderMarkdown } from "../../src/report/markdown/markdown.ts";
import { renderText } from "../../src/report/text/text.ts";
import type { MetricChange, Result } from "../../src/result.ts";
import { STATES } from "./fixture.ts";

const FORMS = [(result: Result) => renderText(result, { color: false }), renderMarkdown, renderHtml] as const;

describe("Against a baseline", () => {
  test("every form has the column and counts the changes", () => {
    for (const form of FORMS) {
      const written = form(STATES.compared!());
      assert.match(written, /Against base/u);
      assert.match(written, /▲ \+15\.3 % worse/u);
      assert.match(written, /Of 12 figures: 2 worse, 4 better and 6 unclear\./u);
      assert.match(written, /only in the head: goodput_ratio/u);
    }
  });

  test("that cannot be compared with, every form says why, and no change of anything", () => {
    for (const form of FORMS) {
      const written = form(STATES.incomparable!());
      assert.match(written, /No comparable baseline \(the stored result asked for 512 output tokens/u);
      assert.doesNotMatch(written, /Against base\b(?!line)|[+−±]\d[\d.]* %/u);
    }
  });

  test("measured by another tool, every form says so with what parts the two", () => {
    const result = STATES.compared!();
    const imported = { base: "vLLM bench serve", notes: ["Its latencies count from the send."] };
    const compared = { ...result, comparison: { ...result.comparison!, kind: "stored" as const, imported } };
    for (const form of FORMS) {
      const written = form(compared);
      assert.match(written, /by vLLM bench serve/u);
      assert.match(written, /Its latencies count from the send\./u);
      assert.match(written, /Figure against figure/u);
    }
  });

  test("as CSV it stands to the right, and only where there is something to compare", () => {
    const [heads, first] = renderCsv(STATES.compared!())
      .split("\r\n")
      .map((line) => line.split(","));
    const cell = (head: string) => first![heads!.indexOf(head)];
    assert.equal(cell("Base TTFT p95 (ms)"), "217.291");
    assert.equal(cell("TTFT p95 (ms) Change"), "worse");
    assert.equal(cell("Base TPOT p99 (ms)"), "");
    for (const state of ["met", "incomparable"]) {
      assert.doesNotMatch(renderCsv(STATES[state]!()), /Base|Change/u, state);
    }
  });

  test("no form speaks of a baseline where none was asked for", () => {
    for (const form of FORMS) assert.doesNotMatch(form(STATES.met!()), /baseline|Against base/u);
  });

  const change: MetricChange = {
    metric: "m",
    unit: "ms",
    base: 100,
    head: 110,
    better: "lower",
    change: "worse",
  };
  const rows: readonly (readonly [given: Partial<MetricChange>, cell: string, why: string])[] = [
    [{ ratio: 1.1 }, "▲ +10.0 % worse", "a latency that grew"],
    [{ ratio: 0.9, head: 90, change: "better" }, "▼ −10.0 % better", "a latency that shrank"],
    [{ ratio: 12, head: 1200 }, "▲ +1100 % worse", "no decimals beyond a hundred"],
    [{ ratio: 1, head: 100, change: "unclear" }, "≈ ±0 % unclear", "the same"],
    [{ base: 0, head: 5, unit: "ratio", change: "worse" }, "▲ 0 % → 500 % worse", "nothing is no divisor"],
    [{ base: 0, head: 0, unit: "ratio", change: "unclear" }, "≈ 0 % in both", "nothing twice"],
  ];
  for (const [given, cell, why] of rows) {
    test(`${cell}: ${why}`, () => {
      const result = STATES.compared!();
      const levels = [{ name: "l", changes: [{ ...change, ...given }], added: [], removed: [] }];
      const changed = { ...result, comparison: { ...result.comparison!, levels } };
      assert.equal(changeCell(againstBase(changed, "l", "m")), cell);
      // An objective on the change itself stands beside the same figures.
      assert.equal(changeCell(againstBase(changed, "l", "m regression")), cell);
    });
  }
});
