import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { render } from "../../src/report/formats.ts";
import { STATES } from "./fixture.ts";

interface Entry {
  readonly name: string;
  readonly unit: string;
  readonly value: number;
  readonly range?: string;
  readonly extra: string;
}

const entries = (state: string, format: "benchmark-smaller" | "benchmark-bigger") =>
  JSON.parse(render(STATES[state]!(), format)) as readonly Entry[];

describe("Entries for github-action-benchmark", () => {
  test("hold latencies and errors where smaller is better", () => {
    const smaller = entries("violated", "benchmark-smaller");
    // Four latencies of three quantiles and the error rate, at three levels.
    assert.equal(smaller.length, 3 * 13);
    const ttft = smaller.find(({ name }) => name === "concurrency 8 / ttft_p95")!;
    assert.equal(ttft.unit, "ms");
    const measured = STATES.violated!().levels[1]!.metrics.ttft!.p95;
    assert.ok(Math.abs(ttft.value - measured) < 1e-5);
    assert.match(ttft.range!, / … .* ms$/u);
    assert.match(ttft.extra, /objective: ttft_p95 < 400ms, met/u);
  });

  test("hold rates where bigger is better", () => {
    const bigger = entries("violated", "benchmark-bigger");
    assert.deepEqual(
      bigger.slice(0, 5).map(({ name, unit }) => `${name} ${unit}`),
      [
        "concurrency 1 / request_throughput req/s",
        "concurrency 1 / output_throughput tok/s",
        "concurrency 1 / output_throughput_per_user tok/s",
        "concurrency 1 / goodput req/s",
        "concurrency 1 / goodput_ratio %",
      ],
    );
  });

  test("leave out what was not measured", () => {
    const measured = entries("all failed", "benchmark-smaller");
    assert.deepEqual(
      measured.map(({ name, value }) => [name, value]),
      [["concurrency 4 / error_rate", 100]],
    );
    assert.deepEqual(entries("nothing measured", "benchmark-bigger"), []);
  });

  test("say of an invalid run that it is one", () => {
    for (const { extra } of entries("invalid", "benchmark-smaller")) assert.match(extra, /invalid/u);
  });

  test("have names that stay the same from run to run", () => {
    for (const { name } of entries("met", "benchmark-smaller"))
      assert.match(name, /^concurrency 4 \/ [a-z0-9_]+$/u);
  });
});
