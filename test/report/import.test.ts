import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { GoodputError } from "../../src/errors.ts";
import { renderCsv } from "../../src/report/exports/csv.ts";
import { renderHtml } from "../../src/report/html/html.ts";
import { importResult } from "../../src/report/import/import-result.ts";
import { renderMarkdown } from "../../src/report/markdown/markdown.ts";
import { renderText } from "../../src/report/text/text.ts";
import { LATENCIES, type LevelResult } from "../../src/result.ts";

const read = (name: string) => readFileSync(new URL(`../fixtures/results/${name}`, import.meta.url), "utf8");

describe("A result of vLLM's bench serve", () => {
  const { result, tool } = importResult(read("vllm-bench.json"))!;
  const level = result.levels[0]!;

  test("keeps what it says of the run", () => {
    assert.equal(tool, "vllm");
    assert.equal(result.target.model, "llama-3.1-8b-instruct");
    assert.equal(result.started_at, "2026-03-14T09:26:53.000Z");
    assert.deepEqual(level.load, { kind: "closed", concurrency: 16 });
    assert.equal(level.name, "concurrency 16");
    assert.equal(result.plan.input_tokens, 256);
    assert.equal(result.plan.output_tokens, 128);
  });

  test("takes its ttft for ours from the send, and its failures into the error rate", () => {
    assert.equal(level.metrics.ttft, undefined);
    assert.deepEqual(level.metrics.ttft_sent, { mean: 312.4, std: 81.7, p50: 305.1, p99: 566.9 });
    assert.equal(level.metrics.error_rate, 0.01);
    assert.equal(level.metrics.output_throughput, 25344 / 41.5);
    assert.equal(level.metrics.input_tokens, 50688);
  });

  test("leaves out what it lacks or wrote as NaN", () => {
    assert.deepEqual(level.metrics.itl, { mean: 20.6, p50: 20.1, p99: 40.5 });
    assert.equal(level.metrics.e2e, undefined);
    assert.equal(level.metrics.goodput, undefined);
    assert.deepEqual(level.histograms, {});
  });

  test("may be many, one a line, with bare Infinity in them", () => {
    const { levels } = importResult(read("vllm-append.jsonl"))!.result;
    assert.deepEqual(
      levels.map(({ name }) => name),
      ["5 req/s poisson", "10 req/s constant"],
    );
    // The older shape counts no failures; ten of its hundred did not complete.
    assert.equal(levels[1]!.requests.failed, 10);
    assert.equal(levels[0]!.metrics.ttft_sent!.p95, 62);
  });
});

describe("A result of GuideLLM", () => {
  const { result, tool } = importResult(read("guidellm-benchmarks.json"))!;

  test("has a level per strategy", () => {
    assert.equal(tool, "guidellm");
    assert.deepEqual(
      result.levels.map(({ name }) => name),
      ["concurrency 1", "concurrency 8", "5 req/s poisson"],
    );
    assert.equal(result.target.url, "http://localhost:8000");
    assert.equal(result.target.model, "llama-3.1-8b-instruct");
    assert.equal(result.started_at, "2026-03-14T09:26:53.000Z");
  });

  test("gives its request latency in milliseconds, and its per-token latency as tpot", () => {
    const { metrics, requests } = result.levels[1]!;
    assert.equal(metrics.e2e!.mean, 2200);
    assert.equal(metrics.e2e!.count, 400);
    assert.equal(metrics.tpot!.mean, 15.6);
    assert.equal(metrics.ttft_sent!.p95, 220 * 1.4);
    assert.deepEqual([requests.completed, requests.failed, requests.incomplete], [400, 4, 1]);
    assert.equal(metrics.error_rate, 4 / 404);
  });

  test("never takes the zeros of a distribution of nothing for figures", () => {
    assert.equal(result.levels[2]!.metrics.tpot, undefined);
    assert.equal(result.levels[2]!.metrics.ttft_sent!.mean, 260);
  });
});

describe("A result of AIPerf or GenAI-Perf", () => {
  test("is read by its own names", () => {
    const { result, tool } = importResult(read("aiperf-profile.json"))!;
    const { metrics, name, requests } = result.levels[0]!;
    assert.equal(tool, "aiperf");
    assert.equal(result.generator, "aiperf 0.12.0");
    assert.equal(result.run_id, "abc123");
    assert.equal(name, "concurrency 16");
    assert.equal(metrics.tpot!.mean, 20.6);
    assert.equal(metrics.itl!.mean, 20.4);
    assert.equal(metrics.output_throughput_per_user, 48.5);
    assert.deepEqual([requests.completed, requests.failed], [198, 2]);
  });

  test("is read in the unit it names, also where figures are text", () => {
    const { result } = importResult(read("genai-perf-profile.json"))!;
    const { metrics, name } = result.levels[0]!;
    assert.equal(result.generator, "genai-perf");
    assert.equal(result.imported!.title, "GenAI-Perf");
    // It does not say of how many requests its figures are: that is no count of 0.
    assert.match(renderText(result, { color: false }), /concurrency 8 +– +– +4\.50/u);
    assert.equal(name, "concurrency 8");
    assert.ok(Math.abs(metrics.e2e!.mean - 2900) < 1e-9);
    assert.ok(Math.abs(metrics.ttft_sent!.p95 - 480) < 1e-9);
    assert.equal(metrics.output_throughput, 576);
  });
});

describe("What is read from others", () => {
  for (const name of [
    "vllm-bench.json",
    "vllm-append.jsonl",
    "guidellm-benchmarks.json",
    "aiperf-profile.json",
    "genai-perf-profile.json",
  ]) {
    test(`can be told in every form, ${name}`, () => {
      const { result } = importResult(read(name))!;
      for (const written of [
        renderText(result, { color: false }),
        renderMarkdown(result),
        renderHtml(result),
        renderCsv(result),
      ]) {
        assert.doesNotMatch(written, /NaN|undefined|Infinity|\[object/u);
      }
      // Its time to first token is under its own name, not a column of dashes.
      assert.match(renderText(result, { color: false }), /Figures only, by .*TTFT sent ms/su);
      assert.match(renderText(result, { color: false }), /count from the send/u);
      for (const level of result.levels) assert.ok(finite(level), level.name);
    });
  }

  const strangers: readonly (readonly [why: string, text: string])[] = [
    ["nothing", ""],
    ["half a file", '{"date": "2026'],
    ["an empty list", "[]"],
    ["another program's JSON", '{"a": 1}'],
    ["a number", "7"],
    ["a report without benchmarks", '{"benchmarks": []}'],
    ["a field of an object's prototype", '{"__proto__": {"total_output_tokens": 1}}'],
  ];
  for (const [why, text] of strangers) {
    test(`is nobody's where no known tool has written it: ${why}`, () => {
      assert.equal(importResult(text), undefined);
    });
  }

  test("is refused with a sentence and a hint when two tools are in one file", () => {
    const text = `[${read("vllm-bench.json").replace("NaN", "null")}, {"a": 1}]`;
    assert.throws(
      () => importResult(text),
      (error) =>
        error instanceof GoodputError &&
        error.code === "RESULT_UNREADABLE" &&
        /by vLLM bench serve, but number 2 is not/u.test(error.message) &&
        error.hint !== undefined,
    );
  });

  test("has no figure below zero, no half request and none beyond all numbers", () => {
    const text = read("aiperf-profile.json")
      .replace('"avg": 312.4', '"avg": -312.4')
      .replace('"avg": 198.0', '"avg": 198.5')
      .replace('"unit": "ms",\n  "avg": 2900.0', '"unit": "s",\n  "avg": 1e308');
    const { requests, metrics } = importResult(text)!.result.levels[0]!;
    assert.equal(metrics.ttft_sent!.mean, undefined);
    assert.equal(metrics.e2e!.mean, undefined);
    assert.equal(requests.completed, 0);
  });

  test("says where its definitions part from ours", () => {
    for (const name of ["vllm-bench.json", "guidellm-benchmarks.json", "aiperf-profile.json"]) {
      const { imported } = importResult(read(name))!.result;
      assert.match(imported!.differences.join(" "), /count from the send.*ttft_sent.*whole benchmark/u, name);
    }
  });
});

/** Whatever is there is a number; nothing is there for show. */
function finite({ metrics }: LevelResult): boolean {
  return LATENCIES.every((name) =>
    Object.values(metrics[name] ?? {}).every((value) => Number.isFinite(value)),
  );
}
